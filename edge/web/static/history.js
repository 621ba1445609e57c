// The history: what was done day by day, and every session.

import { colorOf, stacked, swatch } from "./chart.js";
import { ask, byId, clock, inWords, make, moment, onWidth, say, sourceOf } from "./common.js";

const DAY_MS = 86_400_000;
const MOST_BARS = 92; // more days than these are shown by weeks
const SHORT_S = 120; // what was held no longer than that is shown in seconds

let days = 28;
let overview = null;

const dayNumber = (iso) => Math.floor(Date.parse(`${iso.slice(0, 10)}T00:00:00Z`) / DAY_MS);
const dayText = (number) =>
  moment(new Date(number * DAY_MS).toISOString(), { day: "numeric", month: "short" });

async function load() {
  for (const button of document.querySelectorAll("#spans button")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.days) === days));
  }
  try {
    overview = await ask(`/api/sessions?days=${days}`);
  } catch (error) {
    byId("total").textContent = say("fails");
    byId("summary").textContent = error.message;
    return;
  }
  show();
}

function show() {
  const { sessions, names, today } = overview;
  const wide = days <= MOST_BARS ? 1 : 7;
  const bars = Math.ceil(days / wide);
  const last = dayNumber(today);
  const reps = Array.from({ length: bars }, () => ({}));
  const held_s = Array.from({ length: bars }, () => ({}));
  const totals = {};
  const totals_s = {};
  const trained = new Set();
  for (const session of sessions) {
    const age = last - dayNumber(session.started);
    if (age < 0 || age >= days) continue; // a clock that was wrong
    const bar = bars - 1 - Math.floor(age / wide);
    if (session.sets.length + session.holds.length) trained.add(age);
    for (const set of session.sets) {
      reps[bar][set.action] = (reps[bar][set.action] ?? 0) + set.reps;
      totals[set.action] = (totals[set.action] ?? 0) + set.reps;
    }
    for (const hold of session.holds) {
      held_s[bar][hold.action] = (held_s[bar][hold.action] ?? 0) + hold.seconds;
      totals_s[hold.action] = (totals_s[hold.action] ?? 0) + hold.seconds;
    }
  }
  const byAmount = (amounts) => Object.keys(amounts).sort((a, b) => amounts[b] - amounts[a]);
  const order = [...new Set([...byAmount(totals), ...byAmount(totals_s)])];
  const colors = Object.fromEntries(order.map((action, i) => [action, colorOf(i)]));

  const nothing = sessions.length === 0 && Object.keys(names).length === 0;
  const count = Object.values(totals).reduce((a, b) => a + b, 0);
  byId("total").textContent = nothing ? say("nothing_yet") : say("reps_of", { count });
  const row = overview.streak > 1 ? `, ${say("in_a_row", { count: overview.streak })}` : "";
  byId("summary").textContent = nothing
    ? say("nothing_yet_advice") : say("days_of", { trained: trained.size, days }) + row;
  byId("spans").hidden = nothing;
  byId("days").hidden = order.length === 0;
  byId("done").hidden = nothing;

  const each = wide === 1 ? "day" : "week";
  const panels = [];
  if (count) panels.push({ title: say(`reps_a_${each}`), height: 250, lines: 4, bars: reps });
  if (Object.keys(totals_s).length) {
    const longest_s = Math.max(...held_s.map((bar) => Object.values(bar).reduce((a, b) => a + b, 0)));
    const [unit, unit_s] = longest_s > SHORT_S ? ["minutes", 60] : ["seconds", 1];
    const amounts = held_s.map((bar) => Object.fromEntries(Object.entries(bar).map(([action, s]) => [action, s / unit_s])));
    panels.push({ title: say(`${unit}_a_${each}`), height: 110, lines: 2, bars: amounts });
  }
  const firsts = reps.map((_, i) => last - wide * (bars - i) + 1);
  const labels = firsts.map((number) => (wide === 7 || new Date(number * DAY_MS).getUTCDay() === 1 ? dayText(number) : ""));
  const tip = (i, action) => {
    const amount = reps[i][action] ?? clock(held_s[i][action]);
    return `${dayText(firsts[i])}: ${names[action].title} ${amount}`;
  };
  byId("chart").replaceChildren(stacked(byId("chart").clientWidth, panels, labels, colors, tip));
  byId("legend").replaceChildren(...order.map((action) => legendOf(action, colors[action], totals, totals_s)));
  byId("sessions").replaceChildren(...[...sessions].reverse().map(rowOf));
}

function legendOf(action, color, totals, totals_s) {
  const name = overview.names[action];
  const counted = action in totals;
  const text = counted
    ? `${totals[action]} ${totals[action] === 1 ? name.one : name.many}` : `${name.title} ${clock(totals_s[action])}`;
  const best = counted
    ? say("best_set", { count: overview.best_sets[action] ?? 0 })
    : say("longest", { time: clock(overview.longest_holds_s[action] ?? 0) });
  return make("li", {}, swatch(color), text, make("small", {}, best));
}

function rowOf(session) {
  const when = moment(session.started, {
    weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  });
  const what = make("span", { class: "what" }, ...inWords(session, overview.names));
  if (session.workout) what.append(make("span", { class: "faint" }, `  ${sourceOf(session)}`));
  if (!session.ended) what.append(make("span", { class: "faint" }, `  ${say("unfinished")}`));
  return make("li", {}, make("a", { href: `/session?id=${session.id}` },
    make("time", {}, when), make("span", { class: "length" }, clock(session.duration_s)), what));
}

for (const button of document.querySelectorAll("#spans button")) {
  button.onclick = () => {
    days = Number(button.dataset.days);
    load();
  };
}
onWidth("days", () => overview && show());
load();
