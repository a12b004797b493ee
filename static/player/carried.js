/**
 * Text as content hands it over: any 16-bit units. Half of a surrogate pair has no UTF-8 and a zero no place in a
 * database, but compressed suspend data and texts cut in the middle of a sign hold both. They travel and rest written
 * out, as a mark and four hexadecimal digits. The same as scorm_player/scorm/carried.py.
 */

const MARK = "\ufdd0"; // no character, for use inside of programs (Unicode 23.7)
const ODD = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|[\0\ufdd0]/g;
const WRITTEN = /\ufdd0([0-9a-f]{4})/g;

const digits = (unit) => unit.charCodeAt(0).toString(16).padStart(4, "0");

/** Write out what cannot be carried. */
export const pack = (text) => text.replace(ODD, (unit) => MARK + digits(unit));

/** What `pack` was given. */
export const unpack = (text) => text.replace(WRITTEN, (_, written) => String.fromCharCode(parseInt(written, 16)));

/** The same for people, as JavaScript writes it; not to be read back. */
export const readable = (text) => text.replace(ODD, (unit) => `\\u${digits(unit)}`);
