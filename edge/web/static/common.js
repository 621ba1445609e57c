// What every page has: what it was told, words, numbers, elements, requests.

export const told = JSON.parse(document.getElementById("told").textContent);

// The token has become a cookie: it need not stay in the address, where others could read it.
if (new URLSearchParams(location.search).has("token")) {
  const address = new URL(location.href);
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}

export function say(key, values = {}) {
  return told.words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function byId(id) {
  return document.getElementById(id);
}

// 1.42 -> 1.4, or 1,4
export function decimal(value, places = 1) {
  return value.toFixed(places).replace(".", told.decimal);
}

// 0.05 -> 0.05, or 0,05: as many places as it has
export function plain(value) {
  return String(value).replace(".", told.decimal);
}

// 42 -> 0:42, 3723 -> 1:02:03
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

// The machine's own wall clock, whatever zone this browser is in.
export function moment(iso, options) {
  const time = new Date(`${iso.slice(0, 19)}Z`);
  const language = { en: "en-GB" }[document.documentElement.lang] ?? document.documentElement.lang;
  return new Intl.DateTimeFormat(language, { timeZone: "UTC", ...options }).format(time);
}

// An element with text, or with children; text never becomes markup.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Redraws what is as wide as an element, now and whenever its width changes.
export function onWidth(id, redraw) {
  let width = 0;
  new ResizeObserver(([entry]) => {
    if (Math.abs(entry.contentRect.width - width) > 1) {
      width = entry.contentRect.width;
      redraw();
    }
  }).observe(byId(id));
}

export async function ask(path, options) {
  const answer = await fetch(path, options);
  if (answer.status === 401) location.reload(); // the page then says that a token is needed
  if (!answer.ok) {
    const error = new Error((await answer.json().catch(() => ({}))).detail ?? answer.statusText);
    error.status = answer.status;
    throw error;
  }
  return answer.status === 204 ? null : answer.json();
}

// `squats 12 + 10 (2 shallow), plank 1:00`, as nodes.
export function inWords(session, names) {
  const done = [...session.sets, ...session.holds].sort((a, b) => a.start_s - b.start_s);
  const nodes = [];
  for (const action of new Set(done.map((one) => one.action))) {
    const mine = done.filter((one) => one.action === action);
    const counts = mine.map((one) => ("reps" in one ? one.reps : clock(one.seconds))).join(" + ");
    const shallow = mine.reduce((sum, one) => sum + (one.shallow ?? 0), 0);
    if (nodes.length) nodes.push(", ");
    nodes.push(`${"reps" in mine[0] ? names[action].many : names[action].one} `, make("b", {}, counts));
    if (shallow) nodes.push(make("span", { class: "remark" }, ` (${say("shallow_of", { count: shallow })})`));
  }
  return nodes.length ? nodes : [make("span", { class: "faint" }, say("nothing_counted"))];
}

export function sourceOf(session) {
  if (session.workout) return session.workout;
  return /^\d+$/.test(session.source) ? say("camera", { number: session.source }) : session.source;
}
