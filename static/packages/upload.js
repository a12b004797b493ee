// A package sent in pieces (tus 1.0): it pauses, goes on after a lost connection, and after a reload when the same
// file is chosen again. Words come from the page. Without this module the form sends the file in one go.

import { announce } from "../site/site.js";

const TUS = { "Tus-Resumable": "1.0.0", Accept: "application/json" };
const ENDS = 64 * 1024; // of each end of a file, what tells it from another one
const LONGEST_WAIT = 15000;

/** What an answer of the server stops the upload with; `message` is for whoever uploads. */
class Refusal extends Error {}
/** No answer, or one that is worth asking again. */
class Away extends Error {}
class Paused extends Error {}

class Upload {
  constructor(form) {
    this.form = form;
    this.file = null;
    this.place = "";
    this.offset = 0;
    this.request = null;
    this.isPaused = false;
    this.said = form.querySelector(".upload-say");
    this.progress = form.querySelector(".upload-progress");
    this.bar = this.progress.querySelector("progress");
    this.submit = form.querySelector("button[type=submit]");
    this.pauseButton = form.querySelector("[data-pause]");
    this.resumeButton = form.querySelector("[data-resume]");
    this.chooser = form.querySelector("input[type=file]");
    this.csrf = form.querySelector("[name=csrf_token]").value;
    this.pauseButton.addEventListener("click", () => this.pause());
    this.resumeButton.addEventListener("click", () => this.run());
  }

  async run() {
    this.isPaused = false;
    this.form.toggleAttribute("data-running", true);
    this.show({ sending: true });
    try {
      this.file ??= this.chooser.files[0];
      await this.keepTrying(() => this.place ? this.ask() : this.find());
      this.tell(this.offset ? "resumed" : "begun", { aloud: true });
      while (this.offset < this.file.size) await this.keepTrying(() => this.next());
      this.tell("finished", { aloud: true });
      this.bar.removeAttribute("value");
      const { import_id: found } = await this.keepTrying(() => this.ask());
      location.assign(this.form.dataset.imports + found);
    } catch (problem) {
      if (problem instanceof Paused) {
        this.tell("paused", { aloud: true });
        this.show({ resumable: true });
      } else if (problem instanceof Refusal) {
        this.say(problem.message, { aloud: true });
        this.show({});
        this.forget();
      } else {
        throw problem;
      }
    }
  }

  pause() {
    this.isPaused = true;
    this.request?.abort();
    this.wake?.();
  }

  forget() {
    this.file = null;
    this.place = "";
    this.offset = 0;
  }

  /** Do something that needs the server, again and again while it does not answer. */
  async keepTrying(act) {
    for (let wait = 500; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
      if (this.isPaused) throw new Paused();
      try {
        return await act();
      } catch (problem) {
        if (this.isPaused) throw new Paused();
        if (!(problem instanceof Away)) throw problem;
        this.tell("lost", { aloud: wait === 500 });
        await this.quiet(wait);
        if (this.isPaused) throw new Paused();
        if (this.place) await this.ask().catch((again) => { if (!(again instanceof Away)) throw again; });
      }
    }
  }

  quiet(wait) {
    return new Promise((resolve) => {
      this.wake = resolve;
      setTimeout(resolve, wait);
      addEventListener("online", resolve, { once: true });
    });
  }

  /** Go on with the upload of this very file that is unfinished, or begin one. */
  async find() {
    const mark = await fingerprint(this.file);
    const known = JSON.parse((await this.send("GET", `${this.form.dataset.pieces}?limit=200`)).responseText);
    const mine = known.items.find((one) => one.fingerprint === mark && one.size_bytes === this.file.size && one.file_name === this.file.name);
    if (mine) {
      this.place = `${this.form.dataset.pieces}/${mine.id}`;
      this.offset = mine.offset_bytes;
      return;
    }
    const told = { filename: this.file.name, fingerprint: mark };
    const metadata = Object.entries(told).map(([key, value]) => `${key} ${base64(value)}`).join(",");
    const begun = await this.send("POST", this.form.dataset.pieces, { "Upload-Length": String(this.file.size), "Upload-Metadata": metadata });
    this.place = begun.getResponseHeader("Location");
    this.offset = 0;
  }

