/**
 * The player page's script, on the application's origin: shows an activity's adapter in the frame, journals and delivers
 * what it passes on, says what is saved, and navigates.
 *
 * It finds the launch document in `#launch` (JSON, see services/runtime.py), texts in `#stoa-texts` (JSON) and its places
 * by id, all but the frame optional: #stoa-content (iframe), #stoa-saved (status words), #stoa-previous, #stoa-next,
 * #stoa-exit (its href or data-return is where leaving leads), #stoa-fullscreen, #stoa-window, #stoa-outline (what
 * carries data-item opens that item), #stoa-log; whatever carries data-request makes that navigation request. After each
 * confirmed commit and each launch it dispatches `stoa:committed` on the body.
 *
 * Where the course does not start by itself the document has a `ticket` instead of a session: nothing is open, the learner
 * is asked to choose in the outline, and what they choose is opened with the ticket. The same question comes when an
 * activity has ended and none follows; then the session that has ended asks for the next one.
 */

import { Delivery, Superseded, Unreached } from "./delivery.js";
import { Journal } from "./journal.js";
import { hide, show, TEXTS } from "./messages.js";

const SENSORS = "accelerometer; gyroscope; magnetometer; xr-spatial-tracking"; // tours turn with the device
const ALLOW = `autoplay; fullscreen; picture-in-picture; encrypted-media; clipboard-write; ${SENSORS}`;
const SANDBOX =
  "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-modals allow-downloads";
const HEARTBEAT = 60_000;
const SETTLE = 15_000; // how long leaving waits for the server
const EMPTYING = 4000; // … and for the content to go
const SILENCE = 10_000; // a SCO that has not called Initialize by then may need a window of its own
const LARGE = 8 * 1024;
const LOGGING = 1000; // calls that are logged travel together
const NARROW = matchMedia("(max-width: 575.98px)"); // there the outline lies over the content, see training.css

const byId = (id) => document.getElementById(id);

