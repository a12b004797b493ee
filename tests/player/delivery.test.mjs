import assert from "node:assert/strict";
import { test } from "node:test";

import { Batches, CLOSING_BUDGET } from "../../static/player/batches.js";
import { Delivery, Superseded, Unreached } from "../../static/player/delivery.js";

/** A clock and timers that only move when told to. */
class Time {
  now = 0;
  timers = new Map();
  next = 1;
  setTimeout = (act, delay) => {
    this.timers.set(this.next, { at: this.now + delay, act });
    return this.next++;
  };
  clearTimeout = (id) => this.timers.delete(id);
  async pass(ms) {
    const until = this.now + ms;
    for (;;) {
      await new Promise(setImmediate);
      const due = [...this.timers].filter(([, timer]) => timer.at <= until).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      this.timers.delete(due[0]);
      this.now = Math.max(this.now, due[1].at);
      due[1].act();
    }
    this.now = until;
  }
}

function batches(options = {}) {
  const time = new Time();
  const sent = [];
  const made = new Batches({ send: (batch) => sent.push(batch), clock: () => time.now, timers: time, ...options });
  return { time, sent, made };
}

test("the first change after quiet is sent within 100 ms, with what came beside it", async () => {
  const { time, sent, made } = batches();

  made.add("cmi.location", "1");
  made.add("cmi.suspend_data", "x");
  await time.pass(100);

  assert.deepEqual(sent.map((batch) => [batch.sequence, batch.changes]), [
    [1, [["cmi.location", "1"], ["cmi.suspend_data", "x"]]],
  ]);
});

test("a plain element set again in one batch is sent once; records keep their order", () => {
  const { made } = batches();
  made.add("cmi.location", "1");
  made.add("cmi.interactions.0.id", "q");
  made.add("cmi.interactions.0.type", "choice");
  made.add("cmi.interactions.0.learner_response", "a");
  made.add("cmi.interactions.0.type", "numeric");
  made.add("cmi.interactions.0.learner_response", "3");
  made.add("cmi.location", "2");

  assert.deepEqual(made.flush().changes, [
    ["cmi.location", "2"],
    ["cmi.interactions.0.id", "q"],
    ["cmi.interactions.0.type", "choice"],
    ["cmi.interactions.0.learner_response", "a"],
    ["cmi.interactions.0.type", "numeric"],
    ["cmi.interactions.0.learner_response", "3"],
  ]);
});

test("a large change is sent at once", () => {
  const { sent, made } = batches();

  made.add("cmi.suspend_data", "x".repeat(8193));

  assert.equal(sent.length, 1);
});

test("each batch tells the time since the one before, and marks make one of nothing", async () => {
  const { time, sent, made } = batches();

  made.flush({ initialized: true });
  await time.pass(1500);
  made.flush({ committed: true });
  made.flush();

  assert.deepEqual(sent.map((batch) => batch.seconds), [0, 1.5]);
});

test("what remains when the window closes is the oldest unsaved, within the budget", () => {
  const { made } = batches();
  made.add("cmi.location", "saved");
  made.flush();
  made.add("cmi.location", "unsaved");
  made.flush();
  made.add("cmi.suspend_data", "x".repeat(CLOSING_BUDGET));
  made.saved(1);

  const rest = made.rest((batch) => JSON.stringify(batch).length);

  assert.deepEqual(rest.map((batch) => batch.sequence), [2]);
});

function delivery(post, options = {}) {
  const time = new Time();
  const kept = new Map();
  const states = [];
  const journal = {
    put: async (batch) => kept.set(batch.sequence, batch),
    remove: async (upTo) => [...kept.keys()].filter((key) => key <= upTo).forEach((key) => kept.delete(key)),
  };
  const made = new Delivery({ post, journal, onState: (state) => states.push(state), clock: () => time.now, timers: time, ...options });
  return { time, kept, states, made };
}

test("batches go in order, at most once a second, and leave the journal when they are saved", async () => {
  const posted = [];
  const { time, kept, states, made } = delivery(async (batches) => {
    posted.push(batches.map((batch) => batch.sequence));
    return { saved: batches.at(-1).sequence };
  });

  made.add({ sequence: 1 });
  await time.pass(10);
  made.add({ sequence: 2 });
  made.add({ sequence: 3 });
  await time.pass(500);
  assert.deepEqual(posted, [[1]]);
  assert.equal(kept.size, 2);
  await time.pass(600);

  assert.deepEqual(posted, [[1], [2, 3]]);
  assert.equal(kept.size, 0);
  assert.deepEqual(states, ["sending", "saved", "sending", "saved"]);
});

