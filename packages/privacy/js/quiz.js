// A test on a page: drawn from its questions, graded, told to the run-time. Check and final test both use it.

import { TOPICS } from "./questions.js";
import { moment, seconds } from "./runtime.js";

/** What these answers ({question id: [letters]}) are worth: `scaled` 0 … 1, and the share right of each topic. */
export function grade(questions, answers) {
  const isRight = (question) => question.right.length === (answers[question.id] ?? []).length
    && question.right.every((letter) => answers[question.id].includes(letter));
  const right = questions.filter(isRight).map((question) => question.id);
  const topics = {};
  for (const topic of Object.keys(TOPICS)) {
    const own = questions.filter((question) => question.topic === topic);
    topics[topic] = own.filter((question) => right.includes(question.id)).length / own.length;
  }
  return { right, scaled: right.length / questions.length, topics };
}

/** Draw the questions into a form. */
export function draw(form, questions) {
  questions.forEach((question, number) => {
    const field = element("fieldset", {}, element("legend", {}, `${number + 1}. ${question.text}`));
    for (const [letter, words] of question.options) {
      const type = question.right.length > 1 ? "checkbox" : "radio";
      const input = element("input", { type, name: question.id, value: letter });
      field.append(element("label", { class: "answer" }, input, element("span", {}, words)));
    }
    form.insertBefore(field, form.querySelector(".warning"));
  });
}

/** The answers chosen so far. */
export function chosen(form) {
  const answers = {};
  for (const [question, letter] of new FormData(form).entries()) (answers[question] ??= []).push(letter);
  return answers;
}

/** Choose these answers again. */
export function choose(form, answers) {
  for (const input of form.querySelectorAll("input")) input.checked = (answers[input.name] ?? []).includes(input.value);
}

/** Say which questions have no answer yet, and go to the first; true when there are none. */
export function isComplete(form, questions, answers) {
  const missing = questions.filter((question) => !answers[question.id]);
  const warning = form.querySelector(".warning");
  warning.hidden = missing.length === 0;
  if (missing.length === 0) return true;
  warning.textContent = missing.length === 1 ? "One question has no answer yet." : `${missing.length} questions have no answer yet.`;
  form.querySelector(`input[name="${missing[0].id}"]`).focus();
  return false;
}

/** Tell the run-time each answer: one interaction per question, tied to its topic's objective. */
export function tellAnswers(runtime, questions, answers, result, began) {
  const first = Number(runtime.get("cmi.interactions._count") || 0);
  questions.forEach((question, number) => {
    const interaction = `cmi.interactions.${first + number}`;
    runtime.set(`${interaction}.id`, question.id);
    runtime.set(`${interaction}.type`, question.type);
    runtime.set(`${interaction}.objectives.0.id`, `topic-${question.topic}`);
    runtime.set(`${interaction}.timestamp`, moment(new Date(began)));
    runtime.set(`${interaction}.description`, question.text);
    runtime.set(`${interaction}.weighting`, 1);
    runtime.set(`${interaction}.correct_responses.0.pattern`, question.right.join("[,]"));
    runtime.set(`${interaction}.learner_response`, answers[question.id].join("[,]"));
    runtime.set(`${interaction}.result`, result.right.includes(question.id) ? "correct" : "incorrect");
    runtime.set(`${interaction}.latency`, seconds((Date.now() - began) / questions.length));
  });
}

/** Tell what stands for each topic: `passed` says for which, by its share right. */
export function tellTopics(runtime, topics, passed) {
  for (const [topic, share] of Object.entries(topics)) {
    const objective = `cmi.objectives.${runtime.objective(`topic-${topic}`)}`;
    runtime.set(`${objective}.score.scaled`, share);
    runtime.set(`${objective}.success_status`, passed(share) ? "passed" : "failed");
    runtime.set(`${objective}.completion_status`, "completed");
    runtime.set(`${objective}.description`, TOPICS[topic]);
  }
}

/** Tell the score of the whole test. Only a `scaled` one rolls up into the course's; the check has none. */
export function tellScore(runtime, scaled, { rollsUp }) {
  runtime.set("cmi.score.min", 0);
  runtime.set("cmi.score.max", 100);
  runtime.set("cmi.score.raw", Math.round(scaled * 100));
  if (rollsUp) runtime.set("cmi.score.scaled", scaled);
}

export function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
