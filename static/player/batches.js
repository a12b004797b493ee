/**
 * Collects what content sets into numbered batches: {sequence, changes: [[element, value], …], seconds, …marks}.
 * Runs beside the API object; whoever made it sends the batches on and says which ones are safe.
 */

/** A change this large is passed on at once: it would not fit what may be sent when the window closes. */
export const LARGE = 8 * 1024;

/** What all requests in flight when a window closes may weigh together; browsers drop what is above 64 KiB. */
export const CLOSING_BUDGET = 60 * 1000;

export class Batches {
  /**
   * `send(batch)` passes a batch on. `quiet` is how long the first change after a pause waits for others, in ms.
   * `clock()` answers milliseconds, `timers` has setTimeout and clearTimeout.
   */
  constructor({ send, sequence = 0, quiet = 40, clock = () => performance.now(), timers = globalThis }) {
    this.send = send;
    this.sequence = sequence;
    this.quiet = quiet;
    this.clock = clock;
    this.timers = timers;
    this.pending = [];
    this.places = new Map();
    this.unsafe = [];
    this.timer = null;
    this.since = clock();
  }

  /** Take one change. Later values of a plain element replace earlier ones; records keep their order. */
  add(element, value) {
    const place = this.places.get(element);
    if (place !== undefined && (isPlain(element) || place === this.pending.length - 1)) {
      this.pending[place][1] = value;
    } else {
      this.places.set(element, this.pending.length);
      this.pending.push([element, value]);
    }
    if (value.length > LARGE) this.flush();
    else this.timer ??= this.timers.setTimeout(() => this.flush(), this.quiet);
  }

  /** Make a batch of what is pending and send it; `marks` ({initialized, committed, terminated}) make one even of nothing. */
  flush(marks = {}) {
    if (this.timer !== null) this.timers.clearTimeout(this.timer);
    this.timer = null;
    if (!this.pending.length && !Object.keys(marks).length) return null;
    const now = this.clock();
    this.sequence += 1;
    const batch = {
      sequence: this.sequence,
      changes: this.pending,
      seconds: Math.max(0, Math.round((now - this.since) / 10) / 100),
      ...marks,
    };
    this.since = now;
    this.pending = [];
    this.places = new Map();
    this.unsafe.push(batch);
    this.send(batch);
    return batch;
  }

  /** The server has everything up to this number. */
  saved(sequence) {
    this.unsafe = this.unsafe.filter((batch) => batch.sequence > sequence);
  }

  /** What the server has not confirmed, oldest first, as far as the closing budget goes. */
  rest(weigh) {
    const fitting = [];
    let weight = 0;
    for (const batch of this.unsafe) {
      weight += weigh(batch);
      if (weight > CLOSING_BUDGET) break;
      fitting.push(batch);
    }
    return fitting;
  }
}

const isPlain = (element) => !/\.[0-9]+\./.test(element);
