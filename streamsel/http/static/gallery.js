// The kept frames, newest first. New frames are inserted only if that disturbs nobody.
import { ask } from "./api.js";
import { byId, el, write } from "./dom.js";
import { Figure } from "./figure.js";
import { Frames } from "./frames.js";
import { trying } from "./notice.js";
import { many } from "./words.js";

const PAGE = 60;
const MOST = 300;
const FADE_MS = 900;
const TOP_PX = 60;

/**
 * New frames wait while the page is scrolled down, the focus is in the gallery, a frame is open, or
 * older frames are shown. A button shows their number and inserts them.
 */
export class Gallery {
  frames = new Frames();
  #figures = new Map();
  #waiting = [];
  #gone = new Set();
  #next = null;
  #isPast = false;
  #isStale = false;
  #request = 0;

  constructor(store) {
    this.store = store;
    this.list = byId("frames");
    this.pill = byId("waiting");
    this.older = byId("older");
    this.pill.addEventListener("click", () => this.#toFront());
    this.older.addEventListener("click", () => trying(() => this.#loadOlder()));
    addEventListener("scroll", () => this.settle(), { passive: true });
    this.list.addEventListener("focusout", () => setTimeout(() => this.settle()));
    store.addEventListener("feeds", () => this.#tellEmpty());
    store.addEventListener("feeds", () => this.#nameFeeds());
    store.addEventListener("feed", () => this.#tellEmpty());
  }

  /** Replaces everything by the newest frames. Throws Refused. */
  async load() {
    const request = ++this.#request;
    const query = new URLSearchParams({ limit: PAGE });
    if (this.store.filter !== null) query.set("feed", this.store.filter);
    const { frames, next } = await ask(`/api/frames?${query}`);
    if (request !== this.#request) return;
    this.#isPast = this.#isStale = false;
    this.#waiting = [];
    this.#replace(frames, next);
  }

  keep(frame) {
    const { filter } = this.store;
    if (filter !== null && frame.feed !== filter) return;
    if (this.frames.get(frame.id) || this.#waiting.some(({ id }) => id === frame.id)) return;
    if (this.#isPast || this.#isWatched()) {
      this.#isStale ||= this.#waiting.length >= MOST;
      if (!this.#isStale) this.#waiting.push(frame);
    } else {
      this.#add(frame, true);
    }
    this.#tell();
  }

  evict(eviction) {
    this.#waiting = this.#waiting.filter(({ id }) => id !== eviction.id);
    const figure = this.#figures.get(eviction.id);
    if (figure) {
      figure.fade(eviction);
      setTimeout(() => {
        this.#gone.add(eviction.id);
        this.settle();
      }, FADE_MS);
    }
    this.#tell();
  }

  pin({ id, pinned }) {
    const frame = this.frames.get(id) ?? this.#waiting.find((one) => one.id === id);
    if (frame) frame.pinned = pinned;
    this.#figures.get(id)?.setPinned(pinned);
  }

  /** Inserts waiting frames and removes evicted ones, if that disturbs nobody. */
  settle() {
    if (this.#isWatched()) return;
    for (const id of this.#gone) this.#remove(id);
    this.#gone.clear();
    if (!this.#isPast && this.#isStale) {
      this.#isStale = false;
      trying(() => this.load());
    } else if (!this.#isPast) {
      for (const frame of this.#waiting.splice(0)) this.#add(frame, true);
    }
    this.#tell();
  }

  /** Focuses a frame, or the gallery if the frame is not shown. */
  focus(id) {
    (this.#figures.get(id)?.link ?? byId("gallery")).focus();
  }

  async #loadOlder() {
    const request = ++this.#request;
    const { frames, next } = await ask(this.#next);
    if (request !== this.#request) return;
    if (this.frames.size + frames.length > MOST) {
      this.#isPast = true;
      this.#replace(frames, next);
      byId("gallery").focus();
    } else {
      this.#next = next;
      for (const frame of frames) this.#add(frame, false);
    }
    this.#tell();
  }

  #replace(frames, next) {
    this.list.replaceChildren();
    this.frames.clear();
    this.#figures.clear();
    this.#gone.clear();
    this.#next = next;
    for (const frame of frames) this.#add(frame, false);
    this.#tell();
  }

  #add(frame, isNew) {
    if (isNew && this.#next !== null && this.frames.isBeyond(frame)) return;
    const place = this.frames.add(frame);
    if (place < 0) return;
    const figure = new Figure(frame);
    write(figure.feedShown, this.store.shown(frame.feed));
    if (isNew) figure.node.classList.add("arriving");
    this.#figures.set(frame.id, figure);
    this.list.insertBefore(figure.node, this.list.children[place] ?? null);
    if (this.frames.size > MOST) this.#dropLast();
  }

  /** Removes the oldest from the page; "Load older" continues before the oldest one left. */
  #dropLast() {
    this.#remove(this.frames.last.id);
    const { id, wall_time } = this.frames.last;
    const query = new URLSearchParams({ limit: PAGE, before: `${wall_time},${id}` });
    if (this.store.filter !== null) query.set("feed", this.store.filter);
    this.#next = `/api/frames?${query}`;
  }

  #remove(id) {
    this.#figures.get(id)?.node.remove();
    this.#figures.delete(id);
    this.frames.remove(id);
  }

  #isWatched() {
    return (
      this.list.getBoundingClientRect().top < Math.min(TOP_PX, this.list.offsetTop - 1) ||
      this.list.querySelector(":focus-visible") !== null ||
      document.querySelector("dialog[open]") !== null
    );
  }

  async #toFront() {
    const isReload = this.#isPast;
    this.#isPast = false;
    byId("gallery").focus({ preventScroll: true });
    scrollTo({ top: 0 });
    if (isReload) await trying(() => this.load());
    this.settle();
  }

  #tell() {
    const number = this.#waiting.length;
    this.pill.hidden = !number && !this.#isPast && !this.#isStale;
    const arrived = this.#isStale ? "Many new frames" : number ? many(number, "new frame") : "";
    write(this.pill, this.#isPast ? `Back to the newest${arrived && ` (${arrived})`}` : `↑ ${arrived}`);
    this.older.hidden = this.#next === null;
    this.#tellEmpty();
  }

  /** Updates display names: frames may arrive before the names of their feeds. */
  #nameFeeds() {
    for (const figure of this.#figures.values()) {
      write(figure.feedShown, this.store.shown(figure.feed));
    }
  }

  #tellEmpty() {
    const { filter, feeds } = this.store;
    const place = byId("no-frames");
    place.hidden = this.frames.size > 0;
    if (place.hidden) return;
    const down = [...feeds.values()].find(
      ({ feed, state }) => state === "down" && (filter === null || feed === filter),
    );
    const waits = [...feeds.values()].some((feed) => feed.takes_sender);
    let advice = "The first is kept as soon as a feed sends a picture.";
    if (!feeds.size) advice = "They come once a feed is configured.";
    else if (down) advice = `Feed ${down.display_name} is down: ${down.reason}`;
    else if (filter !== null) advice = "The first is kept as soon as this feed sends a picture.";
    const text = `${filter === null ? "No frames yet" : `No frames of ${this.store.shown(filter)} yet`}. ${advice}`;
    if (place.dataset.text === text + waits) return;
    place.dataset.text = text + waits;
    place.replaceChildren(el("p", {}, text));
    if (waits) place.append(el("p", {}, el("a", { href: "/camera" }, "Send a camera from this device")));
  }
}
