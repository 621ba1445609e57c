// One session: its sets, every rep in two charts and a table, downloads, and deleting it.

import { ranges, swatch, tempos } from "./chart.js";
import { ask, byId, clock, decimal, make, moment, onWidth, say, sourceOf } from "./common.js";

const FULL = 0.7; // of the design's table: a rep above is no shallow one

const number = Number(new URLSearchParams(location.search).get("id"));
let session = null;
let names = {};

const percent = (share) => `${Math.round(100 * share)} %`;
const seconds = (from, to) => decimal(to - from);

async function load() {
  if (!Number.isInteger(number) || number < 1) return missing(say("no_such_session"), "");
  try {
    ({ session, names } = await ask(`/api/sessions/${number}`));
  } catch (error) {
    return missing(say(error.status === 404 ? "no_such_session" : "fails"), error.status === 404 ? "" : error.message);
  }
  return show();
}

function missing(title, advice) {
  byId("when").textContent = title;
  byId("about").textContent = advice;
}

function show() {
  const date = moment(session.started, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  const time = moment(session.started, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  document.title = `RepSight: ${say("session", { number })}`;
  byId("when").textContent = `${date}`;
  const about = [time, clock(session.duration_s), sourceOf(session)];
  if (!session.ended) about.push(say("unfinished"));
  byId("about").textContent = about.join(", ");
  byId("actions").hidden = false;
  byId("csv").href = `/api/reps.csv?session=${number}`;
  byId("json").href = `/api/reps.json?session=${number}`;
  byId("running").hidden = session.ended;
  byId("models").textContent = session.models.map((m) => [m.kind, m.name, m.version].filter(Boolean).join(" ")).join(", ");
  showSets();
  showCharts();
  byId("reps").replaceChildren(...(session.reps.length + session.holds.length ? [table()] : []));
}

// A card an exercise: its sets, how far and how fast its reps went.
function showSets() {
  const done = [...session.sets, ...session.holds].sort((a, b) => a.start_s - b.start_s);
  const actions = [...new Set(done.map((one) => one.action))];
  const cards = actions.map((action, i) => {
    const mine = done.filter((one) => one.action === action);
    const counts = mine.map((one) => ("reps" in one ? one.reps : clock(one.seconds)));
    const word = !("reps" in mine[0]) ? names[action].title : counts.length === 1 && counts[0] === 1 ? names[action].one : names[action].many;
    const card = make("li", { class: `c${i}` }, make("b", {}, counts.join(" + ")), word);
    const reps = session.reps.filter((rep) => rep.action === action);
    if (reps.length) {
      const mean = (value) => reps.reduce((sum, rep) => sum + value(rep), 0) / reps.length;
      const typical = { range: percent(mean((rep) => rep.range_of_motion)), seconds: decimal(mean((rep) => rep.end_s - rep.start_s)) };
      card.append(make("small", {}, say("typical", typical)));
    }
    const shallow = reps.filter((rep) => rep.shallow).length;
    if (shallow) card.append(make("small", { class: "remark" }, say("shallow_of", { count: shallow })));
    return card;
  });
  if (!cards.length) cards.push(make("li", {}, say("nothing_counted")));
  byId("sets").replaceChildren(...cards);
}

function showCharts() {
  const { reps } = session;
  if (!reps.length) {
    byId("charts").replaceChildren();
    return;
  }
  const width = byId("charts").clientWidth;
  const name = (rep, count) => `${count} ${count === 1 ? names[rep.action].one : names[rep.action].many}`;
  const tip = (rep) => `${names[rep.action].title} ${rep.number}: ${percent(rep.range_of_motion)}, ${seconds(rep.start_s, rep.end_s)} s`;
  const key = (color, shape, word) => make("span", { class: "key" }, swatch(color, shape), say(word));
  const rangeKeys = [key("var(--green)", "dot", "full")];
  if (reps.some((rep) => rep.shallow)) rangeKeys.push(key("var(--orange)", "triangle", "shallow"));
  rangeKeys.push(make("span", { class: "key" }, swatch("", "line"), say("full_from", { share: percent(FULL) })));
  const tempoKeys = [key("var(--sky)", "square", "there"), key("#2f79a8", "square", "back")];
  const figure = (title, keys, drawing) =>
    make("figure", {}, make("figcaption", {}, make("h2", {}, say(title)), ...keys), drawing);
  byId("charts").replaceChildren(
    figure("range_title", rangeKeys, ranges(width, reps, FULL, name, tip)),
    figure("tempo_title", tempoKeys, tempos(width, reps, name, tip)),
  );
}

function table() {
  const cell = (text, kind = "") => make("td", kind ? { class: kind } : {}, text);
  const head = (key, kind = "") => make("th", kind ? { class: kind } : {}, key ? say(key) : "");
  const rows = [...session.reps, ...session.holds].sort((a, b) => a.start_s - b.start_s);
  let taken = null;
  const lines = rows.map((one) => {
    const isRep = "number" in one;
    const first = !isRep || one.set !== taken;
    taken = isRep ? one.set : null;
    const turned = isRep && one.turned_s !== null;
    return make("tr", first ? { class: "first" } : {},
      cell(first ? names[one.action].title : ""),
      cell(isRep ? String(one.number) : ""),
      cell(clock(one.start_s), "at"),
      cell(isRep ? seconds(one.start_s, one.end_s) : decimal(one.seconds)),
      cell(turned ? seconds(one.start_s, one.turned_s) : "", "wide"),
      cell(turned ? seconds(one.turned_s, one.end_s) : "", "wide"),
      cell(isRep ? percent(one.range_of_motion) : ""),
      make("td", { class: "remark" }, isRep && one.shallow ? say("shallow") : ""));
  });
  const heads = [head("exercise"), head("rep"), head("at", "at"), head("seconds"), head("there", "wide"), head("back", "wide"),
    head("range"), head("")];
  return make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...lines));
}

byId("delete").onclick = () => byId("sure").showModal();
byId("sure").onclose = async () => {
  if (byId("sure").returnValue !== "delete") return;
  try {
    await ask(`/api/sessions/${number}`, { method: "DELETE" });
    location.assign("/history");
  } catch (error) {
    missing(say("fails"), error.message);
  }
};
onWidth("charts", () => session && showCharts());
load();
