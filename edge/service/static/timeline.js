// The timeline: segments in their colours, below them every rep, and where the video is; a slider for mouse and keys.

import { svg } from "./chart.js";
import { clock, say } from "./common.js";
import { colorsOf } from "./board.js";
import { about, isExercise } from "./readings.js";

const [BAND, REPS, HEIGHT] = [{ y: 4, height: 30 }, { y: 40, height: 12 }, 74];
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
const KEYS_S = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
const REST = "var(--track)";

export class Timeline {
  #element;
  #content = null;
  #head = null;
  #drawn = "";

  // player: where it is now (`time_s`), and goes (`seek`).
  constructor(element, player) {
    this.#element = element;
    element.onpointerdown = (event) => {
      if (!this.#content || this.#content.live) return;
      element.setPointerCapture(event.pointerId);
      player.seek(this.#timeAt(event));
    };
    element.onpointermove = (event) => element.hasPointerCapture(event.pointerId) && player.seek(this.#timeAt(event));
    element.onkeydown = (event) => {
      if (!this.#content || this.#content.live) return;
      const { length_s } = this.#content;
      const step_s = KEYS_S[event.key];
      const to_s = { Home: 0, End: length_s }[event.key] ?? (step_s ? player.time_s + step_s : null);
      if (to_s === null) return;
      event.preventDefault();
      player.seek(Math.min(length_s, Math.max(0, to_s)));
    };
    new ResizeObserver(() => this.#content && this.show(this.#content)).observe(element);
  }

  // segments, reps: as of a report. length_s: of the whole. time_s: of now. live: nobody can go back.
  show(content) {
    this.#content = content;
    const { segments, reps, length_s, time_s, live = false } = content;
    const width = this.#element.clientWidth;
    if (!width || !(length_s > 0)) return;
    const last = segments[segments.length - 1];
    const key = [width, length_s, segments.length, last?.end_s, last?.reps, reps.length].join();
    if (key !== this.#drawn) this.#draw(width, content);
    this.#drawn = key;
    this.#head.setAttribute("transform", `translate(${(Math.min(time_s, length_s) / length_s) * width} 0)`);
    const now = segments.findLast((one) => one.start_s <= time_s && time_s <= one.end_s);
    const [second, seconds] = [Math.round(time_s), Math.round(length_s)];
    const words = say("time_of", { time: clock(second), length: clock(seconds) });
    const about_it = {
      role: live ? "img" : "slider", tabindex: live ? -1 : 0, "aria-label": say(live ? "timeline_live" : "timeline"),
      "aria-valuemin": 0, "aria-valuemax": seconds, "aria-valuenow": second,
      "aria-valuetext": now ? `${words}, ${about(now.action).title}` : words,
    };
    for (const [name, value] of Object.entries(about_it)) {
      if (live && name.startsWith("aria-value")) this.#element.removeAttribute(name);
      else this.#element.setAttribute(name, value);
    }
  }

  clear() {
    this.#content = null;
    this.#drawn = "";
    this.#element.replaceChildren();
  }

  #timeAt(event) {
    const box = this.#element.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    return Math.min(1, Math.max(0, share)) * this.#content.length_s;
  }

  #draw(width, { segments, reps, length_s }) {
    const x = (time_s) => (time_s / length_s) * width;
    const colors = colorsOf(segments);
    const drawing = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, "aria-hidden": "true" });
    drawing.append(svg("rect", { class: "ground", x: 0, width, ...BAND, rx: 6 }));
    for (const one of segments) {
      const wide = Math.max(2, x(one.end_s) - x(one.start_s) - 1);
      drawing.append(svg("rect", { x: x(one.start_s), width: wide, ...BAND, rx: 6, fill: colors[one.action] ?? REST }));
      const { title, kind } = about(one.action);
      const words = kind === "reps" && one.reps ? [`${title} ${one.reps}`, String(one.reps)] : [title];
      const fits = words.find((word) => 8.5 * word.length + 12 < wide);
      const kindOf = isExercise(one.action) ? "name" : "name rest";
      if (fits) drawing.append(svg("text", { class: kindOf, x: x(one.start_s) + 8, y: BAND.y + 20 }, fits));
    }
    for (const rep of reps) {
      const wide = Math.max(3, x(rep.end_s) - x(rep.start_s) - 2);
      const mark = svg("rect", { x: x(rep.start_s), width: wide, ...REPS, rx: 4, fill: colors[rep.action] ?? "var(--soft)" });
      drawing.append(mark);
    }
    const step_s = STEPS_S.find((step) => (step / length_s) * width >= 64) ?? 7200;
    for (let at_s = 0; at_s <= length_s; at_s += step_s) {
      const anchor = at_s === 0 ? "start" : x(at_s) > width - 20 ? "end" : "middle";
      drawing.append(svg("text", { x: x(at_s), y: HEIGHT - 4, "text-anchor": anchor }, clock(at_s)));
    }
    this.#head = svg("path", { class: "head", d: `M0 0V${REPS.y + REPS.height + 4}M-5 0H5L0 7z` });
    drawing.append(this.#head);
    this.#element.replaceChildren(drawing);
  }
}