test("an urgent batch does not wait", async () => {
  const posted = [];
  const { time, made } = delivery(async (batches) => {
    posted.push(batches.length);
    return { saved: batches.at(-1).sequence };
  });
  made.add({ sequence: 1 });
  await time.pass(10);

  made.add({ sequence: 2, committed: true }, { urgent: true });
  await time.pass(10);

  assert.deepEqual(posted, [1, 1]);
});

test("what is urgent does not wait for the answer to another request", async () => {
  const posted = [];
  const { time, made } = delivery((batches) => {
    posted.push(batches.map((batch) => batch.sequence));
    return new Promise((resolve) => time.setTimeout(() => resolve({ saved: batches.at(-1).sequence }), 500));
  });
  made.add({ sequence: 1 }, { urgent: true });
  await time.pass(10);
  made.add({ sequence: 2 }, { urgent: true });
  made.add({ sequence: 3 }, { urgent: true });
  await time.pass(10);

  assert.deepEqual(posted, [[1], [1, 2, 3]]);
  await time.pass(1000);
  assert.equal(made.state, "saved");
  assert.equal(posted.length, 2);
});

test("without network the device keeps what is set and says so, and all arrives when it is back", async () => {
  let online = false;
  const arrived = [];
  const { time, kept, states, made } = delivery(async (batches) => {
    if (!online) throw new TypeError("no network");
    arrived.push(...batches.map((batch) => batch.sequence));
    return { saved: batches.at(-1).sequence };
  });
  made.add({ sequence: 1 });
  await time.pass(60_000);
  made.add({ sequence: 2 });
  await time.pass(100);
  assert.equal(kept.size, 2);
  assert.equal(made.state, "waiting");
  assert.ok(made.canKeep);

  online = true;
  await time.pass(60_000);

  assert.deepEqual(arrived, [1, 2]);
  assert.equal(states.at(-1), "saved");
});

/** A server that is away for `away` ms, in one of two ways; when it was asked, and how long after its return all was there. */
async function outage({ away, answers, chance }) {
  const asked = [];
  const { time, made } = delivery(
    async (batches) => {
      asked.push(time.now);
      if (time.now < away) throw answers ? new Error("Too much is going on.") : new Unreached("no network");
      return { saved: batches.at(-1).sequence };
    },
    { chance },
  );
  made.add({ sequence: 1 });
  while (made.state !== "saved") await time.pass(1000);
  return { asked, after: asked.at(-1) - away };
}

for (const [name, chance] of [["earliest", () => 1], ["latest", () => 0], ["any", () => 0.37]]) {
  for (const away of [1000, 60_000, 61_234, 600_000]) {
    test(`within three seconds after the server is back all is sent, and not asked for more than once a second (${away} ms, ${name})`, async () => {
      const { asked, after } = await outage({ away, chance });

      assert.ok(after <= 3000, `${after} ms`);
      assert.ok(asked.length <= 5 + away / 1000, `asked ${asked.length} times`);
    });
  }
}

test("a server that answers that it cannot is left alone for longer and longer", async () => {
  const { asked } = await outage({ away: 600_000, answers: true, chance: () => 0 });

  assert.deepEqual(asked.slice(0, 9).map((at, index) => at - (asked[index - 1] ?? 0)), [0, 500, 1000, 2000, 5000, 10000, 20000, 30000, 30000]);
});

test("whoever was cut off together does not come back together", async () => {
  let state = 7;
  const chance = () => (state = (state * 16807) % 2147483647) / 2147483647;
  const returns = [];
  for (let learner = 0; learner < 100; learner += 1) returns.push((await outage({ away: 60_000, chance })).after);

  const bySecond = [0, 1000, 2000].map((from) => returns.filter((after) => after >= from && after < from + 1000).length);

  assert.ok(Math.max(...bySecond) < 70, `${bySecond}`);
});

test("as soon as the network or the learner is back it is tried again", async () => {
  const { time, made } = delivery(async (batches) => {
    if (time.now < 60_000) throw new Error("Too much is going on.");
    return { saved: batches.at(-1).sequence };
  });
  made.add({ sequence: 1 });
  await time.pass(60_100);

  made.retry();
  await time.pass(10);

  assert.equal(made.state, "saved");
});

