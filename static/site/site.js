// What pages need beyond HTML and htmx. Every behavior hangs on a data- attribute; words come from the page, never from here.

const live = document.getElementById("live");

/** Tell people who do not see the page what has changed on it. */
export function announce(text) {
  live.textContent = "";
  setTimeout(() => { live.textContent = text; }, 60);
}

// Flash messages are on the page before a screen reader listens; say them once.
const flashes = document.getElementById("flashes");
if (flashes) announce(flashes.textContent.trim());

// A long menu shows where we are.
const rail = document.querySelector(".rail");
const here = rail?.querySelector("[aria-current]");
if (here) rail.scrollTop = here.getBoundingClientRect().bottom - rail.getBoundingClientRect().bottom + 24;  // the page itself stays

for (const tabs of document.querySelectorAll(".tabs")) {
  const current = tabs.querySelector("[aria-current]")?.getBoundingClientRect();
  const around = tabs.getBoundingClientRect();
  if (current && (current.right > around.right || current.left < around.left)) tabs.scrollLeft += (current.left + current.right - around.left - around.right) / 2;
}

// ---------------------------------------------------------------- colors

function chosenTheme() {
  return document.documentElement.dataset.theme ?? "system";
}

function showChosenTheme() {
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === chosenTheme()));
  }
}

function chooseTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem("stoa-theme");
    else localStorage.setItem("stoa-theme", theme);
  } catch {
    // not kept where storage is forbidden; still right for this page
  }
  showChosenTheme();
}

showChosenTheme();

// ---------------------------------------------------------------- clicks

document.addEventListener("click", (event) => {
  const theme = event.target.closest("[data-theme-choice]");
  if (theme) chooseTheme(theme.dataset.themeChoice);
  const copy = event.target.closest("[data-copy], [data-copy-from]");
  if (copy) copyText(copy);
  const command = event.target.closest("button[commandfor]");
  if (command && !("command" in HTMLButtonElement.prototype)) runCommand(command);
});

document.addEventListener("change", (event) => {
  const name = event.target.dataset?.checkAll;
  if (name) for (const box of event.target.form.querySelectorAll(`input[type=checkbox][name="${name}"]`)) box.checked = event.target.checked;
});

async function copyText(button) {
  const words = button.querySelector("span");
  try {
    await navigator.clipboard.writeText(button.dataset.copy ?? document.getElementById(button.dataset.copyFrom).textContent);
  } catch {
    announce(live.dataset.copyFailed);
    return;
  }
  const label = (words.dataset.label ??= words.textContent);
  words.textContent = button.dataset.copied;
  announce(button.dataset.copied);
  setTimeout(() => { words.textContent = label; }, 2000);
}

// Browsers older than 2026 do not know `command` on buttons.
function runCommand(button) {
  const dialog = document.getElementById(button.getAttribute("commandfor"));
  if (button.getAttribute("command") === "show-modal") dialog.showModal();
  else dialog.close();
}

// A link inside the drawer leads on; what it leaves open would be open again on "back".
window.addEventListener("pageshow", () => {
  for (const dialog of document.querySelectorAll("dialog.drawer[open]")) dialog.close();
});

// ---------------------------------------------------------------- after a part of the page was replaced

/** Lead the focus to what is new: a refused form's summary, else the heading when the whole content changed. */
export function settle(part) {
  const summary = part.querySelector("[data-focus]");
  if (summary) {
    summary.focus();
  } else if (part.id === "main") {
    const heading = part.querySelector("h1");
    heading?.focus();
    announce(heading?.textContent.trim() ?? document.title);
  }
  measureTables(part);
}

document.addEventListener("htmx:after:settle", (event) => settle(event.target));
document.addEventListener("announce", (event) => announce(event.detail?.value ?? "")); // HX-Trigger: {"announce": "…"}

const summary = document.querySelector("[data-focus]");
if (summary) summary.focus();

// A table that has to be scrolled must be reachable by keyboard; one that fits must not be a stop on the way.
function measureTables(part) {
  for (const frame of part.querySelectorAll(".table-frame")) {
    if (frame.scrollWidth > frame.clientWidth) frame.tabIndex = 0;
    else frame.removeAttribute("tabindex");
  }
}

measureTables(document);
addEventListener("resize", () => measureTables(document));

// ---------------------------------------------------------------- uploads that show how far they are

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-upload]");
  if (!form) return;
  event.preventDefault();
  upload(form);
});

function upload(form) {
  const progress = form.querySelector(".upload-progress");
  const bar = progress.querySelector("progress");
  const note = progress.querySelector(".upload-note");
  const buttons = form.querySelectorAll("button[type=submit]");
  const request = new XMLHttpRequest();
  const body = new FormData(form);
  progress.hidden = false;
  note.textContent = note.dataset.sending;
  for (const button of buttons) button.disabled = true;
  request.upload.addEventListener("progress", ({ loaded, total, lengthComputable }) => {
    if (!lengthComputable) return;
    bar.value = Math.floor((100 * loaded) / total);
    note.textContent = loaded < total ? `${note.dataset.sending} ${bar.value} %` : note.dataset.checking;
    if (loaded === total) bar.removeAttribute("value");
  });
  request.addEventListener("load", () => showAnswer(request));
  request.addEventListener("error", () => {
    note.textContent = note.dataset.failed;
    announce(note.dataset.failed);
    bar.value = 0;
    for (const button of buttons) button.disabled = false;
  });
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "text/html");
  request.send(body);
}

// The answer is a whole page (redirects were followed); asking for it again would lose its flash messages.
function showAnswer(request) {
  const page = new DOMParser().parseFromString(request.responseText, "text/html");
  const content = page.getElementById("main");
  if (!content) {
    location.assign(request.responseURL);
    return;
  }
  const main = document.getElementById("main");
  main.replaceChildren(...content.childNodes);
  main.dataset.replaced = "";
  document.title = page.title;
  if (request.responseURL !== location.href) history.pushState(null, "", request.responseURL);
  window.htmx?.process(main);
  settle(main);
}

addEventListener("popstate", () => {
  if (document.querySelector("main")?.dataset.replaced !== undefined) location.reload();
});
