// One kept frame in the gallery.
import { el, svg, write } from "./dom.js";
import { timeElement } from "./time.js";
import { distance, whyEvicted } from "./words.js";

/** The address of a frame's view on this page. */
export function linkTo(id) {
  return `#frame=${encodeURIComponent(id)}`;
}

/** Returns the picture of a frame; its address is always on this service. */
export function picture(frame, attributes = {}) {
  const isOurs = /^\/(?![/\\])/.test(frame.url);
  const { width, height } = frame;
  const img = el("img", { width, height, decoding: "async", ...attributes });
  if (isOurs) img.src = frame.url;
  return img;
}

/** Builds the list item of a frame. */
export class Figure {
  constructor(frame) {
    this.feed = frame.feed;
    this.feedShown = el("b", {}, frame.feed);
    this.link = el(
      "a",
      { href: linkTo(frame.id) },
      picture(frame, { alt: `Frame ${frame.id}`, loading: "lazy" }),
    );
    this.pin = el("span", { class: "badge" }, "pinned");
    this.fate = el("span", { class: "fate" });
    this.node = el(
      "li",
      { class: "frame", "data-id": frame.id },
      el("div", { class: "shot" }, this.link, this.pin, bar(frame.distance)),
      el(
        "p",
        { class: "caption" },
        this.feedShown,
        timeElement(frame.wall_time),
      ),
      el(
        "p",
        { class: "caption muted" },
        el("span", { class: "why" }, frame.reason),
        el("span", { title: "distance to the nearest kept frame" }, distance(frame.distance)),
      ),
      this.fate,
    );
    this.setPinned(frame.pinned);
  }

  setPinned(isPinned) {
    this.pin.hidden = !isPinned;
    this.node.classList.toggle("pinned", isPinned);
  }

  /** Fades it out; the owner of the list removes it afterwards. */
  fade(eviction) {
    this.node.classList.add("leaving");
    write(this.fate, whyEvicted(eviction));
  }
}

/** Returns a bar below the picture, as long as the distance. */
function bar(value) {
  const width = Number.isFinite(value) ? 100 * Math.min(1, value) : 0;
  return svg(
    "svg",
    { class: "measure", viewBox: "0 0 100 3", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { width, height: 3 }),
  );
}
