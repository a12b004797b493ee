/**
 * The SCORM run-time on a map of values: the API's states and errors. The same as `Runtime` in
 * scorm_player/scorm/runtime.py; what begin and end of a session mean is decided on the server only.
 */

import { Reader, Refused } from "./data_model.js";

export const NOT_INITIALIZED = "not initialized";
export const RUNNING = "running";
export const TERMINATED = "terminated";

const has = (object, key) => Object.prototype.hasOwnProperty.call(object, key);

export class Runtime {
  #holders = new Map(); // of what must be unique, by collection and key: which records hold each value; filled when first asked for

  /** `values` and `access` are plain objects, as the launch document has them. `onChange(element, value)` hears every write. */
  constructor(table, { values = {}, access = {}, strict = false, onChange = () => {} } = {}) {
    this.reader = new Reader(table, { strict });
    this.standard = table.standard;
    this.values = new Map(Object.entries(values));
    this.access = access;
    this.state = NOT_INITIALIZED;
    this.notes = [];
    this.onChange = onChange;
    this.counts = countRecords(this.values.keys());
    this.error = "0";
    this.diagnostic = "";
  }

  initialize(argument) {
    if (argument !== "") return this.#fail("argument", "Initialize takes an empty string.");
    if (this.state === RUNNING) return this.#fail("initialize_twice");
    if (this.state === TERMINATED) return this.#fail("initialize_ended");
    this.state = RUNNING;
    return this.#succeed();
  }

  terminate(argument) {
    if (argument !== "") return this.#fail("argument", "Terminate takes an empty string.");
    if (this.state !== RUNNING) return this.#fail(this.#when("terminate"));
    this.state = TERMINATED;
    return this.#succeed();
  }

  commit(argument) {
    if (argument !== "") return this.#fail("argument", "Commit takes an empty string.");
    if (this.state !== RUNNING) return this.#fail(this.#when("commit"));
    return this.#succeed();
  }

  getValue(element) {
    if (this.state !== RUNNING) {
      this.#fail(this.#when("get"));
      return "";
    }
    try {
      const value = this.read(element);
      this.#succeed();
      return value;
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      this.#fail(problem.reason === "leading_zero" ? "no_record" : problem.reason, `GetValue of ${element}`);
      return "";
    }
  }

  setValue(element, value) {
    if (this.state !== RUNNING) return this.#fail(this.#when("set"));
    try {
      this.write(element, value, true);
      return this.#succeed();
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      const reason = problem.reason === "leading_zero" ? "out_of_order" : problem.reason;
      return this.#fail(reason, `SetValue of ${element} to '${value.slice(0, 60)}'`);
    }
  }

  getLastError() {
    return this.error;
  }

  getErrorString(code) {
    return has(this.reader.table.messages, code) ? this.reader.table.messages[code] : "";
  }

  getDiagnostic(code) {
    if ((code === "" || code === this.error) && this.diagnostic) return this.diagnostic;
    return this.getErrorString(code || this.error);
  }

  /** Answer a Commit that can be kept nowhere, neither on the device nor on the server. */
  failCommit() {
    return this.#fail("commit", "The data could neither be sent nor kept on this device.");
  }

  read(element) {
    if (element === "") throw new Refused("get");
    const keyword = this.reader.keyword(element);
    if (keyword && !has(this.reader.table.elements, element)) return this.#readKeyword(...keyword);
    const located = this.reader.locate(element);
    this.#requireRecords(located.records);
    if (!this.#accessTo(element, located).includes("r")) throw new Refused("write_only");
    const value = this.#effective(element, located);
    if (value === null || (value === "" && located.element.blank)) {
      if (this.reader.table.errors.no_value === 0) return "";
      throw new Refused("no_value");
    }
    return value;
  }

  /** Keep a value. `adds`: to what is there, in an element that gathers; else it is all that was gathered. */
  write(element, value, adds = false) {
    if (element === "") throw new Refused("set");
    if (this.reader.keyword(element) && this.#isKeyword(element)) throw new Refused("keyword");
    const located = this.reader.locate(element);
    if (located.records.some(({ pattern }) => this.reader.table.collections[pattern].read_only)) {
      this.#refuseGiven(located);
    }
    if (!this.#accessTo(element, located).includes("w")) throw new Refused("read_only");
    this.#requirePlace(located);
    const { gathers } = located.element;
    if (adds || !gathers) this.reader.check(located.element.type, value, this.#interaction(located));
    if (adds && gathers) value = this.#gathered(element, value);
    this.#requireUnique(element, located, value);
    if (this.reader.exceeds(located.element.type, value)) {
      this.notes.push(`${element}: ${value.length} characters, more than the smallest permitted maximum`);
    }
    this.#noteHolder(element, located, value);
    this.values.set(element, value);
    for (const { name, index } of located.records) {
      this.counts.set(name, Math.max(this.counts.get(name) ?? 0, index + 1));
    }
    this.onChange(element, value);
  }

  /** How many records a collection holds, by its full name ("cmi.interactions.2.objectives"). */
  count(collection) {
    return this.counts.get(collection) ?? 0;
  }

  #when(method) {
    return this.state === NOT_INITIALIZED ? `${method}_before` : `${method}_after`;
  }

  #succeed() {
    this.error = "0";
    this.diagnostic = "";
    return "true";
  }

  #fail(reason, diagnostic = "") {
    this.error = String(this.reader.table.errors[reason]);
    const message = this.getErrorString(this.error);
    this.diagnostic = diagnostic ? `${message}. ${diagnostic}`.slice(0, 255) : message;
    return "false";
  }

  #gathered(element, value) {
    const there = this.values.get(element) ?? "";
    return value.startsWith(there) && !this.reader.strict ? value : there + value;
  }

