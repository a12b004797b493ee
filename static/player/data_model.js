/**
 * Reads the table that scorm_player/scorm/data_model.py defines: looks element names up and judges values.
 * Knows no element by name and holds no values. Gives the same answers as `Reader` there.
 */

const TARGETED = /^(adl\.nav\.request_valid\.(?:choice|jump))\.\{target=([^{}]+)\}$/;
const INDEX = /^[0-9]+$/;
const PLACEHOLDERS = ["n", "{target}"]; // of the table's patterns; content that writes them has forgotten to fill them in
const LOCALIZED = /^\{lang=([^{}]*)\}/;
const PREFIX = /^\{(case_matters|order_matters)=([^{}]*)\}/;
const WELL_FORMED = /^(?:[A-Za-z]{2,8}|[iIxX]-[A-Za-z0-9]{1,8})(?:-[A-Za-z0-9]{1,8})*$/;
const LOCAL_USE = /^q[a-t][a-z]$/;
const KEYWORDS = ["_children", "_count", "_version"];

/** The value or the element name breaks the data model; `reason` is a key of the table's `errors`. */
export class Refused extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

const has = (object, key) => Object.prototype.hasOwnProperty.call(object, key);

export class Reader {
  constructor(table, { strict = false } = {}) {
    this.table = table;
    this.strict = strict;
    this.languages = new Set(table.languages.split(" "));
    this.expressions = new Map();
  }

  /** Find an element: {pattern, element, records}; refuses names that the model does not define. */
  locate(name) {
    const { pattern, records } = this.pattern(name);
    if (!has(this.table.elements, pattern)) throw new Refused("undefined");
    return { pattern, element: this.table.elements[pattern], records };
  }

  /** Replace indexes by `n` and a navigation target by `{target}`; answer the records passed, outermost first, too. */
  pattern(name) {
    const targeted = TARGETED.exec(name);
    if (targeted) return { pattern: `${targeted[1]}.{target}`, records: [] };
    const parts = name.split(".");
    const records = [];
    let pattern = "";
    parts.forEach((part, position) => {
      if (PLACEHOLDERS.includes(part)) throw new Refused("undefined");
      if (INDEX.test(part) && has(this.table.collections, pattern)) {
        if (part.length > 1 && part.startsWith("0")) throw new Refused("leading_zero");
        records.push({ name: parts.slice(0, position).join("."), pattern, index: Number(part.slice(0, 9)) });
        part = "n";
      }
      pattern = pattern ? `${pattern}.${part}` : part;
    });
    return { pattern, records };
  }

  /** Split `base._children`, `base._count` or `base._version` into [base, keyword]; null for other names. */
  keyword(name) {
    const dot = name.lastIndexOf(".");
    const last = name.slice(dot + 1);
    return KEYWORDS.includes(last) ? [name.slice(0, Math.max(dot, 0)), last] : null;
  }

  /** Whether a pattern is an element, or the way to one. */
  knows(pattern) {
    return Object.keys(this.table.elements).some((known) => known === pattern || known.startsWith(`${pattern}.`));
  }

  /** Refuse a value that is not of this type ("type") or out of its range ("range"). */
  check(kind, value, interaction = null) {
    const rule = this.table.types[kind];
    if (rule.response) {
      this.#checkResponse(this.table.responses[interaction || "other"], rule.response, value);
      return;
    }
    if (!this.#inVocabulary(rule, value) || !this.#matches(rule, value)) throw new Refused("type");
    if (rule.localized) this.#checkLocalized(value);
    if (rule.language && !this.#isLanguage(value, true)) throw new Refused("type");
    if (this.strict && rule.hard && length(value) > rule.spm) throw new Refused("type");
    this.#checkRange(rule, value);
  }

  /** Whether a value is longer than the smallest permitted maximum: kept all the same, and noted. */
  exceeds(kind, value) {
    const rule = this.table.types[kind];
    return has(rule, "spm") && value.length > rule.spm && length(value) > rule.spm;
  }

  #inVocabulary(rule, value) {
    if (!rule.values) return true;
    return rule.values.includes(value) || (!this.strict && (rule.lenient_values ?? []).includes(value));
  }

  #matches(rule, value) {
    const source = this.strict ? rule.strict : (rule.lenient ?? rule.strict);
    if (source === undefined) return true;
    if (!this.expressions.has(source)) this.expressions.set(source, new RegExp(`^(?:${source})$`, "u"));
    return this.expressions.get(source).test(value);
  }

  #checkRange(rule, value) {
    if ((!has(rule, "min") && !has(rule, "max")) || value === "") return;
    if (rule.soft_range && !this.strict) return;
    const number = Number(value);
    if (number < (rule.min ?? number) || number > (rule.max ?? number)) throw new Refused("range");
  }

  #isLanguage(tag, empty = false) {
    if (tag === "") return empty;
    if (!WELL_FORMED.test(tag)) return false;
    const first = tag.split("-")[0].toLowerCase();
    return !this.strict || first === "i" || first === "x" || this.languages.has(first) || LOCAL_USE.test(first);
  }

  #checkLocalized(value) {
    const named = LOCALIZED.exec(value);
    if (named && !this.#isLanguage(named[1])) throw new Refused("type");
  }

  #checkResponse(forms, place, value) {
    const form = forms.both ?? forms[place];
    if (form.values) {
      if (!form.values.includes(value)) throw new Refused("type");
      return;
    }
    const rest = this.#withoutPrefixes(form, value);
    if (form.range) {
      this.#checkNumericRange(form, rest);
      return;
    }
    if (rest === "" && form.empty) return;
    const parts = form.separator ? rest.split(form.separator) : [rest];
    for (const part of parts) this.#checkPart(form, part);
    if (form.unique && new Set(parts).size < parts.length) throw new Refused("type");
  }

  #withoutPrefixes(form, value) {
    for (;;) {
      const prefix = PREFIX.exec(value);
      if (!prefix || !(form.prefixes ?? []).includes(prefix[1])) return value;
      if (prefix[2] !== "true" && prefix[2] !== "false") throw new Refused("type");
      value = value.slice(prefix[0].length);
    }
  }

  #checkPart(form, part) {
    if (form.localized) this.#checkLocalized(part);
    if (!form.part) return;
    const sides = form.pair ? part.split(form.pair) : [part];
    if (form.pair && (sides.length !== 2 || sides.filter((side) => side !== "").length < form.sides)) {
      throw new Refused("type");
    }
    for (const side of sides) if (side !== "" || !form.pair) this.check(form.part, side);
  }

  #checkNumericRange(form, value) {
    const bounds = value.split(form.range);
    if (bounds.length > 2) throw new Refused("type");
    for (const bound of bounds) if (bound !== "" || bounds.length === 1) this.check(form.part, bound);
    if (bounds.length === 2 && !bounds.includes("") && Number(bounds[0]) > Number(bounds[1])) throw new Refused("type");
  }
}

/** Count characters as the server does: code points. */
function length(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
