// The card of a feed: state, figures, chart, two settings.
import { ask } from "./api.js";
import { Chart } from "./chart.js";
import { el, svg, write } from "./dom.js";
import { notice, trying } from "./notice.js";
import { retime, timeElement } from "./time.js";
import { count } from "./words.js";

const SHAPES = {
  up: "M6 1a5 5 0 1 1 0 10A5 5 0 0 1 6 1Z",
  connecting: "M6 1a5 5 0 0 1 5 5H9a3 3 0 0 0-3-3ZM6 11a5 5 0 0 1-5-5h2a3 3 0 0 0 3 3Z",
  useless: "M6 1a5 5 0 1 1 0 10A5 5 0 0 1 6 1ZM5.2 3v4h1.6V3ZM5.2 7.9v1.4h1.6V7.9Z",
  down: "M6 .5 12 11.5H0ZM5.2 4.2v3.6h1.6V4.2ZM5.2 8.8v1.4h1.6V8.8Z",
  disabled: "M1 4.8h10v2.4H1Z",
};
const WORDS = {
  up: "up",
  connecting: "connecting",
  useless: "useless",
  down: "down",
  ended: "ended",
  disabled: "off",
};
const NUMBERS = [
  ["received", ({ counts }) => counts?.received],
  ["dropped", ({ counts }) => counts?.dropped],
  ["reconnects", ({ sessions }) => Math.max(0, sessions - 1)],
];

/** Builds the card; update() and draw() refresh it. */
export class FeedCard {
  #feed;

  constructor(feed, onChosen) {
    this.#feed = feed;
    this.shape = svg("path", { "fill-rule": "evenodd" });
    this.word = el("span");
    this.since = timeElement(feed.since, { isLasting: true });
    this.state = el(
      "p",
      { class: "state" },
      svg("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, this.shape),
      this.word,
      this.since,
    );
    this.button = el("button", { type: "button", "aria-pressed": "false" }, feed.display_name);
    this.button.addEventListener("click", () => onChosen(feed.feed));
    this.reason = el("p", { class: "reason" });
    this.kept = el("b");
    this.newest = timeElement(null);
    this.fill = svg("rect", { height: "4", width: "0" });
    this.figures = NUMBERS.map(([name]) => [el("b"), name]);
    this.chart = new Chart();
    this.camera = el("p", { class: "muted" });
    this.group = el("p", { class: "muted group" });
    this.settings = this.#buildSettings();
    this.node = el(
      "li",
      { class: "feed" },
      el("div", { class: "feed-top" }, el("h3", {}, this.button), this.state),
      this.reason,
      el(
        "p",
        { class: "feed-kept" },
        el("span", {}, this.kept, " kept"),
        el("span", { class: "muted" }, "newest frame ", this.newest),
      ),
      svg(
        "svg",
        { class: "fullness", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" },
        this.fill,
      ),
      this.chart.node,
      el(
        "p",
        { class: "numbers" },
        ...this.figures.map(([node, name]) => el("span", {}, node, name)),
      ),
      this.camera,
      this.group,
      this.settings,
    );
    this.update(feed);
  }

  /** Shows the feed's new values. */
  update(feed) {
    this.#feed = feed;
    const state = feed.state in WORDS ? feed.state : "connecting";
    this.node.dataset.state = state;
    this.shape.setAttribute("d", SHAPES[state]);
    write(this.word, WORDS[state]);
    retime(this.since, feed.since);
    write(this.button, feed.display_name);
    write(this.reason, feed.reason.replace(`feed '${feed.feed}': `, ""));
    this.reason.hidden = !feed.reason;
    const most = feed.count === null ? "" : ` of ${count(feed.count)}`;
    write(this.kept, `${count(feed.kept)}${most}`);
    this.fill.setAttribute("width", 100 * Math.min(1, feed.kept / (feed.count ?? Infinity)) || 0);
    retime(this.newest, feed.last_frame);
    NUMBERS.forEach(([, value], place) => write(this.figures[place][0], count(value(feed))));
    this.camera.hidden = feed.fixed === null;
    write(this.camera, feed.fixed ? "Fixed camera: frames count by what changes" : "Moving camera, or not known yet to be fixed");
    const isShared = feed.scope !== feed.feed;
    this.group.hidden = !isShared;
    write(this.group, isShared ? `shares the coreset of ${feed.scope}` : "");
    this.enabled.checked = feed.enabled;
    this.counting.hidden = feed.count === null;
    if (document.activeElement !== this.count) this.count.value = feed.count ?? "";
  }

  /** Shows whether the gallery is filtered by this feed. */
  press(isPressed) {
    this.button.setAttribute("aria-pressed", String(isPressed));
  }

  #buildSettings() {
    const { display_name: feed } = this.#feed;
    this.enabled = el("input", { type: "checkbox", role: "switch" });
    this.enabled.addEventListener("change", () => this.#set("enabled", this.enabled.checked));
    this.count = el("input", {
      type: "number", min: "1", step: "1", required: true, "aria-label": `Most frames kept of ${feed}`,
    });
    this.counting = el(
      "form",
      { class: "counting" },
      el("span", {}, "Keep at most"),
      this.count,
      el("button", { type: "submit", class: "button small" }, "Set"),
    );
    this.counting.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#set("count", this.count.valueAsNumber);
    });
    return el(
      "details",
      {},
      el("summary", {}, "Settings", el("span", { class: "unseen" }, ` of ${feed}`)),
      el("label", { class: "switch" }, this.enabled, "Take frames from this feed"),
      this.counting,
    );
  }

  async #set(name, value) {
    const path = `/api/feeds/${encodeURIComponent(this.#feed.feed)}/${name}`;
    const feed = await trying(() => ask(path, { method: "PUT", body: { [name]: value } }));
    if (feed) notice("");
    this.update(feed ?? this.#feed);
  }
}