  #accessTo(element, located) {
    return has(this.access, element) ? this.access[element] : located.element.access;
  }

  #effective(element, located) {
    if (this.standard === "2004" && element === "cmi.completion_status") return this.#completionStatus();
    if (this.standard === "2004" && element === "cmi.success_status") return this.#successStatus();
    return this.values.get(element) ?? located.element.default;
  }

  #completionStatus() {
    const progress = this.#number("cmi.progress_measure");
    const threshold = this.#number("cmi.completion_threshold");
    if (progress !== null && threshold !== null) return progress >= threshold ? "completed" : "incomplete";
    if (threshold !== null && this.reader.strict) return "unknown";
    return this.values.get("cmi.completion_status") ?? "unknown";
  }

  #successStatus() {
    const scaled = this.#number("cmi.score.scaled");
    const passing = this.#number("cmi.scaled_passing_score");
    if (passing !== null && scaled !== null) return scaled >= passing ? "passed" : "failed";
    if (passing !== null && this.reader.strict) return "unknown";
    return this.values.get("cmi.success_status") ?? "unknown";
  }

  #number(element) {
    const text = this.values.get(element);
    return text === undefined || text === "" || Number.isNaN(Number(text)) ? null : Number(text);
  }

  #isKeyword(element) {
    const { pattern } = this.reader.pattern(element);
    const base = pattern.slice(0, Math.max(pattern.lastIndexOf("."), 0));
    return (
      has(this.reader.table.elements, pattern) ||
      (pattern.endsWith("._children") && has(this.reader.table.children, base)) ||
      (pattern.endsWith("._count") && has(this.reader.table.collections, base))
    );
  }

  #readKeyword(base, keyword) {
    const { pattern, records } = this.reader.pattern(base);
    this.#requireRecords(records);
    if (keyword === "_children" && has(this.reader.table.children, pattern)) return this.reader.table.children[pattern];
    if (keyword === "_count" && has(this.reader.table.collections, pattern)) return String(this.count(base));
    if (!this.reader.knows(pattern)) throw new Refused("undefined");
    throw new Refused(keyword === "_children" ? "no_children" : "no_count");
  }

  #requireRecords(records) {
    for (const { name, index } of records) if (index >= this.count(name)) throw new Refused("no_record");
  }

  #refuseGiven(located) {
    if (!located.element.access.includes("w")) throw new Refused("read_only");
    for (const { name, index } of located.records) if (index >= this.count(name)) throw new Refused("out_of_order");
  }

  #requirePlace(located) {
    const required = located.element.requires ?? [];
    located.records.forEach(({ name, pattern, index }, depth) => {
      if (index > this.count(name)) throw new Refused("out_of_order");
      const innermost = depth === located.records.length - 1;
      for (const sibling of required.filter((one) => one.startsWith("^") !== innermost)) {
        if (!this.values.has(`${name}.${index}.${sibling.replace("^", "")}`)) throw new Refused("dependency");
      }
      if (this.reader.table.collections[pattern].per_type) {
        const interaction = this.values.get(`${name.slice(0, name.lastIndexOf("."))}.type`);
        const { most } = this.reader.table.responses[interaction];
        if (most !== null && index >= most) throw new Refused("set");
      }
    });
  }

  #interaction(located) {
    if (located.element.type !== "response" && located.element.type !== "pattern") return null;
    const { name, index } = located.records[0];
    return this.values.get(`${name}.${index}.type`) ?? null;
  }

  #requireUnique(element, located, value) {
    if (located.element.once && (this.values.get(element) ?? value) !== value) throw new Refused("set");
    const distinct =
      located.element.unique ||
      (located.element.type === "pattern" &&
        this.reader.table.responses[this.#interaction(located) ?? "other"].distinct);
    if (!distinct) return;
    const { name, index: own } = located.records.at(-1);
    const holders = this.#holdersOf(name, element.slice(element.lastIndexOf(".") + 1)).get(value);
    if (holders && holders.size > (holders.has(own) ? 1 : 0)) throw new Refused("set");
  }

  /** Which records of a collection hold each value of `key`; looked up once, then kept with each write. */
  #holdersOf(name, key) {
    let known = this.#holders.get(`${name} ${key}`);
    if (!known) {
      known = new Map();
      this.#holders.set(`${name} ${key}`, known);
      for (let index = 0; index < this.count(name); index += 1) {
        const value = this.values.get(`${name}.${index}.${key}`);
        if (value !== undefined) addTo(known, value, index);
      }
    }
    return known;
  }

  /** Keep what `#holdersOf` knows up to date with a write that has not been made yet. */
  #noteHolder(element, located, value) {
    if (!located.records.length) return;
    const { name, index } = located.records.at(-1);
    const known = this.#holders.get(`${name} ${element.slice(`${name}.${index}.`.length)}`);
    if (!known) return;
    known.get(this.values.get(element))?.delete(index);
    addTo(known, value, index);
  }
}

function addTo(holders, value, index) {
  if (!holders.has(value)) holders.set(value, new Set());
  holders.get(value).add(index);
}

/** Count the records of every collection that occurs in the element names. */
export function countRecords(elements) {
  const counts = new Map();
  for (const element of elements) {
    const parts = element.split(".");
    parts.forEach((part, position) => {
      if (!/^[0-9]+$/.test(part)) return;
      const name = parts.slice(0, position).join(".");
      counts.set(name, Math.max(counts.get(name) ?? 0, Number(part) + 1));
    });
  }
  return counts;
}