  /** Ask how much is there; answer what the server says of the upload. */
  async ask() {
    const answer = await this.send("GET", this.place);
    this.offset = Number(answer.getResponseHeader("Upload-Offset"));
    return JSON.parse(answer.responseText);
  }

  async next() {
    const end = Math.min(this.offset + Number(this.form.dataset.pieceBytes), this.file.size);
    let piece;
    try {
      piece = await this.file.slice(this.offset, end).arrayBuffer();
    } catch {
      throw new Refusal(this.said.dataset.unreadable);
    }
    const answer = await this.send("PATCH", this.place, { "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(this.offset) }, piece);
    this.offset = Number(answer.getResponseHeader("Upload-Offset"));
    this.measure(0);
  }

  /** One request. Answers it when it succeeded; another offset than ours is taken over. */
  send(method, address, headers = {}, body = null) {
    return new Promise((resolve, reject) => {
      const request = (this.request = new XMLHttpRequest());
      request.open(method, address);
      for (const [name, value] of Object.entries({ ...TUS, "X-CSRF-Token": this.csrf, ...headers })) request.setRequestHeader(name, value);
      if (body) request.upload.addEventListener("progress", (event) => this.measure(event.loaded));
      request.addEventListener("error", () => reject(new Away()));
      request.addEventListener("abort", () => reject(new Away()));
      request.addEventListener("load", () => {
        const { status } = request;
        if (status >= 200 && status < 300) return resolve(request);
        if (status === 409 && request.getResponseHeader("Upload-Offset") !== null) return resolve(request);
        if (status >= 500 || status === 429 || status === 0) return reject(new Away());
        const isGone = this.place && (status === 404 || status === 410);
        const words = isGone ? this.said.dataset.gone : status === 401 ? this.said.dataset.signedOut : reasonOf(request);
        reject(new Refusal(words));
      });
      request.send(body);
    });
  }

  measure(loaded) {
    const done = Math.min(this.offset + loaded, this.file.size);
    this.bar.value = Math.floor((100 * done) / this.file.size);
    this.say(this.words("sending", done));
  }

  words(name, done = this.offset) {
    return this.said.dataset[name].replace("{done}", size(done)).replace("{size}", size(this.file.size));
  }

  tell(name, how) {
    this.said.dataset.state = name;
    this.bar.value = Math.floor((100 * this.offset) / this.file.size);
    this.say(this.words(name), how);
  }

  /** Words beside the bar; a screen reader is told of turns, not of each percent. */
  say(text, { aloud = false } = {}) {
    this.said.hidden = false;
    this.said.textContent = text;
    if (aloud) announce(text);
  }

  show({ sending = false, resumable = false }) {
    const focused = document.activeElement;
    this.progress.hidden = false;
    this.submit.hidden = sending || resumable;
    this.pauseButton.hidden = !sending;
    this.resumeButton.hidden = !resumable;
    this.chooser.disabled = sending || resumable;
    if (focused?.hidden) [this.pauseButton, this.resumeButton, this.submit].find((button) => !button.hidden)?.focus();
    this.form.toggleAttribute("data-running", sending);
  }
}

function reasonOf(request) {
  try {
    const told = JSON.parse(request.responseText);
    return told.errors?.[0]?.what ?? told.detail;
  } catch {
    return `${request.status} ${request.statusText}`;
  }
}

function size(bytes) {
  const language = document.documentElement.lang || undefined;
  return new Intl.NumberFormat(language, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 }).format(bytes / 1e6);
}

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** Tell a file from another of the same name and size by its two ends: 64-bit FNV-1a, in hex. Not against forgers. */
async function fingerprint(file) {
  let hash = 0xcbf29ce484222325n;
  const ends = [file.slice(0, ENDS), file.slice(Math.max(ENDS, file.size - ENDS))];
  for (const end of ends) {
    for (const byte of new Uint8Array(await end.arrayBuffer())) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, "0");
}

for (const form of document.querySelectorAll("form[data-pieces]")) {
  const upload = new Upload(form);
  form.addEventListener("submit", (event) => {
    if (!form.querySelector("input[type=file]").files.length) return; // the plain form says what is missing
    event.preventDefault();
    event.stopPropagation();
    upload.run();
  });
  addEventListener("beforeunload", (event) => {
    if (form.hasAttribute("data-running") && upload.said.dataset.state !== "finished") event.preventDefault();
  });
}
