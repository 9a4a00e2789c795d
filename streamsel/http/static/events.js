// Receives server-sent events of the service.

const NAMES = ["feed", "kept", "evicted", "pinned", "measured"];
const BACK_MS = [1000, 2000, 5000, 10_000];
const UNSEEN_MS = 30_000;

/**
 * Events: "heard" (detail: {name, value}), "fresh" (reload everything: earlier events are unknown),
 * "state" (detail: "live" or "reconnecting").
 *
 * After an interruption the browser reconnects by itself with the id of its last event. If it gives
 * up, a new stream is opened. A hidden page closes its stream after a while: browsers allow six
 * connections per service, and a forgotten tab should not hold one.
 */
export class Events extends EventTarget {
  #source = null;
  #tries = 0;
  #timer = 0;

  constructor(address) {
    super();
    this.address = address;
    document.addEventListener("visibilitychange", () => this.#onLook());
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", (event) => event.persisted && this.open());
    addEventListener("online", () => this.#source?.readyState !== EventSource.OPEN && this.open());
  }

  open() {
    this.close();
    const source = new EventSource(this.address);
    let isNew = true;
    source.addEventListener("open", () => {
      this.#tries = 0;
      if (isNew) this.#tell("fresh");
      isNew = false;
      this.#tell("state", "live");
    });
    source.addEventListener("error", () => this.#onError(source));
    source.addEventListener("reset", () => this.#tell("fresh"));
    for (const name of NAMES) {
      source.addEventListener(name, ({ data }) =>
        this.#tell("heard", { name, value: JSON.parse(data) }),
      );
    }
    this.#source = source;
  }

  close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #onError(source) {
    this.#tell("state", "reconnecting");
    if (source.readyState !== EventSource.CLOSED) return;
    const delay = BACK_MS[Math.min(this.#tries++, BACK_MS.length - 1)];
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.open(), delay);
    this.#tell("refused");
  }

  #onLook() {
    if (document.hidden) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.close(), UNSEEN_MS);
    } else if (this.#source === null || this.#source.readyState === EventSource.CLOSED) {
      this.open();
    } else {
      clearTimeout(this.#timer);
    }
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
