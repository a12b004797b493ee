/**
 * Brings batches to the server: journaled on the device first, then sent in order, again and again until confirmed.
 *
 * States, told by `onState`: "saved" (the server has everything), "sending", "waiting" (kept on this device, not yet
 * sent), "superseded" (another window or device has taken over) and "lost" (neither device nor server can keep it).
 */

const PAUSES = [500, 1000, 2000, 5000, 10000, 20000, 30000];
const UNREACHED = 2500; // the longest pause where nobody answers: a request that reaches nobody is a burden to nobody

const PATIENCE = 30_000; // ms in which an answer comes, or none does: networks that change leave requests hanging
const SLOWEST = 8; // bytes of a batch that the slowest network worth waiting for carries in one ms

/** Nobody has answered: no network, or no server at its other end. */
export class Unreached extends Error {}

/** The server refused for good: nothing will be sent any more. */
export class Superseded extends Error {}

export class Delivery {
  /**
   * `post(batches, signal)` sends and answers {saved: sequence}; it throws Superseded, or to be tried again Unreached, or
   * anything else where the server has answered that it cannot. `signal` tells it to give up: no answer comes. `journal` has put(batch), remove(upTo). `pace` is the least time
   * between two requests, in ms. `chance()` answers 0 … 1: learners who have all been cut off do not all come back at once.
   */
  constructor({
    post, journal, onState = () => {}, onSaved = () => {}, pace = 1000,
    clock = () => Date.now(), timers = globalThis, chance = Math.random,
  }) {
    this.post = post;
    this.journal = journal;
    this.onState = onState;
    this.onSaved = onSaved;
    this.pace = pace;
    this.clock = clock;
    this.timers = timers;
    this.chance = chance;
    this.queue = [];
    this.failures = 0;
    this.isReached = true;
    this.keeps = true;
    this.state = "saved";
    this.timer = null;
    this.flying = 0;
    this.last = -Infinity;
    this.waiting = [];
  }

  /** Take a batch: keep it on the device, and send it — at once when `urgent`, else within the pace. */
  async add(batch, { urgent = false } = {}) {
    if (this.state === "superseded") return;
    this.queue.push(batch);
    this.#tell(this.failures ? "waiting" : "sending");
    this.#schedule(urgent ? 0 : Math.max(0, this.last + this.pace - this.clock()), urgent);
    try {
      await this.journal.put(batch);
      this.keeps = true;
    } catch (problem) {
      console.error(problem);
      this.keeps = false;
    }
    if (this.failures) this.#tell("waiting");
  }

  /** Whether a Commit may say "true": the device keeps the data, or the server has been answering. */
  get canKeep() {
    return this.keeps || this.failures === 0;
  }

  /**
   * Resolve true when everything is saved and nothing is under way any more, false after `limit` ms, or when nothing can
   * be sent any more. A repeat that is overtaken by what follows would reach a session that is over.
   */
  settled(limit) {
    if (!this.queue.length && !this.flying) return Promise.resolve(true);
    if (this.state === "superseded") return Promise.resolve(false);
    if (!this.flying) this.#schedule(0, true);
    return new Promise((resolve) => {
      const timer = this.timers.setTimeout(() => resolve(false), limit);
      this.waiting.push((answer) => {
        this.timers.clearTimeout(timer);
        resolve(answer);
      });
    });
  }

  /** Try again now: the network or the learner is back, or has asked. */
  retry() {
    if (this.queue.length) this.#schedule(0, true);
  }

  /**
   * One request at a time; but what is urgent does not wait for the answer to another: a second request repeats what
   * the first one carries, and the server applies each batch once.
   */
  #schedule(delay, now = false) {
    if (this.state === "superseded" || this.flying >= (now ? 2 : 1)) return;
    if (this.timer !== null) {
      if (!now) return;
      this.timers.clearTimeout(this.timer);
    }
    this.timer = this.timers.setTimeout(() => {
      this.timer = null;
      this.flying += 1;
      this.#deliver().finally(() => {
        this.flying -= 1;
        if (this.queue.length && this.state !== "superseded") this.#schedule(this.#pause());
        else if (!this.queue.length && !this.flying) this.#answer(true);
      });
    }, delay);
  }

  #pause() {
    if (this.failures) {
      const longest = this.isReached ? PAUSES.at(-1) : UNREACHED;
      return Math.min(PAUSES[Math.min(this.failures, PAUSES.length) - 1], longest) * (1 - this.chance() / 2);
    }
    const urgent = this.queue.some((batch) => batch.committed || batch.terminated);
    return urgent ? 0 : Math.max(0, this.last + this.pace - this.clock());
  }

  async #deliver() {
    const batches = [...this.queue];
    this.last = this.clock();
    const giveUp = new AbortController();
    const patience = PATIENCE + JSON.stringify(batches).length / SLOWEST;
    const timer = this.timers.setTimeout(() => giveUp.abort(), patience);
    try {
      const { saved } = await this.post(batches, giveUp.signal);
      this.failures = 0;
      this.queue = this.queue.filter((batch) => batch.sequence > saved);
      this.onSaved(saved);
      await this.journal.remove(saved).catch((problem) => console.error(problem));
    } catch (problem) {
      if (problem instanceof Superseded) {
        this.#tell("superseded");
        this.#answer(false);
        return;
      }
      if (!this.queue.length) return; // a repeat of what has been confirmed since
      this.failures += 1;
      this.isReached = !(problem instanceof Unreached || giveUp.signal.aborted);
      this.#tell("waiting");
      return;
    } finally {
      this.timers.clearTimeout(timer);
    }
    this.#tell(this.queue.length ? "sending" : "saved");
  }

  #answer(answer) {
    for (const resolve of this.waiting.splice(0)) resolve(answer);
  }

  #tell(state) {
    if (this.state === "superseded") return;
    if (state === "waiting" && !this.keeps) state = "lost";
    if (state === this.state) return;
    this.state = state;
    this.onState(state);
  }
}
