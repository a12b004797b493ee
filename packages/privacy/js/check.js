// The check: four questions, handed in once. What is known decides whether the lesson is shown.

import { CHECK, TOPICS } from "./questions.js";
import { choose, chosen, draw, element, grade, isComplete, tellAnswers, tellScore, tellTopics } from "./quiz.js";
import { Runtime } from "./runtime.js";

const at = (id) => document.getElementById(id);
const runtime = new Runtime();
runtime.start();
at("offline").hidden = runtime.connected;
draw(at("questions"), CHECK);
const state = { answers: {}, isDone: false, ...runtime.recall() };
const began = Date.now();
choose(at("questions"), state.answers);
if (runtime.isForCredit && !state.isDone) {
  runtime.set("cmi.completion_status", "incomplete");
  runtime.set("cmi.progress_measure", 0);
}
if (state.isDone) showResult(grade(CHECK, state.answers));

at("questions").addEventListener("change", () => {
  state.answers = chosen(at("questions"));
  runtime.set("cmi.location", "questions");
  keep();
});
at("questions").addEventListener("submit", (event) => {
  event.preventDefault();
  const answers = chosen(at("questions"));
  if (!isComplete(at("questions"), CHECK, answers)) return;
  const result = grade(CHECK, answers);
  Object.assign(state, { answers, isDone: true });
  tellAnswers(runtime, CHECK, answers, result, began);
  tellTopics(runtime, result.topics, (share) => share === 1);
  tellScore(runtime, result.scaled, { rollsUp: false });
  runtime.set("cmi.progress_measure", 1);
  runtime.set("cmi.completion_status", "completed");
  runtime.set("cmi.location", "result");
  keep();
  showResult(result, { focus: true });
});
at("go-on").addEventListener("click", () => {
  runtime.finish("continue");
  at("go-on").hidden = true;
  at("goodbye").hidden = false;
});

function keep() {
  runtime.set("cmi.suspend_data", JSON.stringify(state));
  at("unsaved").hidden = runtime.commit();
}

function showResult(result, { focus = false } = {}) {
  const knowsAll = Object.values(result.topics).every((share) => share === 1);
  at("questions").hidden = true;
  at("result").hidden = false;
  at("result").classList.toggle("passed", knowsAll);
  at("verdict").textContent = knowsAll
    ? "You know both topics. The lesson is skipped; the final test comes next."
    : "The lesson comes next. It goes through what is still open.";
  at("topics").replaceChildren(...Object.entries(TOPICS).map(([topic, words]) =>
    element("li", { class: result.topics[topic] === 1 ? "known" : "open" }, `${words}: ${result.topics[topic] === 1 ? "known" : "still open"}`)));
  if (focus) at("verdict").focus();
}
