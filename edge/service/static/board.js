// What is large beside the picture, and below it the totals and the segments.

import { colorOf, swatch } from "./chart.js";
import { byId, clock, decimal, make, say, told } from "./common.js";
import { about, flashes, isExercise } from "./readings.js";

const HOLD_S = 2; // of the counter: what is shorter was no hold

function write(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

// A reading at its time, as every screen of RepSight shows it. live: somebody stands there and can do something.
export function showReading(reading, time_s, live = false) {
  const { exercise, action } = reading;
  const own = [exercise, null, "other"].includes(action);
  const shown = [null, "other"].includes(action) ? exercise : action;
  let [number, unit] = ["0", say("reps")];
  if (exercise !== null && about(exercise).kind === "hold") {
    number = String(Math.floor(reading.holds_s[exercise] ?? 0));
    unit = own ? say("seconds") : say("seconds_of", { action: about(exercise).one });
  } else if (exercise !== null) {
    const count = reading.reps[exercise] ?? 0;
    number = String(count);
    unit = own ? say(count === 1 ? "rep" : "reps") : about(exercise)[count === 1 ? "one" : "many"];
  }
  const state = told.states[reading.state] ?? { headline: reading.state, advice: "", tone: "calm" };
  const urgent = live || ["warn", "alarm"].includes(state.tone);
  showBoard({
    title: shown === null ? "" : about(shown).title, number, unit, flash: flashes(reading, time_s), tone: state.tone,
    progress: reading.phase === null || reading.phase === undefined ? null : reading.phase / (2 * Math.PI),
    headline: urgent ? state.headline : "", advice: live ? state.advice : "",
  });
}

export function showBoard({ title, number, unit, flash = false, tone = "calm", progress = null, headline = "", advice = "" }) {
  const body = document.body;
  body.classList.toggle("flash", flash);
  body.dataset.tone = tone;
  body.dataset.digits = number.length;
  write("exercise", title);
  write("number", number);
  write("unit", unit);
  write("headline", headline);
  write("advice", advice);
  byId("state").classList.toggle("none", !headline);
  byId("bar").classList.toggle("none", progress === null);
  byId("fill").style.width = `${100 * (progress ?? 0)}%`;
}

// A colour for each exercise, in the order in which they were done; the same in the timeline.
export function colorsOf(segments) {
  const done = [...new Set(segments.map((one) => one.action).filter(isExercise))];
  return Object.fromEntries(done.map((action, i) => [action, colorOf(i)]));
}

// A card for each exercise: how often, or how long.
export function showTotals(totals, holds, segments, { finished = true } = {}) {
  const colors = colorsOf(segments);
  const cards = Object.entries(totals).filter(([, count]) => count).map(([action, count]) =>
    card(colors[action], String(count), about(action)[count === 1 ? "one" : "many"]));
  for (const [action, seconds] of Object.entries(holds)) {
    if (seconds > 0) cards.push(card(colors[action], `${decimal(seconds)} s`, about(action).title));
  }
  if (!cards.length && finished) cards.push(make("li", {}, say("nothing_counted")));
  byId("sets").replaceChildren(...cards);
}

function card(color, number, word) {
  const made = make("li", {}, make("b", {}, number), word);
  made.style.setProperty("--color", color ?? "var(--soft)");
  return made;
}

function counts(segment) {
  if (!isExercise(segment.action)) return false;
  return about(segment.action).kind === "hold" ? segment.end_s - segment.start_s >= HOLD_S : segment.reps > 0;
}

// Each exercise that was counted as a button that leads to where it begins.
export function showSegments(segments, onSeek) {
  const colors = colorsOf(segments);
  const lines = segments.filter(counts).map((one) => {
    const { kind, title } = about(one.action);
    const counted = kind === "hold" ? `${decimal(one.end_s - one.start_s)} s` : String(one.reps);
    const button = make("button", { type: "button" }, swatch(colors[one.action]), title, make("b", {}, counted),
      make("time", {}, `${clock(one.start_s)} – ${clock(one.end_s)}`));
    button.onclick = () => onSeek(one.start_s);
    return make("li", {}, button);
  });
  byId("segments").replaceChildren(...lines);
}

