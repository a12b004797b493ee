// The course itself: pages, bookmark, quiz and result. What is kept between visits is in `state` and goes to suspend_data.

import { grade, QUESTIONS } from "./quiz.js";
import { Runtime, timeOfDay, timespan } from "./runtime.js";

const runtime = new Runtime();
const pages = [...document.querySelectorAll(".page")];
const ids = pages.map((page) => page.id);
const at = (id) => document.getElementById(id);

let state = { seen: [], answers: {}, best: null, result: null }; // result: the last score, until a new try begins
let shown = 0;
let questionsSince = Date.now();
let over = false;

begin();

function begin() {
  document.documentElement.classList.add("on");
  runtime.start();
  at("offline").hidden = runtime.connected;
  recall();
  if (status() === "" || status() === "not attempted") runtime.set("cmi.core.lesson_status", "incomplete");
  tellPages();
  buildContents();
  show(Math.max(0, ids.indexOf(runtime.get("cmi.core.lesson_location"))), { focus: false });
  if (state.result !== null) showResult(state.result, grade(state.answers).wrong);
  at("back").addEventListener("click", () => show(shown - 1));
  at("next").addEventListener("click", () => show(shown + 1));
  at("contents").addEventListener("click", choosePage);
  at("questions").addEventListener("submit", handIn);
  at("questions").addEventListener("change", keepAnswers);
  at("again").addEventListener("click", tryAgain);
  at("leave").addEventListener("click", leave);
  document.addEventListener("click", followPageLink);
  addEventListener("pagehide", end);
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); }); // its session has ended
}

// ---------------------------------------------------------------- what is remembered

function recall() {
  try {
    state = { ...state, ...JSON.parse(runtime.get("cmi.suspend_data") || "{}") };
  } catch {
    // somebody else's or damaged data: begin anew rather than stop
  }
  for (const [question, answer] of Object.entries(state.answers)) {
    const input = document.querySelector(`input[name="${CSS.escape(question)}"][value="${CSS.escape(answer)}"]`);
    if (input) input.checked = true;
  }
}

function keep() {
  runtime.set("cmi.suspend_data", JSON.stringify(state));
  at("unsaved").hidden = runtime.commit();
}

function status() {
  return runtime.get("cmi.core.lesson_status");
}

function hasPassed() {
  return ["passed", "completed"].includes(status()) || (!runtime.connected && state.best >= mastery());
}

function mastery() {
  return Number(runtime.get("cmi.student_data.mastery_score") || 80);
}

// ---------------------------------------------------------------- pages

function show(index, { focus = true } = {}) {
  if (index < 0 || index >= pages.length) return;
  shown = index;
  pages.forEach((page, number) => { page.hidden = number !== index; });
  const { id } = pages[index];
  if (!state.seen.includes(id)) state.seen.push(id);
  tellPage(index);
  if (id === "quiz") questionsSince = Date.now();
  at("back").disabled = index === 0;
  at("next").disabled = index === pages.length - 1;
  at("place").textContent = `Page ${index + 1} of ${pages.length}`;
  at("line").value = state.seen.length;
  at("line").max = pages.length;
  document.title = `${heading(pages[index])} · Fire safety at work`;
  markContents();
  at("unread").hidden = unread().length === 0;
  at("unread-pages").replaceChildren(...unread().map(pageLink));
  runtime.set("cmi.core.lesson_location", id);
  keep();
  scrollTo(0, 0);
  if (focus) pages[index].querySelector("h1").focus();
}

/** One objective per page, so that others can tell how far the learner is. */
function tellPages() {
  ids.forEach((id, index) => {
    runtime.set(`cmi.objectives.${index}.id`, id);
    tellPage(index);
  });
}

/** A page is completed when it has been read; the quiz when it has been passed. */
function tellPage(index) {
  const done = ids[index] === "quiz" ? hasPassed() : state.seen.includes(ids[index]);
  runtime.set(`cmi.objectives.${index}.status`, done ? "completed" : "not attempted");
}

function heading(page) {
  return page.querySelector("h1").textContent;
}

function unread() {
  return pages.filter((page) => page.id !== "quiz" && !state.seen.includes(page.id));
}

function buildContents() {
  at("contents-list").replaceChildren(...pages.map((page) => {
    const line = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.page = page.id;
    button.textContent = page.dataset.short ?? heading(page);
    line.append(button);
    return line;
  }));
}

