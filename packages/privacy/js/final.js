// The final test: its measure decides. Passed ends the course; not passed leads back to the lesson.

import { FINAL } from "./questions.js";
import { choose, chosen, draw, grade, isComplete, tellAnswers, tellScore, tellTopics } from "./quiz.js";
import { Runtime } from "./runtime.js";

const at = (id) => document.getElementById(id);
const runtime = new Runtime();
runtime.start();
at("offline").hidden = runtime.connected;
draw(at("questions"), FINAL);
const state = { answers: {}, isDone: false, ...runtime.recall() };
const needed = Number(runtime.get("cmi.scaled_passing_score") || 0.75);
const began = Date.now();
choose(at("questions"), state.answers);
if (runtime.isForCredit && !state.isDone) {
  runtime.set("cmi.completion_status", "incomplete");
  runtime.set("cmi.progress_measure", 0);
}
if (state.isDone) showResult(grade(FINAL, state.answers).scaled);

at("questions").addEventListener("change", () => {
  state.answers = chosen(at("questions"));
  runtime.set("cmi.location", "questions");
  keep();
});
at("questions").addEventListener("submit", (event) => {
  event.preventDefault();
  const answers = chosen(at("questions"));
  if (!isComplete(at("questions"), FINAL, answers)) return;
  const result = grade(FINAL, answers);
  const passed = result.scaled >= needed;
  Object.assign(state, { answers, isDone: true });
  tellAnswers(runtime, FINAL, answers, result, began);
  tellTopics(runtime, result.topics, (share) => passed || share === 1); // whoever passes the whole need not go back
  tellScore(runtime, result.scaled, { rollsUp: true });
  runtime.set("cmi.progress_measure", 1);
  runtime.set("cmi.completion_status", "completed");
  runtime.set("cmi.success_status", passed ? "passed" : "failed");
  runtime.set("cmi.location", "result");
  keep();
  showResult(result.scaled, { focus: true });
});
at("remark").addEventListener("change", () => {
  const count = Number(runtime.get("cmi.comments_from_learner._count") || 0);
  runtime.set(`cmi.comments_from_learner.${count}.comment`, at("remark").value);
  runtime.set(`cmi.comments_from_learner.${count}.location`, "final test");
  runtime.commit();
});
at("go-on").addEventListener("click", () => {
  runtime.finish("continue"); // the sequencing rules make of it: back to the lesson, or the end
  at("go-on").hidden = true;
  at("goodbye").hidden = false;
});

function keep() {
  runtime.set("cmi.suspend_data", JSON.stringify(state));
  at("unsaved").hidden = runtime.commit();
}

function showResult(scaled, { focus = false } = {}) {
  const passed = scaled >= needed;
  at("questions").hidden = true;
  at("result").hidden = false;
  at("result").classList.toggle("passed", passed);
  at("score").textContent = `${Math.round(scaled * 100)} of 100`;
  at("verdict").textContent = passed ? "You passed." : `Not yet: ${Math.round(needed * 100)} are needed. The lesson comes again, then the test.`;
  at("go-on").textContent = passed ? "Finish the course" : "Back to the lesson";
  if (focus) at("verdict").focus();
}
