// Small charts in SVG: stacked bars over days, and a row of reps.

import { plain } from "./common.js";

const NS = "http://www.w3.org/2000/svg";

// Okabe and Ito (2008); what has no colour of its own is grey.
const COLORS = ["var(--green)", "var(--sky)", "var(--orange)", "var(--yellow)", "var(--vermillion)", "#e196be", "#3c8ce1"];
const OTHERS = "#969696";

export function colorOf(index) {
  return COLORS[index] ?? OTHERS;
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) {
    // As a property: the content security policy lets no style attribute through.
    if (name === "fill" && String(value).startsWith("var(")) element.style.fill = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function swatch(color, shape = "square") {
  const drawn = {
    square: () => svg("rect", { width: 18, height: 18, rx: 3, fill: color }),
    line: () => svg("line", { class: "mark", x1: 0, x2: 18, y1: 9, y2: 9, "stroke-width": 2 }),
  };
  const inside = drawn[shape]?.() ?? svg("path", { d: MARKS[shape](9, 9, 7), fill: color });
  return svg("svg", { viewBox: "0 0 18 18", "aria-hidden": "true" }, inside);
}

// The smallest 1, 2 or 5 times a power of ten that needs no more than so many lines.
export function stepOf(most, lines) {
  const rough = Math.max(most, 1e-9) / lines;
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5].find((m) => m * power >= rough) ?? 10) * power;
}

