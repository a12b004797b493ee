import assert from "node:assert/strict";
import { test } from "node:test";

import { pack, readable, unpack } from "../../static/player/carried.js";

const TEXTS = {
  "plain text": "Grüße, 你好 😀",
  "half a sign": "\ud83d",
  "the other half": "\ude00\ud83d",
  "half a sign before a whole one": "\ud83d😀",
  "a zero": "a\0b",
  "the mark, and what looks written out": "\ufdd0\ufdd0d83d",
  "all units": Array.from({ length: 0x10000 }, (_, unit) => String.fromCharCode(unit)).join(""),
};

for (const [name, text] of Object.entries(TEXTS)) {
  test(`what is packed can be carried, and comes back: ${name}`, () => {
    const packed = pack(text);
    assert.equal(new TextDecoder().decode(new TextEncoder().encode(packed)), packed);
    assert.ok(!packed.includes("\0"));
    assert.equal(unpack(packed), text);
  });
}

test("people see what stood there", () => assert.equal(readable("a\ud83d\0"), "a\\ud83d\\u0000"));
