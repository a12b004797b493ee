import assert from "node:assert/strict";
import { test } from "node:test";

import { makeApi } from "../../static/player/api.js";
import { Runtime } from "../../static/player/runtime.js";
import { oddSessions, table, visits } from "./cases.mjs";

const METHODS = {
  Initialize: (runtime) => runtime.initialize(""),
  GetValue: (runtime, element) => runtime.getValue(element),
  SetValue: (runtime, element, value) => runtime.setValue(element, value ?? ""),
};

const played = visits();

test("every call of the official cases is answered as Python answers it", { skip: !played.length && "cases missing" }, () => {
  const model = table("2004");
  const wrong = [];
  let made = 0;
  for (const visit of played) {
    const runtime = new Runtime(model, visit);
    for (const [method, element, value, answer, error] of visit.calls) {
      const given = METHODS[method](runtime, element, value);
      made += 1;
      if (given !== answer || runtime.getLastError() !== error) {
        wrong.push(`${visit.name} ${method}(${element}, ${value}) = ${given}, ${runtime.getLastError()}; Python ${answer}, ${error}`);
      }
    }
  }
  assert.deepEqual(wrong.slice(0, 5), []);
  assert.ok(made > 20000, `${made} calls`);
});

test("every odd call is answered as Python answers it, sends the same changes and leaves the same values", () => {
  const wrong = [];
  for (const session of oddSessions()) {
    const changes = [];
    const onChange = (element, value) => changes.push([element, value]);
    const runtime = new Runtime(table(session.standard, session.edition || "4th"), { ...session, onChange });
    runtime.initialize("");
    for (const [method, element, value, answer, error] of session.calls) {
      const given = METHODS[method](runtime, element, value);
      if (given !== answer || runtime.getLastError() !== error) {
        wrong.push(`${session.standard} ${method}(${element}, ${value}) = ${given}, ${runtime.getLastError()}; Python ${answer}, ${error}`);
      }
    }
    assert.deepEqual(wrong.slice(0, 5), []);
    assert.deepEqual(changes, session.changes);
    assert.deepEqual(Object.fromEntries(runtime.values), session.left);
  }
});

/** Values that count how often one of them is looked at. */
class Watched extends Map {
  looks = 0;
  get(key) {
    this.looks += 1;
    return super.get(key);
  }
}

test("one more record is not compared with each that is there, and still has to be unique", () => {
  const model = table("2004");
  for (const element of ["cmi.objectives.N.id", "cmi.interactions.0.objectives.N.id", "cmi.interactions.0.correct_responses.N.pattern"]) {
    const looks = [3, 300].map((count) => {
      const runtime = new Runtime(model, { values: { "cmi.interactions.0.id": "q", "cmi.interactions.0.type": "choice" } });
      runtime.initialize("");
      runtime.values = new Watched(runtime.values);
      for (let n = 0; n < count; n += 1) assert.equal(runtime.setValue(element.replace("N", n), `v${n}`), "true");
      const before = runtime.values.looks;
      assert.equal(runtime.setValue(element.replace("N", count), "another"), "true");
      const after = runtime.values.looks;
      assert.equal(runtime.setValue(element.replace("N", count + 1), "v1"), "false");
      return after - before;
    });
    assert.equal(looks[0], looks[1], element);
  }
});

test("a driver may detach the methods, pass numbers, and leave arguments out", () => {
  const runtime = new Runtime(table("1.2"));
  const { name, api } = makeApi(runtime, { initialized() {}, committed: () => true, terminated() {}, called() {} });
  const { LMSInitialize, LMSSetValue, LMSGetValue, LMSFinish } = api;

  assert.equal(name, "API");
  assert.equal(LMSInitialize(), "true");
  assert.equal(LMSSetValue("cmi.core.score.raw", 85), "true");
  assert.equal(LMSGetValue("cmi.core.score.raw"), "85");
  assert.equal(LMSFinish(null), "true");
  assert.equal(api.LMSGetLastError(), "0");
});

test("Commit says false with 391 only when the data can be kept nowhere", () => {
  let keeps = true;
  const runtime = new Runtime(table("2004"));
  const { api } = makeApi(runtime, { initialized() {}, committed: () => keeps, terminated() {}, called() {} });
  api.Initialize("");

  assert.equal(api.Commit(""), "true");
  keeps = false;
  assert.equal(api.Commit(""), "false");
  assert.equal(api.GetLastError(), "391");
});

test("names that mean something to JavaScript are only names", () => {
  const runtime = new Runtime(table("2004"));
  runtime.initialize("");

  for (const name of ["__proto__", "constructor", "cmi.__proto__.x", "cmi.constructor", "hasOwnProperty"]) {
    assert.equal(runtime.setValue(name, "x"), "false");
    assert.equal(runtime.getLastError(), "401");
  }
});
