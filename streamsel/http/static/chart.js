// Draws spacing and coverage over time.
import { el, svg, write } from "./dom.js";
import { span } from "./time.js";
import { distance } from "./words.js";

const WIDTH = 240;
const HEIGHT = 36;
const EDGE = 3;
const SHORTEST = 300;

/** A small chart with a legend; call draw() after each update. */
export class Chart {
  constructor() {
    this.area = svg("path", { class: "chart-area" });
    this.spacing = svg("path", { class: "chart-spacing" });
    this.coverage = svg("path", { class: "chart-coverage" });
    this.picture = svg(
      "svg",
      { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" },
      this.area,
      this.coverage,
      this.spacing,
    );
    this.legend = {
      spacing: el("b", {}, "–"),
      coverage: el("b", {}, "–"),
      length: el("span", { class: "chart-length" }),
    };
    const told = (name) =>
      el("span", { class: `key key-${name}` }, `${name} `, this.legend[name]);
    this.node = el(
      "div",
      { class: "trend" },
      this.picture,
      el("p", { class: "legend" }, told("spacing"), told("coverage"), this.legend.length),
    );
    this.draw(undefined);
  }

  /** Draws {times, spacing, coverage}; null is a gap. */
  draw(series = { times: [], spacing: [], coverage: [] }) {
    const { times, spacing, coverage } = series;
    const values = [...spacing, ...coverage].filter(Number.isFinite);
    const top = Math.max(...values, 0.01);
    const last = times.at(-1) ?? 0;
    const length = Math.max(last - (times[0] ?? last), SHORTEST);
    const x = (time) => WIDTH - EDGE - ((last - time) / length) * (WIDTH - 2 * EDGE);
    const y = (value) => HEIGHT - EDGE - (value / top) * (HEIGHT - 2 * EDGE);
    this.spacing.setAttribute("d", line(times, spacing, x, y));
    this.coverage.setAttribute("d", line(times, coverage, x, y));
    this.area.setAttribute("d", area(times, spacing, x, y));
    write(this.legend.spacing, distance(newest(spacing)));
    write(this.legend.coverage, distance(newest(coverage)));
    write(this.legend.length, times.length > 1 ? span(last - times[0]) : "");
    this.picture.setAttribute("aria-label", describe(series));
  }
}

/** Returns the points as an SVG path, interrupted at gaps. */
function line(times, values, x, y) {
  let isDrawn = false;
  let path = "";
  values.forEach((value, place) => {
    const isPoint = Number.isFinite(value);
    if (isPoint) path += `${isDrawn ? "L" : "M"}${x(times[place]).toFixed(1)} ${y(value).toFixed(1)}`;
    if (isPoint && !isDrawn) path += "h.01";
    isDrawn = isPoint;
  });
  return path;
}

/** Returns the area below the points as an SVG path. */
function area(times, values, x, y) {
  const points = values.flatMap((value, place) =>
    Number.isFinite(value) ? [`${x(times[place]).toFixed(1)} ${y(value).toFixed(1)}`] : [],
  );
  if (points.length < 2) return "";
  const [left] = points[0].split(" ");
  const [right] = points.at(-1).split(" ");
  return `M${left} ${HEIGHT}L${points.join("L")}L${right} ${HEIGHT}Z`;
}

function newest(values) {
  return values.findLast(Number.isFinite);
}

function describe({ times, spacing, coverage }) {
  if (newest(spacing) === undefined && newest(coverage) === undefined) {
    return "Spacing and coverage: nothing measured yet";
  }
  const told = (name, values) => {
    const found = values.filter(Number.isFinite);
    if (!found.length) return `${name} not measured`;
    const [least, most] = [Math.min(...found), Math.max(...found)].map(distance);
    return `${name} ${distance(found.at(-1))}, from ${distance(found[0])} (${least} to ${most})`;
  };
  const length = span(times.at(-1) - times[0]);
  return `Over ${length}: ${told("spacing", spacing)}; ${told("coverage", coverage)}`;
}
