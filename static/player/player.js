/**
 * The player page's script, on the application's origin: launches an activity, journals and delivers what its adapter
 * passes on, shows what is saved, and navigates.
 *
 * It starts on the element with `data-player`; its data attributes are
 * registration, launchUrl (POST, answers a launch document), sessionsUrl (…/<session>/commit and …/navigate follow),
 * csrf, csrfUrl, person, contentOrigin. Texts come from `data-text-…` attributes, parts from `data-part`:
 * frame, status, previous, continue, suspend, exit, fullscreen, outline, message, message-text, message-action,
 * new-window, unsent, log.
 */

import { Delivery, Superseded } from "./delivery.js";
import { Journal } from "./journal.js";

const ALLOW = "autoplay; fullscreen; picture-in-picture; encrypted-media; clipboard-write";
const SANDBOX =
  "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-modals allow-downloads";
const HEARTBEAT = 60_000;
const SETTLE = 15_000;
const SILENCE = 10_000;

export class Player {
  constructor(element, { journal = new Journal() } = {}) {
    this.element = element;
    this.data = element.dataset;
    this.journal = journal;
    this.running = null;
    this.csrf = this.data.csrf;
    this.superseded = false;
    window.addEventListener("message", (event) => this.#hear(event));
    window.addEventListener("online", () => this.running?.delivery.retry());
    window.addEventListener("pageshow", (event) => event.persisted && location.reload());
    this.#control("previous", () => this.navigate("previous"));
    this.#control("continue", () => this.navigate("continue"));
    this.#control("suspend", () => this.navigate("suspendAll"));
    this.#control("exit", () => this.navigate("exitAll"));
    this.#control("fullscreen", () => this.part("frame").requestFullscreen());
    this.#control("new-window", () => this.#openWindow());
    this.part("outline")?.addEventListener("click", (event) => {
      const choice = event.target.closest("[data-choice]");
      if (choice && !choice.disabled) this.navigate("choice", choice.dataset.choice);
    });
    setInterval(() => this.#beat(), HEARTBEAT);
  }

  part(name) {
    return this.element.querySelector(`[data-part="${name}"]`);
  }

  /** Send what an earlier visit left on this device, then open the activity that is next. */
  async start(request = {}) {
    await this.#replay();
    await this.#open(() => this.#ask(this.data.launchUrl, request));
  }

  /** Leave the activity and go where the request leads; the server decides whether it may. */
  async navigate(request, target = null) {
    if (this.navigating || this.superseded) return;
    this.navigating = true;
    try {
      const { running } = this;
      if (running) {
        await this.#empty(running);
        if (!(await running.delivery.settled(SETTLE)) && !this.superseded) {
          this.#show("text-unsent-stay", () => this.navigate(request, target));
          return;
        }
        if (this.superseded) return;
        await this.#open(() => this.#ask(`${this.data.sessionsUrl}/${running.document.session}/navigate`, { request, target }));
      } else {
        await this.#open(() => this.#ask(this.data.launchUrl, { request, target }));
      }
    } finally {
      this.navigating = false;
    }
  }

  async #open(ask) {
    let answer;
    try {
      answer = await ask();
    } catch (problem) {
      if (problem instanceof Superseded) this.#giveWay();
      else this.#show("text-unreachable", () => this.#open(ask), problem.message);
      return;
    }
    this.#outline(answer);
    if (answer.refused) {
      this.#show("text-refused", null, answer.refused);
      return;
    }
    this.#hide();
    if (answer.launch) this.#launch(answer.launch);
    else this.#end(answer);
  }

  #launch(given) {
    this.#close();
    const delivery = new Delivery({
      post: (batches) => this.#commit(given.session, batches),
      journal: this.journal.forSession({
        session: given.session,
        registration: this.data.registration,
        person: this.data.person,
      }),
      onState: (state) => this.#status(state),
      onSaved: (sequence) => this.#tell("saved", { sequence }),
    });
    this.running = { document: given, delivery, window: null, initialized: false, canKeep: true };
    this.#status("saved");
    this.element.dataset.state = "running";
    this.part("new-window").hidden = !given.new_window;
    if (given.new_window) {
      this.part("frame").replaceChildren();
      return; // the browser lets a window open only on the learner's own click
    }
    const frame = document.createElement("iframe");
    frame.title = given.title;
    frame.allow = ALLOW;
    frame.setAttribute("sandbox", SANDBOX);
    frame.src = given.adapter_url;
    this.part("frame").replaceChildren(frame);
    this.running.window = frame.contentWindow;
    setTimeout(() => {
      if (this.running?.document === given && given.table && !this.running.initialized) this.part("new-window").hidden = false;
    }, SILENCE);
  }

