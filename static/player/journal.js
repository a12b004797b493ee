/**
 * The journal: what the server has not confirmed, kept in IndexedDB on the application's origin until it is.
 * An entry is {session, sequence, registration, person, at, batch}.
 */

const NAME = "stoa-player";
const STORE = "batches";

export class Journal {
  #database = null;

  async #open() {
    this.#database ??= await new Promise((resolve, reject) => {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: ["session", "sequence"] });
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    return this.#database;
  }

  async #act(mode, act) {
    const database = await this.#open();
    return new Promise((resolve, reject) => {
      // "relaxed": the browser's process has the data at once; only a power cut of the device can still lose it.
      const transaction = database.transaction(STORE, mode, { durability: "relaxed" });
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request?.result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  }

  put(entry) {
    return this.#act("readwrite", (store) => store.put(entry));
  }

  /** Forget a session's entries up to a sequence number. */
  remove(session, upTo) {
    return this.#act("readwrite", (store) => store.delete(IDBKeyRange.bound([session, 0], [session, upTo])));
  }

  /** All entries of a person, in order within each session; entries of other people stay untouched. */
  async of(person) {
    const entries = await this.#act("readonly", (store) => store.getAll());
    return entries.filter((entry) => entry.person === person);
  }

  /** The journal as one session's delivery uses it. */
  forSession({ session, registration, person }) {
    return {
      put: (batch) =>
        this.put({ session, sequence: batch.sequence, registration, person, at: new Date().toISOString(), batch }),
      remove: (upTo) => this.remove(session, upTo),
    };
  }
}