function markContents() {
  for (const button of at("contents-list").querySelectorAll("button")) {
    const seen = state.seen.includes(button.dataset.page);
    button.classList.toggle("seen", seen);
    button.setAttribute("aria-description", seen ? "read" : "not read yet");
    if (button.dataset.page === ids[shown]) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
}

function choosePage(event) {
  const button = event.target.closest("button[data-page]");
  if (!button) return;
  at("contents").open = false;
  show(ids.indexOf(button.dataset.page));
}

function pageLink(page) {
  const line = document.createElement("li");
  const link = document.createElement("a");
  link.href = `#${page.id}`;
  link.textContent = heading(page);
  line.append(link);
  return line;
}

function followPageLink(event) {
  const link = event.target.closest('a[href^="#"]');
  const index = link ? ids.indexOf(link.hash.slice(1)) : -1;
  if (index < 0) return;
  event.preventDefault();
  show(index);
}

// ---------------------------------------------------------------- quiz

function chosen() {
  return Object.fromEntries(new FormData(at("questions")).entries());
}

function keepAnswers() {
  state.answers = chosen();
  keep();
}

function handIn(event) {
  event.preventDefault();
  const answers = chosen();
  const missing = QUESTIONS.filter((question) => !(question.id in answers));
  at("missing").hidden = missing.length === 0;
  if (missing.length > 0) {
    at("missing").textContent = missing.length === 1 ? "One question has no answer yet." : `${missing.length} questions have no answer yet.`;
    document.querySelector(`input[name="${missing[0].id}"]`).focus();
    return;
  }
  const { score, wrong } = grade(answers);
  state = { ...state, answers, result: score, best: Math.max(score, state.best ?? 0) };
  report(answers, score);
  showResult(score, wrong, { focus: true });
}

/** Tell the run-time each answer, the best score, and whether this is a pass; a pass is never taken back. */
function report(answers, score) {
  const first = Number(runtime.get("cmi.interactions._count") || 0);
  QUESTIONS.forEach((question, number) => {
    const interaction = `cmi.interactions.${first + number}`;
    runtime.set(`${interaction}.id`, question.id);
    runtime.set(`${interaction}.type`, question.type);
    runtime.set(`${interaction}.time`, timeOfDay(new Date()));
    runtime.set(`${interaction}.correct_responses.0.pattern`, question.right);
    runtime.set(`${interaction}.weighting`, 1);
    runtime.set(`${interaction}.student_response`, answers[question.id]);
    runtime.set(`${interaction}.result`, answers[question.id] === question.right ? "correct" : "wrong");
    runtime.set(`${interaction}.latency`, timespan((Date.now() - questionsSince) / QUESTIONS.length));
  });
  const passedBefore = hasPassed();
  runtime.set("cmi.core.score.min", 0);
  runtime.set("cmi.core.score.max", 100);
  runtime.set("cmi.core.score.raw", state.best);
  if (score >= mastery()) runtime.set("cmi.core.lesson_status", "passed");
  else if (!passedBefore) runtime.set("cmi.core.lesson_status", "failed");
  tellPage(ids.indexOf("quiz"));
  keep();
}

function showResult(score, wrong, { focus = false } = {}) {
  const passed = score >= mastery();
  at("questions").hidden = true;
  at("result").hidden = false;
  at("result").classList.toggle("passed", passed);
  at("score").textContent = `${score} of 100`;
  at("verdict").textContent = passed ? "You passed." : `Not yet: ${mastery()} are needed to pass.`;
  at("topics").hidden = wrong.length === 0 || passed;
  at("topics-list").replaceChildren(...wrong.map((question) => pageLink(at(question.page))));
  at("again").hidden = passed;
  at("leave").hidden = !passed;
  if (focus) at("verdict").focus();
}

function tryAgain() {
  state = { ...state, answers: {}, result: null };
  at("questions").reset();
  at("questions").hidden = false;
  at("result").hidden = true;
  at("missing").hidden = true;
  questionsSince = Date.now();
  keep();
  pages[shown].querySelector("h1").focus();
}

// ---------------------------------------------------------------- the end

function end() {
  if (over) return;
  over = true;
  runtime.finish(!hasPassed());
}

function leave() {
  end();
  at("leave").hidden = true;
  at("goodbye").hidden = false;
  at("goodbye").focus();
  if (window.opener) window.close();
}