  #openWindow() {
    const { running } = this;
    if (!running) return;
    this.part("frame").replaceChildren();
    running.window = window.open(running.document.adapter_url, "_blank", running.document.window_features ?? "");
  }

  #hear(event) {
    const { running } = this;
    if (event.origin !== this.data.contentOrigin || !running || event.source !== running.window) return;
    if (event.data?.stoa !== 1) return;
    const { type, ...data } = event.data;
    if (type === "ready") this.#tell("launch", { document: running.document });
    else if (type === "initialized") {
      running.initialized = true;
      if (!running.document.new_window) this.part("new-window").hidden = true;
    } else if (type === "batch" && data.session === running.document.session) this.#take(running, data.batch);
    else if (type === "left") running.left?.(data);
    else if (type === "log") this.#log(data.calls);
  }

  #take(running, batch) {
    running.delivery.add(batch, { urgent: Boolean(batch.committed || batch.terminated || batch.initialized) || isLarge(batch) });
    if (running.delivery.canKeep !== running.canKeep) {
      running.canKeep = running.delivery.canKeep;
      this.#tell("state", { canKeep: running.canKeep });
    }
    if (batch.terminated && !this.navigating) {
      running.delivery.settled(SETTLE).then((saved) => saved && this.running === running && this.#afterTerminate(running));
    }
  }

  /** The content has ended by itself: go where it asked to go, if it did; else the learner decides. */
  #afterTerminate(running) {
    if (running.follow) this.navigate(running.follow.request, running.follow.target);
  }

  async #empty(running) {
    if (!running.window || running.window.closed) return;
    await new Promise((resolve) => {
      running.left = resolve;
      setTimeout(resolve, 4000);
      this.#tell("leave");
    });
    // What the content set while it was unloading has been posted before "left", so it is in the delivery by now.
  }

  async #commit(session, batches) {
    const answer = await this.#ask(`${this.data.sessionsUrl}/${session}/commit`, {
      batches,
      last: batches.at(-1)?.sequence ?? 0,
    });
    if (this.running?.document.session === session) {
      this.running.follow = answer.follow ?? null;
      this.#outline(answer);
    }
    return answer;
  }

  async #beat() {
    if (!this.running || this.superseded || this.running.delivery.queue.length) return;
    try {
      await this.#commit(this.running.document.session, []);
    } catch (problem) {
      if (problem instanceof Superseded) this.#giveWay();
    }
  }

  /** POST JSON as the signed-in person. Throws Superseded at 409 and 410, and an Error with the server's words else. */
  async #ask(url, body, again = true) {
    const response = await fetch(url, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": this.csrf },
      body: JSON.stringify(body),
    });
    if (response.status === 409 || response.status === 410) throw new Superseded();
    if (response.status === 403 && again && (await this.#renewToken())) return this.#ask(url, body, false);
    if (response.status === 401) this.#show("text-signed-out", null);
    if (!response.ok) throw new Error(await response.json().then((problem) => problem.detail, () => response.statusText));
    return response.json();
  }

  /** After signing in again in another tab, this page's token is out of date. */
  async #renewToken() {
    const response = await fetch(this.data.csrfUrl, { credentials: "same-origin", headers: { Accept: "application/json" } });
    if (!response.ok) return false;
    const { csrf } = await response.json();
    const changed = csrf !== this.csrf;
    this.csrf = csrf;
    return changed;
  }

  async #replay() {
    let entries;
    try {
      entries = await this.journal.of(this.data.person);
    } catch (problem) {
      console.error(problem);
      return;
    }
    const sessions = Map.groupBy
      ? Map.groupBy(entries, (entry) => entry.session)
      : entries.reduce((map, entry) => map.set(entry.session, [...(map.get(entry.session) ?? []), entry]), new Map());
    let kept = 0;
    for (const [session, own] of sessions) {
      try {
        const { saved } = await this.#ask(`${this.data.sessionsUrl}/${session}/commit`, {
          batches: own.map((entry) => entry.batch),
          last: own.at(-1).sequence,
        });
        await this.journal.remove(session, saved);
      } catch (problem) {
        kept += own.length;
        if (!(problem instanceof Superseded)) console.error(problem);
      }
    }
    const note = this.part("unsent");
    if (note) note.hidden = kept === 0;
  }

  #end(answer) {
    this.#close();
    this.element.dataset.state = "ended";
    this.part("frame").replaceChildren();
    const leave = answer.return_url ? () => location.assign(answer.return_url) : null;
    this.#show(answer.suspended ? "text-suspended" : "text-ended", leave, "", "text-leave");
  }

  #giveWay() {
    if (this.superseded) return;
    this.superseded = true;
    this.element.dataset.state = "superseded";
    this.#tell("stop");
    this.#show("text-superseded", () => location.reload(), "", "text-take-back");
  }

  #close() {
    if (!this.running) return;
    this.running.window?.close?.();
    this.running = null;
  }

  #tell(type, more = {}) {
    this.running?.window?.postMessage({ stoa: 1, type, ...more }, this.data.contentOrigin);
  }

  #status(state) {
    if (state === "superseded") {
      this.#giveWay();
      return;
    }
    const status = this.part("status");
    status.dataset.state = state;
    status.textContent = this.#text(`text-${state}`);
    if (this.running) this.#tell("state", { canKeep: this.running.delivery.canKeep });
  }

  /** Show what may be chosen and what not; the server has rendered the outline's texts, this only moves states. */
  #outline({ outline, navigation }) {
    for (const { id, status, label, enabled, current } of outline ?? []) {
      const entry = this.part("outline")?.querySelector(`[data-choice="${CSS.escape(id)}"]`);
      if (!entry) continue;
      entry.disabled = !enabled;
      if (current) entry.setAttribute("aria-current", "step");
      else entry.removeAttribute("aria-current");
      const mark = entry.querySelector("[data-status]");
      if (mark) {
        mark.dataset.status = status;
        mark.textContent = label;
      }
    }
    for (const [name, { enabled, visible }] of Object.entries(navigation ?? {})) {
      const control = this.part(name);
      if (!control) continue;
      control.disabled = !enabled;
      control.hidden = !visible;
    }
  }

  #control(name, act) {
    this.part(name)?.addEventListener("click", act);
  }

  #text(name) {
    return this.element.getAttribute(`data-${name}`) ?? "";
  }

  #show(name, act, detail = "", label = "text-retry") {
    const message = this.part("message");
    this.part("message-text").textContent = [this.#text(name), detail].filter(Boolean).join(" ");
    const action = this.part("message-action");
    action.hidden = !act;
    action.textContent = this.#text(label);
    action.onclick = act;
    message.hidden = false;
    message.focus();
  }

  #hide() {
    this.part("message").hidden = true;
  }

  #log(calls) {
    const log = this.part("log");
    if (log) log.textContent = calls.map(([at, method, given, answer, error]) => `${at} ${method}(${given.map((one) => JSON.stringify(one)).join(", ")}) = ${JSON.stringify(answer)} [${error}]`).join("\n");
  }

  /** Ask the adapter for the log of API calls; it appears in the part named "log". */
  requestLog() {
    this.#tell("log");
  }
}

function isLarge(batch) {
  return batch.changes.some(([, value]) => value.length > 8 * 1024);
}

const element = document.querySelector("[data-player]");
if (element) {
  const player = new Player(element);
  element.querySelector('[data-part="show-log"]')?.addEventListener("click", () => player.requestLog());
  player.start(element.dataset.item ? { request: "choice", target: element.dataset.item } : {});
}