test("only when neither device nor server can keep it, data is lost and Commit may say so", async () => {
  const broken = { put: async () => Promise.reject(new Error("quota")), remove: async () => {} };
  const { time, made } = delivery(async () => Promise.reject(new TypeError("no network")), { journal: broken });
  const error = console.error;
  console.error = () => {};

  made.add({ sequence: 1 });
  await time.pass(100);
  console.error = error;

  assert.equal(made.state, "lost");
  assert.equal(made.canKeep, false);
});

test("a session that another one has superseded sends nothing more and keeps its entries as evidence", async () => {
  let requests = 0;
  const { time, kept, made } = delivery(async () => {
    requests += 1;
    throw new Superseded();
  });
  made.add({ sequence: 1 });
  await time.pass(60_000);
  made.add({ sequence: 2 });
  await time.pass(60_000);

  assert.equal(requests, 1);
  assert.equal(made.state, "superseded");
  assert.deepEqual([...kept.keys()], [1]);
  assert.equal(await made.settled(1000), false);
});

test("leaving waits until all is saved, and not longer than the limit", async () => {
  let release;
  const { time, made } = delivery((batches) => new Promise((resolve) => (release = () => resolve({ saved: batches.at(-1).sequence }))));
  made.add({ sequence: 1 });
  await time.pass(10);
  const first = made.settled(1000);
  await time.pass(1001);
  assert.equal(await first, false);

  const second = made.settled(1000);
  release();
  await time.pass(10);

  assert.equal(await second, true);
});

test("a request that never ends is given up, and what it carried is sent again", async () => {
  const given = [];
  const { time, kept, states, made } = delivery((batches, signal) => {
    given.push(batches.map((batch) => batch.sequence));
    if (given.length > 1) return Promise.resolve({ saved: batches.at(-1).sequence });
    return new Promise((_, fail) => signal.addEventListener("abort", () => fail(new Unreached("gave up"))));
  });

  made.add({ sequence: 1 });
  await time.pass(29_000);
  assert.deepEqual([given.length, states.at(-1)], [1, "sending"]);
  await time.pass(4_000);

  assert.deepEqual(given, [[1], [1]]);
  assert.deepEqual([states.at(-1), kept.size], ["saved", 0]);
});

test("what is large is given the time that a slow network takes for it", async () => {
  let ended = 0;
  const { time, made } = delivery((_, signal) => {
    return new Promise((_, fail) => signal.addEventListener("abort", () => fail(new Unreached(String((ended += 1))))));
  });

  made.add({ sequence: 1, changes: [["cmi.suspend_data", "x".repeat(1_000_000)]] });
  await time.pass(120_000);
  assert.equal(ended, 0);
  await time.pass(60_000);

  assert.equal(ended, 1);
});

test("leaving waits for the repeat, too: it must not arrive when the session is over", async () => {
  const answers = [];
  const { time, made } = delivery((batches) => {
    return new Promise((resolve) => answers.push(() => resolve({ saved: batches.at(-1).sequence })));
  });
  made.add({ sequence: 1 }, { urgent: true });
  await time.pass(10);
  made.add({ sequence: 2 }, { urgent: true });
  await time.pass(10);
  const [first, repeat] = answers;
  let has = "not";
  const settled = made.settled(1000).then((answer) => (has = answer));

  repeat();
  await time.pass(10);
  assert.equal(has, "not");
  assert.equal(made.state, "saved");
  first();
  await settled;

  assert.equal(has, true);
});

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`whatever answers are lost, the server ends with every batch once and in order (${seed})`, async () => {
    let state = seed;
    const chance = () => (state = (state * 16807) % 2147483647) / 2147483647;
    const server = { last: 0, applied: [] };
    const { time, made } = delivery(async (batches) => {
      if (chance() < 0.3) throw new TypeError("request lost");
      for (const { sequence } of batches) {
        if (sequence !== server.last + 1) continue;
        server.last = sequence;
        server.applied.push(sequence);
      }
      if (chance() < 0.3) throw new TypeError("answer lost");
      return { saved: server.last };
    });

    for (let sequence = 1; sequence <= 20; sequence += 1) {
      made.add({ sequence });
      await time.pass(chance() * 3000);
    }
    await time.pass(600_000);

    assert.deepEqual(server.applied, Array.from({ length: 20 }, (_, index) => index + 1));
    assert.equal(made.state, "saved");
  });
}
