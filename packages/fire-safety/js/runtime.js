// The course's side of the SCORM 1.2 run-time: find the API, read what is known, keep what changes.
// Without an API (the file opened by itself) everything works and nothing is kept; `connected` says so.

export class Runtime {
  #api = findApi(window);
  #began = Date.now();
  #open = false;

  /** Begin the session; true when somebody will remember what happens here. */
  start() {
    this.#open = said(this.#api?.LMSInitialize(""));
    return this.#open;
  }

  get connected() {
    return this.#open;
  }

  /** One element of the data model, "" when unknown. */
  get(element) {
    return this.#open ? String(this.#api.LMSGetValue(element)) : "";
  }

  set(element, value) {
    return !this.#open || said(this.#api.LMSSetValue(element, String(value)));
  }

  /** Keep everything set so far, with the time spent; false when it could not be kept. */
  commit() {
    this.set("cmi.core.session_time", timespan(Date.now() - this.#began));
    return !this.#open || said(this.#api.LMSCommit(""));
  }

  /** End the session. `suspend`: come back to this place next time. */
  finish(suspend) {
    if (!this.#open) return;
    this.set("cmi.core.exit", suspend ? "suspend" : "");
    this.commit();
    this.#api.LMSFinish("");
    this.#open = false;
  }
}

// The book says the string "true"; some answer with the boolean.
function said(answer) {
  return String(answer) === "true";
}

/** The object named API in this window's parents, or in the parents of the window that opened it (RTE 1.2, 3.3.6.1). */
export function findApi(start) {
  return search(start) ?? (start.opener && start.opener !== start ? search(start.opener) : null);
}

function search(from) {
  let view = from;
  for (let level = 0; level < 500; level += 1) {
    try {
      if (view.API) return view.API;
    } catch {
      return null; // a window of somebody else; there is nothing for us above it
    }
    if (view.parent === view) return null;
    view = view.parent;
  }
  return null;
}

/** Milliseconds as CMITimespan, HHHH:MM:SS.SS. */
export function timespan(milliseconds) {
  const hundredths = Math.max(0, Math.floor(milliseconds / 10));
  const seconds = Math.floor(hundredths / 100);
  const pad = (number, width) => String(number).padStart(width, "0");
  const hours = Math.min(9999, Math.floor(seconds / 3600));
  return `${pad(hours, 4)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}.${pad(hundredths % 100, 2)}`;
}

/** The time of day as CMITime, HH:MM:SS. */
export function timeOfDay(date) {
  return date.toTimeString().slice(0, 8);
}
