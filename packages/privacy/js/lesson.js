// The lesson: pages with a bookmark. Topics that the check has found known are marked, and may be passed over.

import { Runtime } from "./runtime.js";

const at = (id) => document.getElementById(id);
const runtime = new Runtime();
const pages = [...document.querySelectorAll(".page")];
const ids = pages.map((page) => page.id);
let shown = 0;

runtime.start();
at("offline").hidden = runtime.connected;
const known = ["recognize", "share"].filter(isKnown);
const state = { seen: [], ...runtime.recall() };
document.documentElement.classList.add("on");
if (runtime.isForCredit && state.seen.length === 0) runtime.set("cmi.completion_status", "incomplete");
for (const page of pages) page.querySelector(".known-already")?.toggleAttribute("hidden", !known.includes(page.dataset.topic));
show(Math.max(0, ids.indexOf(runtime.get("cmi.location"))), { focus: false });
at("back").addEventListener("click", () => show(shown - 1));
at("next").addEventListener("click", () => (shown === pages.length - 1 ? goOn() : show(shown + 1)));

function isKnown(topic) {
  if (!runtime.connected) return false;
  return runtime.get(`cmi.objectives.${runtime.objective(`topic-${topic}`)}.success_status`) === "passed";
}

function show(index, { focus = true } = {}) {
  if (index < 0 || index >= pages.length) return;
  shown = index;
  pages.forEach((page, number) => { page.hidden = number !== index; });
  if (!state.seen.includes(ids[index])) state.seen.push(ids[index]);
  at("back").disabled = index === 0;
  at("next").textContent = index === pages.length - 1 ? "To the final test" : "Next";
  at("place").textContent = `Page ${index + 1} of ${pages.length}`;
  at("line").max = pages.length;
  at("line").value = state.seen.length;
  document.title = `${pages[index].querySelector("h1").textContent} · Privacy in everyday work`;
  runtime.set("cmi.location", ids[index]);
  runtime.set("cmi.suspend_data", JSON.stringify(state));
  runtime.set("cmi.progress_measure", (needed().length - unread().length) / needed().length);
  if (unread().length === 0) runtime.set("cmi.completion_status", "completed");
  at("unsaved").hidden = runtime.commit();
  scrollTo(0, 0);
  if (focus) pages[index].querySelector("h1").focus();
}

/** The pages that must be read: those of topics that are known already need not. */
function needed() {
  return pages.filter((page) => !known.includes(page.dataset.topic));
}

function unread() {
  return needed().filter((page) => !state.seen.includes(page.id));
}

function goOn() {
  runtime.finish("continue");
  at("next").disabled = true;
  at("back").disabled = true;
  at("place").textContent = "Everything is saved.";
}
