// Formats times of the service for the reader.
import { el, write } from "./dom.js";

const STEPS = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [Infinity, 86400, "d"]];
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const FARTHEST = 8.64e12;
let offset = 0;

/** Sets the offset between this clock and the service's: a phone's may be minutes off. */
export function learnClock(response) {
  const told = Date.parse(response.headers.get("Date") ?? "");
  if (Number.isFinite(told)) {
    const ahead = (told - Date.now()) / 1000;
    offset = Math.abs(ahead) > 2 ? ahead : 0;
  }
}

/** How long ago a time (UTC epoch seconds) was: "now", "12 s ago", "3 min ago". */
export function ago(time) {
  const seconds = Math.floor(Date.now() / 1000 + offset - time);
  return seconds < 2 ? "now" : `${span(seconds)} ago`;
}

/** How long something has lasted: "for 12 s". */
function lasting(time) {
  return `for ${span(Math.floor(Date.now() / 1000 + offset - time))}`;
}

/** A time span in its largest unit: "45 s", "12 min". */
export function span(seconds) {
  const [, divisor, unit] = STEPS.find(([below]) => seconds < below);
  return `${Math.max(0, Math.floor(seconds / divisor))} ${unit}`;
}

/** The time to the second, in the reader's own time zone. */
export function exact(time) {
  return isTime(time) ? DAY.format(time * 1000) : "unknown";
}

/**
 * Returns an element that shows how long ago a time was, and is kept up to date; with
 * ``isLasting``, the duration since then.
 */
export function timeElement(time, { isLasting = false } = {}) {
  const node = el("time", isLasting ? { class: "lasting" } : {});
  retime(node, time);
  return node;
}

/** Changes the time of an element; null: never. */
export function retime(node, time) {
  if (!isTime(time)) {
    node.removeAttribute("datetime");
    write(node, "never");
    return;
  }
  node.dateTime = new Date(time * 1000).toISOString();
  node.title = exact(time);
  tell(node, time);
}

/** Updates every time on the page. */
export function keepTime() {
  setInterval(() => {
    if (document.hidden) return;
    for (const node of document.querySelectorAll("time[datetime]")) {
      tell(node, Date.parse(node.dateTime) / 1000);
    }
  }, 1000);
}

function tell(node, time) {
  write(node, node.classList.contains("lasting") ? lasting(time) : ago(time));
}

function isTime(time) {
  return Number.isFinite(time) && Math.abs(time) < FARTHEST;
}