const MARKS = {
  dot: (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`,
  triangle: (x, y, r) => `M${x} ${y + r}L${x - 1.1 * r} ${y - 0.8 * r}H${x + 1.1 * r}z`,
};

// A frame with a scale: returns the drawing and a function from a value to its height.
function frame(group, { left, right, top, bottom, most, lines, title, format = plain }) {
  const step = stepOf(most, lines);
  const end = Math.max(step, Math.ceil(most / step - 1e-9) * step);
  const y = (value) => bottom - ((bottom - top) * value) / end;
  for (let i = 0; i <= Math.round(end / step); i++) {
    const value = i * step;
    group.append(svg("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }));
    group.append(svg("text", { x: left - 10, y: y(value) + 5, "text-anchor": "end" }, format(+value.toFixed(6))));
  }
  if (title) group.append(svg("text", { x: left, y: top - 12 }, title));
  return y;
}

// panels: [{title, height, bars: [{action: amount}]}], one bar a label. colors: by action. tip: what a bar says.
export function stacked(width, panels, labels, colors, tip) {
  const [left, right, gap] = [44, width - 4, 44];
  const height = panels.reduce((sum, panel) => sum + panel.height + gap, 0) + 30;
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img" });
  const slot = (right - left) / labels.length;
  let top = 0;
  for (const panel of panels) {
    const [from, to] = [top + gap - 12, top + gap - 12 + panel.height];
    const most = Math.max(0, ...panel.bars.map((bar) => Object.values(bar).reduce((a, b) => a + b, 0)));
    const y = frame(drawing, { left, right, top: from, bottom: to, most, lines: panel.lines, title: panel.title });
    panel.bars.forEach((bar, i) => {
      const wide = Math.max(1.5, Math.min(0.72 * slot, 44));
      let below = 0;
      for (const action of Object.keys(colors)) {
        const amount = bar[action] ?? 0;
        if (amount <= 0) continue;
        const high = y(below + amount);
        const tall = Math.max(1, y(below) - high - 1);
        const box = { x: left + (i + 0.5) * slot - wide / 2, y: high, width: wide, height: tall, fill: colors[action] };
        drawing.append(svg("rect", box, svg("title", {}, tip(i, action))));
        below += amount;
      }
    });
    top += panel.height + gap;
  }
  let free = 0;
  labels.forEach((label, i) => {
    const x = left + (i + 0.5) * slot;
    if (!label || x < free || x > right - 14) return;
    drawing.append(svg("line", { class: "mark", "stroke-dasharray": "none", x1: x, x2: x, y1: top - 10, y2: top - 4 }));
    drawing.append(svg("text", { x, y: top + 14, "text-anchor": "middle" }, label));
    free = x + 64;
  });
  return drawing;
}

// Where the reps of a session stand: sets apart from each other. Returns x by index, and each set's middle.
function places(reps, left, right) {
  let units = 0;
  const at = reps.map((rep, i) => {
    if (i && rep.set !== reps[i - 1].set) units += 1.2;
    units += 1;
    return units - 0.5;
  });
  const slot = Math.min(46, (right - left) / Math.max(units, 1));
  return { x: at.map((unit) => left + unit * slot), slot };
}

// Every set has its name below it, in one of two lines. Where there is no room for all of them, the first set of each
// exercise has its name, and the others their counts alone.
function setNames(drawing, reps, x, y, width, name) {
  const sets = [];
  reps.forEach((rep, i) => {
    if (!i || reps[i - 1].set !== rep.set) sets.push({ rep, first: i, isNew: sets.every((one) => one.rep.action !== rep.action) });
    sets[sets.length - 1].last = i;
  });
  const full = (one) => name(one.rep, one.last - one.first + 1);
  const short = (one) => (one.isNew ? full(one) : String(one.last - one.first + 1));
  const whole = placed(sets, full);
  const labels = whole.length === sets.length ? whole : placed([...sets].sort((a, b) => b.isNew - a.isNew || a.first - b.first), short);
  for (const { text, middle, line } of labels) {
    drawing.append(svg("text", { class: "strong", x: middle, y: y + 18 * line, "text-anchor": "middle" }, text));
  }

  function placed(ones, textOf) {
    const taken = [[], []];
    return ones.flatMap((one) => {
      const text = textOf(one);
      const half = text.length * 4 + 2;
      const middle = Math.min(Math.max((x[one.first] + x[one.last]) / 2, half), width - half);
      const line = taken.findIndex((others) => others.every((other) => Math.abs(other.middle - middle) >= other.half + half));
      if (line < 0) return [];
      taken[line].push({ middle, half });
      return [{ text, middle, line }];
    });
  }
}

// Range of motion, one mark a rep: a dot, or a triangle for a shallow one. full: from which on it is no shallow one.
export function ranges(width, reps, full, name, tip, height = 238) {
  const [left, right, top, bottom] = [52, width - 4, 10, height - 52];
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img" });
  const most = Math.max(1, ...reps.map((rep) => rep.range_of_motion));
  const percent = (value) => `${Math.round(100 * value)} %`;
  const y = frame(drawing, { left, right, top, bottom, most, lines: 5, format: percent });
  drawing.append(svg("line", { class: "mark", x1: left, x2: right, y1: y(full), y2: y(full) }));
  const { x, slot } = places(reps, left, right);
  const radius = Math.max(3.5, Math.min(8, 0.32 * slot));
  reps.forEach((rep, i) => {
    const [shape, color] = rep.shallow ? ["triangle", "var(--orange)"] : ["dot", "var(--green)"];
    const mark = svg("path", { d: MARKS[shape](x[i], y(rep.range_of_motion), radius), fill: color });
    mark.append(svg("title", {}, tip(rep)));
    drawing.append(mark);
  });
  setNames(drawing, reps, x, height - 28, width, name);
  return drawing;
}

// Seconds there and back, stacked, one bar a rep.
export function tempos(width, reps, name, tip, height = 238) {
  const [left, right, top, bottom] = [52, width - 4, 10, height - 52];
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img" });
  const most = Math.max(0.1, ...reps.map((rep) => rep.end_s - rep.start_s));
  const y = frame(drawing, { left, right, top, bottom, most, lines: 4, format: (value) => `${plain(value)} s` });
  const { x, slot } = places(reps, left, right);
  const wide = Math.max(2, Math.min(26, 0.7 * slot));
  reps.forEach((rep, i) => {
    const turned = rep.turned_s ?? rep.start_s;
    const bar = (from, to, fill) => drawing.append(
      svg("rect", { x: x[i] - wide / 2, y: y(to), width: wide, height: Math.max(0, y(from) - y(to) - 1), fill },
        svg("title", {}, tip(rep))),
    );
    bar(0, turned - rep.start_s, "var(--sky)");
    bar(turned - rep.start_s, rep.end_s - rep.start_s, "#2f79a8");
  });
  setNames(drawing, reps, x, height - 28, width, name);
  return drawing;
}