export class Player {
  constructor(launch, { journal = new Journal(), texts = {} } = {}) {
    this.texts = { ...TEXTS, ...texts };
    this.journal = journal;
    this.running = null;
    this.waiting = null; // the document of a page on which nothing has been opened yet
    this.navigating = false;
    this.asked = null;
    this.superseded = false;
    this.csrf = document.querySelector('meta[name="csrf-token"]')?.content ?? "";
    this.first = launch;
    window.addEventListener("message", (event) => this.#hear(event));
    window.addEventListener("online", () => this.running?.delivery.retry());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.running?.delivery.retry(); // browsers let the timers of a page out of sight wait
    });
    window.addEventListener("pageshow", (event) => event.persisted && location.reload());
    this.#control("stoa-previous", () => this.navigate("previous"));
    this.#control("stoa-next", () => this.navigate("continue"));
    this.#control("stoa-exit", () => this.navigate("leave"));
    this.#control("stoa-fullscreen", () => {
      const content = byId("stoa-content"); // another one with each activity; what is around it stays, and messages are in it
      (content.closest(".player-main") ?? content).requestFullscreen();
    });
    this.#control("stoa-window", () => this.#openWindow());
    document.addEventListener("click", (event) => {
      const asked = event.target.closest?.("[data-request]");
      if (asked) this.navigate(asked.dataset.request);
    });
    byId("stoa-outline")?.addEventListener("click", (event) => {
      const choice = event.target.closest("[data-item]");
      if (!choice || choice.disabled || choice.getAttribute("aria-disabled") === "true") return;
      event.preventDefault();
      if (this.#isPlaying(choice.dataset.item)) { // not what the outline marks: that comes a moment later
        this.#uncover(); // it is open already: whoever points at it wants to see it, not to begin it anew
        return;
      }
      this.navigate("choice", choice.dataset.item);
    });
    setInterval(() => this.#beat(), HEARTBEAT);
  }

  #isPlaying(item) {
    const { running } = this;
    return document.body.dataset.player === "running" && running?.document.item === item && !running.terminated;
  }

  /** Send what an earlier visit left on this device. If some of it was news, the launch is made anew, on top of it. */
  async start() {
    const { applied, kept } = await this.#replay();
    if (applied) {
      location.reload();
      return;
    }
    const news = kept ? this.texts.kept : this.first.unsent_elsewhere ? this.texts.elsewhere : "";
    if (this.first.ticket) {
      this.waiting = this.first;
      this.#controls(this.first.navigation);
      const { only, refused } = this.first;
      const words = refused ? this.texts.choose_other : only ? this.texts.waits : this.texts.choose;
      this.#askToChoose(this.first, words, [news, this.texts.why ?? this.first.reason]);
    } else {
      this.#launch(this.first);
      if (news) this.#show(news);
    }
  }

  /** Leave the activity and go where the request leads; the server decides whether it may. */
  async navigate(request, target = null) {
    const { running } = this;
    if (this.superseded || !(running || this.waiting)) return;
    if (this.navigating) {
      this.asked = [request, target]; // where what is under way leads nowhere, this comes next
      return;
    }
    this.navigating = true;
    this.asked = null;
    try {
      if (!running) {
        await this.#begin(request, target);
        return;
      }
      await this.#empty(running);
      if (!(await running.delivery.settled(SETTLE))) {
        if (!this.superseded) this.#show(this.texts.unsent, this.texts.retry, () => this.navigate(request, target));
        return;
      }
      await this.#go(`/runtime/${running.document.session}/navigate`, { request, target }, () => this.navigate(request, target));
    } finally {
      this.navigating = false;
    }
    if (this.asked && document.body.dataset.player === "choosing") this.navigate(...this.asked);
  }

  /** Nothing is open yet: open what was chosen, or leave. Other requests have nothing to start from. */
  async #begin(request, target) {
    if (request === "leave") this.#end({ suspended: true });
    else if (request === "choice")
      await this.#go("/runtime/choose", { ticket: this.waiting.ticket, target }, () => this.navigate(request, target));
  }

  async #go(url, body, again) {
    let led;
    try {
      led = await this.#ask(url, body);
    } catch (problem) {
      if (problem instanceof Superseded) this.#giveWay();
      else this.#show(`${this.texts.unreachable} ${problem.message}`, this.texts.retry, again);
      return;
    }
    if (led.refused && this.waiting) {
      this.#askToChoose({ offers: true }, this.texts.choose_other, [led.refused]);
      return; // nothing has changed
    }
    if (led.refused) this.#refuse(led);
    else if (led.between) this.#rest(led.between);
    else if (led.launch) this.#launch(led.launch);
    else this.#end(led);
    this.#announce();
  }

  /** The activity has ended and none follows: the learner chooses, and the session that has ended asks for it. */
  #rest({ reason, offers, only, navigation }) {
    this.#closeWindow();
    this.#controls(navigation);
    if (only) this.#offerAgain(only);
    else this.#askToChoose({ offers }, this.texts.choose_next, [reason]);
  }

  /** What was asked for is not possible: the learner chooses something else, or goes on with what they have just left. */
  #refuse({ refused, offers }) {
    this.#closeWindow();
    const words = offers ? this.texts.choose_other : this.texts.ask;
    this.#handOver([refused, words], "info", [this.texts.go_on, () => location.reload()]);
  }

  /** A course of one part has no outline to choose in: the learner leaves, or begins again. */
  #offerAgain(only) {
    const ways = [[this.texts.leave, "leave"], [this.texts.again, "choice", only]];
    this.#handOver([this.texts.ended], "info", ...ways.map(([label, ...asked]) => [label, () => this.navigate(...asked)]));
  }

  #closeWindow() {
    this.running.window?.close?.();
    this.running.window = null;
  }

  /**
   * Where there is something to choose the learner is asked to; else all that is left is leaving. What is `only` one
   * thing has no line in the outline: a button opens it.
   */
  #askToChoose({ offers, only }, words, news) {
    const begin = only ? [[this.texts.begin, () => this.navigate("choice", only)]] : [];
    const leave = byId("stoa-exit") ? [[this.texts.leave, () => this.navigate("leave")]] : [];
    if (offers) this.#handOver([...news, words], "info", ...begin);
    else this.#handOver([...news, this.texts.nothing], "warning", ...leave);
  }

  /** Say that it is the learner's turn, above an outline that is open, and bring keyboard and screen reader there. */
  #handOver(texts, kind, ...ways) {
    document.body.dataset.player = "choosing";
    if (document.fullscreenElement) document.exitFullscreen(); // the outline is not in it
    byId("stoa-content").hidden = true;
    const own = byId("stoa-window");
    if (own) own.hidden = true;
    document.querySelector(".player-side")?.setAttribute("open", "");
    const message = show(texts.filter(Boolean).join(" "), ways);
    message.classList.replace("alert-warning", `alert-${kind}`);
    message.tabIndex = -1;
    document.querySelector(".player-room")?.prepend(message);
    message.focus();
  }

  #launch(given) {
    const wasAsked = document.body.dataset.player === "choosing";
    hide();
    this.waiting = null;
    this.running?.window?.close?.();
    const delivery = new Delivery({
      post: (batches, signal) => this.#commit(given.session, batches, signal),
      journal: this.journal.forSession({ session: given.session, registration: given.registration, person: given.person }),
      onState: (state) => this.running?.delivery === delivery && this.#status(state),
      onSaved: (sequence) => this.#tell("saved", { sequence }),
    });
    const running = { document: given, delivery, window: null, initialized: false, canKeep: true, saved: 0, follow: null };
    this.running = running;
    document.body.dataset.player = "running";
    this.#uncover();
    this.#status("saved");
    this.#controls(given.navigation);
    if (NARROW.matches) document.querySelector(".player-side")?.removeAttribute("open");
    const frame = this.#frame(given);
    const own = byId("stoa-window");
    if (own) own.hidden = !given.new_window;
    if (given.new_window && own) {
      if (wasAsked) own.focus();
      return; // browsers let a window open on the learner's own click only
    }
    frame.src = given.adapter_url;
    running.window = frame.contentWindow;
    if (wasAsked) frame.focus(); // what was asked for is answered there; its title is read out
    setTimeout(() => {
      if (this.running === running && given.is_sco && !running.initialized && own) own.hidden = false;
    }, SILENCE);
  }

  /** On a phone the open outline lies over the content. */
  #uncover() {
    const outline = document.querySelector(".player-side");
    if (outline && getComputedStyle(outline).position === "absolute") outline.removeAttribute("open");
  }

  /** A new frame for each activity: nothing of the one before is left in it. */
  #frame(given) {
    const old = byId("stoa-content");
    const frame = document.createElement("iframe");
    frame.id = old.id;
    frame.className = old.className;
    frame.title = given.title;
    frame.allow = ALLOW;
    frame.setAttribute("sandbox", SANDBOX);
    old.replaceWith(frame);
    return frame;
  }

  #openWindow() {
    const { running } = this;
    if (!running) return;
    byId("stoa-content").src = "about:blank";
    running.window = window.open(running.document.adapter_url, "_blank", running.document.window_features ?? "");
  }

  #hear(event) {
    const { running } = this;
    if (!running || event.origin !== running.document.content_origin || event.source !== running.window) return;
    if (event.data?.stoa !== 1) return;
    const { type, ...data } = event.data;
    if (type === "ready") this.#tell("launch", { document: running.document });
    else if (type === "initialized") {
      running.initialized = true;
      const own = byId("stoa-window");
      if (own && !running.document.new_window) own.hidden = true;
    } else if (type === "batch" && data.session === running.document.session) this.#take(running, data.batch);
    else if (type === "left") running.left?.();
    else if (type === "log") this.#log(data.calls);
    else if (type === "called") this.#called(running, data.call);
  }

  #take(running, batch) {
    const urgent = batch.initialized || batch.committed || batch.terminated || isLarge(batch);
    running.delivery.add(batch, { urgent: Boolean(urgent) }).then(() => this.#tellWhetherItKeeps(running));
    if (batch.terminated) running.terminated = true;
    if (batch.terminated && !this.navigating) this.#afterTerminate(running);
  }

  /** The content has ended by itself: go where it asked to go, if it did; else the learner decides. */
  async #afterTerminate(running) {
    const saved = await running.delivery.settled(SETTLE);
    if (saved && this.running === running && running.follow) await this.navigate(running.follow.request, running.follow.target);
  }

  /** Empty the frame first: the content's last handlers run, and what they set is delivered before anything goes on. */
  async #empty(running) {
    if (!running.window || running.window.closed) return;
    await new Promise((resolve) => {
      running.left = resolve;
      setTimeout(resolve, EMPTYING);
      this.#tell("leave");
    });
  }

  async #commit(session, batches, signal) {
    const body = { batches, last: batches.at(-1)?.sequence ?? 0 };
    const answer = await this.#ask(`/runtime/${session}/commit`, body, { signal });
    const { running } = this;
    if (running?.document.session === session) {
      if (answer.saved >= running.saved) { // else it was overtaken by the answer to a later one, and tells of earlier
        running.saved = answer.saved;
        running.follow = answer.follow;
        if (answer.navigation) this.#ways(answer);
      }
      if (batches.length) this.#announce();
    }
    return answer;
  }

  /** What the activity has said of itself may lead on: the controls and `adl.nav.request_valid` follow. */
  #ways({ navigation, valid }) {
    this.#controls(navigation);
    this.#tell("valid", { values: valid });
  }

  /** While nothing is being sent, ask once a minute: it keeps the sign-in alive and tells when another window took over. */
  async #beat() {
    const { running } = this;
    if (this.waiting) await this.#renewToken().catch(() => {}); // keeps the sign-in alive, too
    if (!running || this.superseded || this.navigating || running.delivery.queue.length) return;
    try {
      await this.#commit(running.document.session, []);
    } catch (problem) {
      // Whose session this page has ended itself, meanwhile, is no other window's.
      if (problem instanceof Superseded && this.running === running && !this.navigating) this.#giveWay();
    }
  }

  /**
   * POST JSON as the signed-in person. Throws Superseded where a later session has taken over, Unreached where nobody
   * answers but a gateway, else the server's words. `signal` gives up waiting.
   */
  async #ask(url, body, { signal, again = true } = {}) {
    const response = await fetch(url, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": this.csrf },
      body: JSON.stringify(body),
      signal,
    }).catch((problem) => {
      throw new Unreached(problem.message);
    });
    if (response.ok) return response.status === 204 ? null : response.json();
    if (response.status === 409 || response.status === 410) throw new Superseded();
    if (response.status === 403 && again && (await this.#renewToken())) return this.#ask(url, body, { signal, again: false });
    if (isOfGateway(response)) throw new Unreached(response.statusText);
    if (response.status === 401) this.#show(this.texts.signed_out);
    const words = await response.json().then((problem) => problem.detail, () => response.statusText);
    throw new Error(words);
  }

  /** After signing in again in another tab, this page's token is out of date. */
  async #renewToken() {
    const response = await fetch("/runtime/token", { credentials: "same-origin", headers: { Accept: "application/json" } });
    if (!response.ok) return false;
    const { csrf } = await response.json();
    const changed = csrf !== this.csrf;
    this.csrf = csrf;
    return changed;
  }

  async #replay() {
    const told = { applied: 0, kept: 0 };
    let entries = [];
    try {
      entries = await this.journal.of(this.first.person);
    } catch (problem) {
      console.error(problem);
    }
    const sessions = new Map();
    for (const entry of entries) sessions.set(entry.session, [...(sessions.get(entry.session) ?? []), entry]);
    for (const [session, own] of sessions) {
      try {
        const batches = own.map((entry) => entry.batch);
        const body = { batches, last: batches.at(-1).sequence, replay: true };
        const { saved, applied } = await this.#ask(`/runtime/${session}/commit`, body);
        await this.journal.remove(session, saved);
        told.applied += applied;
      } catch (problem) {
        if (problem instanceof Superseded) told.kept += 1;
        else console.error(problem);
      }
    }
    return told;
  }

  #end({ suspended }) {
    const shown = this.running?.document;
    const stays = shown?.wrap_up && !(suspended && shown.mode === "browse"); // whoever leaves a preview has seen enough
    this.running?.window?.close?.();
    this.running = null;
    document.body.dataset.player = "ended";
    const exit = byId("stoa-exit");
    const back = exit?.dataset.return ?? exit?.getAttribute("href");
    if (stays) this.#uncover();
    if (back && stays) this.#show(suspended ? this.texts.suspended : this.texts.ended, this.texts.leave, () => location.assign(back));
    else if (back) location.assign(back);
    else this.#show(suspended ? this.texts.suspended : this.texts.ended);
  }

  #giveWay() {
    if (this.superseded) return;
    this.superseded = true;
    document.body.dataset.player = "superseded";
    this.#tell("stop");
    this.#show(this.texts.superseded, this.texts.take_back, () => location.reload());
  }

  #tellWhetherItKeeps(running) {
    if (running.delivery.canKeep === running.canKeep) return;
    running.canKeep = running.delivery.canKeep;
    this.#tell("state", { canKeep: running.canKeep });
  }

  #tell(type, more = {}) {
    const { running } = this;
    running?.window?.postMessage({ stoa: 1, type, ...more }, running.document.content_origin);
  }

  #status(state) {
    const place = byId("stoa-saved");
    if (place) {
      place.dataset.state = state;
      place.textContent = this.texts[state];
    }
    if (state === "superseded") this.#giveWay();
    if (this.running) this.#tellWhetherItKeeps(this.running);
  }

  #announce() {
    document.body.dispatchEvent(new CustomEvent("stoa:committed", { bubbles: true }));
  }

  #controls(navigation) {
    for (const [name, { enabled, visible, finishes }] of Object.entries(navigation ?? {})) {
      const control = byId(`stoa-${name}`);
      if (!control) continue;
      control.disabled = !enabled;
      if (!enabled) control.setAttribute("aria-disabled", "true");
      else control.removeAttribute("aria-disabled");
      control.hidden = !visible;
      const words = control.querySelector("[data-finish]");
      if (words) words.textContent = finishes ? words.dataset.finish : words.dataset.next;
    }
  }

  #control(id, act) {
    byId(id)?.addEventListener("click", (event) => {
      event.preventDefault();
      if (event.currentTarget.getAttribute("aria-disabled") !== "true") act();
    });
  }

  #show(text, label = "", act = null) {
    return show(text, act ? [[label, act]] : []);
  }

  /** Ask the adapter for the log of API calls; it appears in #stoa-log. */
  requestLog() {
    this.#tell("log");
  }

  /** Calls are logged: shown below each other through all activities, and sent along where somebody wants to see them. */
  #called(running, call) {
    byId("stoa-log")?.append(`${asLine(call)}\n`);
    if (!running.document.keep_log) return;
    running.calls = [...(running.calls ?? []), call];
    running.sending ??= setTimeout(() => this.#sendCalls(running), LOGGING);
  }

  async #sendCalls(running) {
    const { calls } = running;
    running.calls = [];
    running.sending = null;
    try {
      await this.#ask(`/runtime/${running.document.session}/log`, { calls });
    } catch (problem) {
      console.error(problem); // a log with a gap is better than a course that stops
    }
  }

  #log(calls) {
    const place = byId("stoa-log");
    if (!place) return;
    place.textContent = calls.map(asLine).join("\n");
  }
}

const asLine = ([at, method, given, answer, error]) =>
  `${at} ${method}(${given.map((value) => JSON.stringify(value)).join(", ")}) = ${JSON.stringify(answer)} [${error}]`;

/** Whether a gateway says that nobody is behind it; what the server says itself is JSON. */
const isOfGateway = ({ status, headers }) =>
  (status === 502 || status === 503) && !headers.get("Content-Type")?.includes("json");

const isLarge = (batch) => batch.changes.some(([, value]) => value.length > LARGE);

const given = byId("launch");
if (given) {
  const player = new Player(JSON.parse(given.textContent), { texts: JSON.parse(byId("stoa-texts")?.textContent ?? "{}") });
  byId("stoa-show-log")?.addEventListener("click", () => player.requestLog());
  player.start();
}
