// The readings of one video or camera, as they come: what was shown at any time, segments, reps, and the report.

import { told } from "./common.js";

const FLASH_S = 0.45;

export function about(action) {
  const plain = action.replaceAll("_", " ");
  const name = plain[0].toUpperCase() + plain.slice(1);
  return told.actions[action] ?? { kind: "reps", one: plain, many: plain, title: name };
}

// What neither moves nor is held has no count.
export function isExercise(action) {
  return action !== null && about(action).kind !== "rest";
}

export class Readings {
  constructor() {
    this.all = [];
    this.segments = [];
    this.reps = [];
    this.size = null;
  }

  // A line of the service: keeps the last exercise and rep with it, so that any moment can be shown by itself.
  add(line) {
    const before = this.last;
    const reading = { ...line, exercise: before?.exercise ?? null, counted_s: before?.counted_s ?? -Infinity };
    for (const rep of line.new_reps ?? []) {
      this.reps.push(rep);
      reading.exercise = rep.action;
      reading.counted_s = line.time_s;
    }
    if (isExercise(line.action)) reading.exercise = line.action;
    this.#extend(line, before);
    if (line.size) this.size = line.size;
    this.all.push(reading);
  }

  get last() {
    return this.all[this.all.length - 1] ?? null;
  }

  get length() {
    return this.last?.time_s ?? 0;
  }

  // The newest reading of this time, null before the first.
  at(time_s) {
    let [low, high] = [0, this.all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.all[middle].time_s <= time_s + 0.005) low = middle + 1;
      else high = middle;
    }
    return this.all[low - 1] ?? null;
  }

  // What the service found in the end is right: some of it is known only after the last frame.
  finish(result) {
    const last = this.last;
    if (last) this.all[this.all.length - 1] = { ...last, reps: result.totals, holds_s: result.holds };
    this.segments = result.segments;
    this.reps = result.reps;
  }

  // What the service would write, of a camera.
  content(source) {
    const { reps = {}, holds_s = {} } = this.last ?? {};
    return {
      source, frames: this.all.length, duration_s: this.length,
      totals: Object.fromEntries(Object.entries(reps).filter(([, count]) => count)),
      holds: Object.fromEntries(Object.entries(holds_s).filter(([, seconds]) => seconds > 0)),
      segments: this.segments, reps: this.reps,
    };
  }

  // A segment is what was shown: it ends when another action is.
  #extend(line, before) {
    const shown = before?.action ?? null;
    const segment = this.segments[this.segments.length - 1];
    if (shown !== null) segment.end_s = line.time_s;
    if (line.action !== shown && line.action !== null) {
      this.segments.push({ action: line.action, start_s: line.time_s, end_s: line.time_s, reps: 0 });
    }
    for (const rep of line.new_reps ?? []) {
      const own = this.segments.findLast((one) => one.action === rep.action);
      if (own) own.reps += 1;
    }
  }
}

export function flashes(reading, time_s) {
  const since_s = time_s - reading.counted_s;
  return since_s >= 0 && since_s < FLASH_S;
}
