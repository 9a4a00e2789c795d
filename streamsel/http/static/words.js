// Formats numbers and names.

const COUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** A count: 12,402; large ones rounded: 1.2M. */
export function count(number) {
  if (!Number.isFinite(number)) return "–";
  return number < 100_000 ? COUNT.format(number) : SHORT.format(number);
}

/** A distance; a dash where none was measured. */
export function distance(value) {
  return Number.isFinite(value) ? value.toFixed(2) : "–";
}

/** A size in bytes: 84 kB. */
export function bytes(number) {
  if (!Number.isFinite(number)) return "–";
  return number < 1e6 ? `${Math.ceil(number / 1e3)} kB` : `${(number / 1e6).toFixed(1)} MB`;
}

/** One or many: "1 feed", "3 feeds". */
export function many(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Why a frame was kept, in one sentence. */
export function whyKept(frame) {
  const away = Number.isFinite(frame.distance) ? `, ${distance(frame.distance)} away` : "";
  if (frame.reason === "novel" && !frame.nearest) return "The first of its coreset.";
  if (frame.reason === "novel") return `Unlike all that was kept: the nearest was ${frame.nearest}${away}.`;
  if (frame.reason === "recalled") return "Was covered before, and stands in again after an eviction.";
  return `Kept as ${frame.reason}${away}.`;
}

/** Why a frame was evicted, and the frame that represents it. */
export function whyEvicted({ reason, by }) {
  return by ? `evicted (${reason}): ${by} represents it now` : `evicted (${reason})`;
}
