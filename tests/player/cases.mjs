// What the JavaScript tests share: the data model's table as Python exports it, and the official cases.

import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
export const root = join(here, "..", "..");

function python(code) {
  return execFileSync(process.env.PYTHON ?? join(root, ".venv", "bin", "python"), ["-c", code], {
    cwd: root,
    encoding: "utf-8",
    maxBuffer: 1 << 28,
  });
}

export function table(standard, edition = "4th") {
  return JSON.parse(
    python(`import json; from scorm_player.scorm.data_model import table; print(json.dumps(table("${standard}", "${edition}")))`),
  );
}

/** Sessions of odd calls with the answers Python gives: [{standard, edition, strict, values, calls, left}]. */
export function oddSessions() {
  return JSON.parse(python("from tests.scorm_player.odd_calls import answers; print(answers())"));
}

/**
 * Every visit of the official cases with the answers Python gives, strict and lenient:
 * [{name, strict, values, access, calls: [[method, element, value, answer, error], …]}]. Null when the cases are missing.
 */
export function visits() {
  return JSON.parse(python("from tests.scorm_player.scorm_cases import answers; print(answers())"));
}
