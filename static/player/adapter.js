/**
 * The adapter page's script, on the content origin: holds the API object for the content in the frame below, and passes
 * what it sets on to the player page on the application's origin, by messages whose origin both sides check.
 *
 * From the player: launch {document}, saved {sequence}, state {canKeep}, valid {values}, leave, stop, log.
 * To the player: ready, initialized, batch {batch}, left, log {calls}; where calls are logged, each one: called {call}.
 */

import { makeApi } from "./api.js";
import { Batches } from "./batches.js";
import { pack, readable, unpack } from "./carried.js";
import { Runtime, RUNNING } from "./runtime.js";

const KEPT_CALLS = 2000;
const LEAVING = 2500;
const CLIMBS = 1000; // steps in one go; drivers that count at all give up at 500

const { appOrigin } = document.documentElement.dataset;
const frame = document.getElementById("content");

// Taken before they are hidden: drivers climb from window to window until one denies access, and then die.
const above = window.parent;
const player = window.opener ?? above;
window.opener = null;

// Most drivers stop climbing at a window that is its own parent. Some stop only where the browser denies access, or at
// the topmost window: who climbs for ever is shown what is really above, or the browser would hang.
let climbed = 0;
Object.defineProperty(window, "parent", {
  get() {
    if (climbed === 0) setTimeout(() => (climbed = 0));
    climbed += 1;
    return climbed > CLIMBS ? above : window;
  },
});

let launched = null;
let canKeep = true;
let closing = false;
let soon = false; // whether what is set while the page goes away is about to be sent
let calls = [];

const tell = (type, more = {}) => player.postMessage({ stoa: 1, type, ...more }, appOrigin);

window.addEventListener("message", (event) => {
  if (event.origin !== appOrigin || event.source !== player || event.data?.stoa !== 1) return;
  const { type, ...data } = event.data;
  HANDLERS[type]?.(data);
});

const HANDLERS = {
  launch({ document: given }) {
    if (launched) return;
    launched = open(given);
  },
  saved({ sequence }) {
    launched?.batches.saved(sequence);
  },
  state(data) {
    canKeep = data.canKeep;
  },
  valid({ values }) {
    for (const [element, value] of Object.entries(values)) launched?.runtime?.values.set(element, value);
  },
  leave() {
    leave();
  },
  stop() {
    if (launched) launched.batches.send = () => {};
    closing = false;
    if (launched) launched.close = null;
    empty();
  },
  log() {
    tell("log", { calls });
  },
};

function open({ session, title, table, values, access, strict, url, close, log }) {
  document.title = title;
  frame.title = title;
  const batches = new Batches({ send: (batch) => tell("batch", { session, batch }) });
  const running = { session, batches, close, runtime: null };
  if (table) {
    const runtime = new Runtime(table, {
      values: Object.fromEntries(Object.entries(values).map(([element, value]) => [element, unpack(value)])),
      access,
      strict,
      onChange: (element, value) => {
        batches.add(element, pack(value));
        if (closing) sendSoon();
      },
    });
    running.runtime = runtime;
    const { name, api } = makeApi(runtime, {
      initialized() {
        batches.flush({ initialized: true });
        tell("initialized");
      },
      committed() {
        batches.flush({ committed: true });
        if (closing) sendRest();
        return canKeep;
      },
      terminated() {
        batches.flush({ terminated: true });
        if (closing) sendRest();
      },
      called(method, given, answer, error) {
        const said = given.filter((one) => one !== undefined).map((one) => (typeof one === "string" ? readable(one) : one));
        calls.push([new Date().toISOString(), method, said, readable(answer), error]);
        if (calls.length > KEPT_CALLS) calls = calls.slice(-KEPT_CALLS / 2);
        if (log) tell("called", { call: calls.at(-1) });
      },
    });
    window[name] = api;
  }
  // Replaced, not navigated: the browser's Back button must not leaf through activities behind the player's back.
  frame.contentWindow.location.replace(new URL(url, location.href));
  return running;
}

frame.addEventListener("load", () => {
  try {
    frame.contentWindow.addEventListener("pagehide", () => {
      launched?.batches.flush();
      if (closing) sendRest();
    });
  } catch {
    // The content has gone to another site; there is nothing of ours to hear from it.
  }
});

/** Empty the frame, so that the content's unload handlers run into a living API; then say that it has left. */
function leave() {
  let done = false;
  const left = () => {
    if (done) return;
    done = true;
    launched?.batches.flush();
    tell("left", { sequence: launched?.batches.sequence ?? 0, running: launched?.runtime?.state === RUNNING });
  };
  frame.addEventListener("load", left, { once: true });
  setTimeout(left, LEAVING);
  empty();
}

function empty() {
  frame.contentWindow.location.replace("about:blank");
}

// The window is closing. A message would not arrive any more; what the server has not confirmed goes by beacon, also
// when content sets something in a handler of its own that runs later than this one.
window.addEventListener("pagehide", () => {
  closing = true;
  launched?.batches.flush();
  sendRest();
});

/** What a handler of the content sets that runs after ours, without a Commit: sent once the handler is through. */
function sendSoon() {
  if (soon) return;
  soon = true;
  queueMicrotask(() => {
    soon = false;
    launched?.batches.flush();
    sendRest();
  });
}

function sendRest() {
  if (!launched?.close) return;
  const { session, batches, close } = launched;
  const weigh = (batch) => new TextEncoder().encode(JSON.stringify(batch)).length;
  const rest = batches.rest(weigh);
  const body = JSON.stringify({ session, token: close.token, batches: rest, last: batches.sequence });
  navigator.sendBeacon(close.url, new Blob([body], { type: "text/plain" }));
}

// Restored from the browser's cache of pages, the session is over on the server: start anew.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

tell("ready");
