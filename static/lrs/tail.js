// The live tail of the statement browser: new statements appear on top as they are stored. Words come from the page.

import { announce } from "../site/site.js";

const LONGEST = 200;
const list = document.getElementById("statements");
const place = document.getElementById("tail");

if (place && "EventSource" in window) open();

function open() {
  const address = new URL(place.dataset.url, location.href);
  if (place.dataset.after) address.searchParams.set("after", place.dataset.after);
  const source = new EventSource(address);
  source.onopen = () => say(place.dataset.live);
  source.onerror = () => say(place.dataset.away);
  source.onmessage = (event) => add(JSON.parse(event.data));
  source.addEventListener("gap", () => say(place.dataset.gap));
  window.addEventListener("pagehide", () => source.close());
}

function say(text) {
  if (place.textContent !== text) place.textContent = text;
}

function add(item) {
  const row = document.createElement("li");
  row.className = "row-line";
  const main = part("div", "row-main", row);
  const title = part("div", "row-title", main);
  title.append(link(item.actor.text, { person: item.actor.key }), " ", link(item.verb.text, { verb: item.verb.key }), " ");
  if (item.kind === "Activity") title.append(link(item.object.text, { activity: item.object.key }));
  else title.append(item.object.text);
  const details = document.createElement("a");
  details.href = `${place.dataset.list}/${item.id}`;
  details.textContent = place.dataset.details;
  part("div", "row-text", main).append(details);
  const when = document.createElement("time");
  when.dateTime = item.stored;
  when.textContent = new Date(item.stored).toLocaleTimeString(document.documentElement.lang);
  part("span", "row-when", row).append(when);
  list.prepend(row);
  while (list.children.length > LONGEST) list.lastElementChild.remove();
  announce(title.textContent);
}

function part(name, className, parent) {
  const element = document.createElement(name);
  element.className = className;
  parent.append(element);
  return element;
}

function link(text, filter) {
  const [[name, value]] = Object.entries(filter);
  if (!value) return text;
  const element = document.createElement("a");
  element.href = `${place.dataset.list}?${new URLSearchParams({ [name]: value })}`;
  element.textContent = text;
  return element;
}
