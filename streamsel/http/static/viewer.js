// The view of one frame: its picture, the nearest kept frame, and why it was kept.
import { ask } from "./api.js";
import { byId, el, write } from "./dom.js";
import { linkTo, picture } from "./figure.js";
import { notice, trying } from "./notice.js";
import { exact, timeElement } from "./time.js";
import { bytes, count, distance, whyEvicted, whyKept } from "./words.js";

const NAMED = /^#frame=(.+)$/;

/**
 * Shows the frame in the page's address, so that links can be shared and Back closes it. Opening a
 * frame adds one entry to the history; moving on to another frame replaces that entry.
 */
export class Viewer {
  #id = null;
  #frame = null;
  #isOurs = false;

  constructor(gallery) {
    this.gallery = gallery;
    this.dialog = byId("frame");
    this.body = byId("frame-body");
    byId("frame-newer").addEventListener("click", () => this.#go(-1));
    byId("frame-older").addEventListener("click", () => this.#go(1));
    byId("frame-pin").addEventListener("click", () => this.#pin());
    byId("frame-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => this.#onClose());
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    // Not on the dialog: a focused button that is disabled loses the focus to the page.
    document.addEventListener("keydown", (event) => this.dialog.open && this.#onKey(event));
    this.body.addEventListener("click", (event) => this.#onLink(event));
    addEventListener("hashchange", () => this.follow(true));
  }

  /** Shows the frame in the address; ``isOurs``: it was opened from this page. */
  follow(isOurs = false) {
    const named = NAMED.exec(location.hash);
    if (!named) {
      this.#id = null;
      this.dialog.close();
      return;
    }
    if (!this.dialog.open) {
      this.#isOurs = isOurs;
      this.dialog.showModal();
    }
    this.#show(decode(named[1]));
  }

  /** Shows whether the frame is pinned. */
  pin({ id, pinned }) {
    if (this.#frame?.id !== id) return;
    this.#frame.pinned = pinned;
    this.#tellState();
  }

  /** Shows that the frame is no longer kept. */
  evict(eviction) {
    if (this.#frame?.id !== eviction.id) return;
    byId("frame-pin").disabled = true;
    write(byId("frame-state"), whyEvicted(eviction));
  }

  async #show(id) {
    this.#id = id;
    notice("");
    this.#render(this.gallery.frames.get(id) ?? { id }, null, null);
    const found = await trying(() => ask(`/api/frames/${encodeURIComponent(id)}`));
    if (this.#id !== id) return;
    if (found) this.#render({ ...found.frame }, found.nearest, found.explanation);
  }

  #render(frame, nearest, explanation) {
    const isKnown = "url" in frame;
    this.#frame = isKnown ? frame : null;
    write(byId("frame-title"), frame.id);
    byId("frame-newer").disabled = !this.gallery.frames.beside(frame.id, -1);
    byId("frame-older").disabled = !this.gallery.frames.beside(frame.id, 1);
    byId("frame-pin").disabled = !isKnown;
    this.#tellState();
    if (!isKnown) return this.body.replaceChildren();
    const main = el(
      "figure",
      { class: "view" },
      picture(frame, { alt: `Frame ${frame.id}` }),
      el("figcaption", { class: "explanation" }, explanation ?? whyKept(frame)),
    );
    const side = el("div", { class: "view-side" });
    if (explanation !== null) side.append(beside(frame, nearest));
    side.append(facts(frame));
    return this.body.replaceChildren(main, side);
  }

  #tellState() {
    const isPinned = this.#frame?.pinned ?? false;
    write(byId("frame-pin"), isPinned ? "Unpin" : "Pin");
    write(byId("frame-state"), isPinned ? "pinned: never evicted" : "");
    this.dialog.classList.toggle("pinned", isPinned);
  }

  #go(step) {
    const other = this.gallery.frames.beside(this.#id, step);
    if (other) location.replace(linkTo(other.id));
  }

  async #pin() {
    if (!this.#frame || byId("frame-pin").disabled) return;
    const { id, pinned } = this.#frame;
    const path = `/api/frames/${encodeURIComponent(id)}/pin`;
    const done = await trying(() => ask(path, { method: pinned ? "DELETE" : "PUT", body: {} }));
    if (!done) return;
    this.pin(done);
    this.gallery.pin(done);
  }

  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = { ArrowLeft: () => this.#go(-1), ArrowRight: () => this.#go(1), p: () => this.#pin() };
    if (!(event.key in actions) || event.repeat) return;
    event.preventDefault();
    actions[event.key]();
  }

  /** Moving to the nearest frame adds no history entry. */
  #onLink(event) {
    const link = event.target.closest("a[href^='#frame=']");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    location.replace(link.hash);
  }

  #onClose() {
    const last = this.#frame?.id;
    this.#id = this.#frame = null;
    const comeBack = () => {
      this.gallery.focus(last);
      this.gallery.settle();
    };
    if (NAMED.test(location.hash) && this.#isOurs) {
      // Going back moves the focus to the target of the address, so it is restored afterwards.
      addEventListener("hashchange", comeBack, { once: true });
      history.back();
      return;
    }
    if (NAMED.test(location.hash)) {
      history.replaceState(null, "", location.pathname + location.search);
    }
    comeBack();
  }
}

/** Shows the frame that was nearest when this one was kept. */
function beside(frame, nearest) {
  if (!frame.nearest) return el("p", { class: "muted" }, "No other frame was kept before it.");
  if (!nearest) {
    return el("p", { class: "muted" }, `The nearest frame then, ${frame.nearest}, is kept no more.`);
  }
  return el(
    "figure",
    { class: "nearest" },
    el("a", { href: linkTo(nearest.id) }, picture(nearest, { alt: `Nearest kept frame, ${nearest.id}` })),
    el(
      "figcaption",
      {},
      el("b", {}, "Nearest kept frame"),
      el("span", {}, `${distance(frame.distance)} away`),
      el("span", { class: "muted" }, nearest.id),
      timeElement(nearest.wall_time),
    ),
  );
}

function facts(frame) {
  const rows = [
    ["feed", frame.feed],
    ["received", exact(frame.wall_time)],
    ["reason", frame.reason],
    ["distance", distance(frame.distance)],
    ["weight", distance(frame.weight)],
    ["picture", `${frame.width} × ${frame.height}, ${bytes(frame.bytes)}`],
    ["video time", `${Number(frame.media_time).toFixed(2)} s`],
    ["frame number", count(frame.index)],
  ];
  const list = rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  return el("dl", { class: "facts" }, ...list);
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
