// The course's side of the SCORM 2004 run-time: find the API, read what is known, keep what changes.
// Without an API (a page opened by itself) everything works and nothing is kept; `connected` says so.

export class Runtime {
  #api = findApi(window);
  #began = Date.now();
  #open = false;

  /** Begin the session, and end it whenever the page goes; true when somebody will remember what happens here. */
  start() {
    this.#open = this.#api?.Initialize("") === "true";
    addEventListener("pagehide", () => this.finish());
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); }); // its session has ended
    return this.#open;
  }

  get connected() {
    return this.#open;
  }

  /** Whether this visit only looks back or looks around: then nothing counts. */
  get isForCredit() {
    return !this.#open || this.get("cmi.mode") === "normal";
  }

  /** One element of the data model, "" when unknown. */
  get(element) {
    return this.#open ? String(this.#api.GetValue(element)) : "";
  }

  set(element, value) {
    return !this.#open || this.#api.SetValue(element, String(value)) === "true";
  }

  /** The number of the objective with this identifier; a new one where the system has given none. */
  objective(identifier) {
    const count = Number(this.get("cmi.objectives._count") || 0);
    for (let number = 0; number < count; number += 1) {
      if (this.get(`cmi.objectives.${number}.id`) === identifier) return number;
    }
    this.set(`cmi.objectives.${count}.id`, identifier);
    return count;
  }

  /** What the last visit kept, or {}; data that are damaged or somebody else's are as good as none. */
  recall() {
    try {
      return JSON.parse(this.get("cmi.suspend_data") || "{}");
    } catch {
      return {};
    }
  }

  /** Keep everything set so far; false when it could not be kept. */
  commit() {
    this.set("cmi.session_time", seconds(Date.now() - this.#began));
    return !this.#open || this.#api.Commit("") === "true";
  }

  /** End the session, once. `request`: where to go (`continue`, …); without one the learner comes back to this place. */
  finish(request = null) {
    if (!this.#open) return;
    this.set("cmi.exit", request ? "normal" : "suspend");
    if (request) this.set("adl.nav.request", request);
    this.set("cmi.session_time", seconds(Date.now() - this.#began));
    this.#api.Terminate("");
    this.#open = false;
  }
}

/** The object named API_1484_11 in this window's parents, or in those of the window that opened it (RTE 3.3). */
export function findApi(start) {
  return search(start) ?? (start.opener && start.opener !== start ? search(start.opener) : null);
}

function search(from) {
  let view = from;
  for (let level = 0; level < 500; level += 1) {
    try {
      if (view.API_1484_11) return view.API_1484_11;
    } catch {
      return null; // a window of somebody else; there is nothing for us above it
    }
    if (view.parent === view) return null;
    view = view.parent;
  }
  return null;
}

/** Milliseconds as timeinterval(second,10,2). */
export function seconds(milliseconds) {
  return `PT${(Math.max(0, milliseconds) / 1000).toFixed(2)}S`;
}

/** A moment as time(second,10,0). */
export function moment(date) {
  return date.toISOString().slice(0, 19) + "Z";
}
