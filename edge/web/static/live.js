// The live page: readings come over a WebSocket; the newest one is drawn when the browser next draws.

import { byId, make, say, told } from "./common.js";
import { cleaned, drawBody } from "./skeleton.js";

// A browser writes every attempt that fails into its console: they become rare.
const AGAIN_MS = 1000;
const RARELY_MS = 30_000;
const SILENT_MS = 5000;

const body = document.body;
const video = byId("video");
const canvas = byId("skeleton");
const asks = [...document.querySelectorAll("#asks button")];
// A stream that begins before the page is loaded would keep it loading.
const loaded = new Promise((done) => (document.readyState === "complete" ? done() : addEventListener("load", done)));
let socket;
let newest = null;
let drawn = null;
let heard_ms = 0;
let hasEnded = false;
let isGone = false;
let wasGone = false;
let pause_ms = AGAIN_MS;
let again = 0;

body.dataset.video = told.video;

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}/api/live`);
  socket.onopen = () => {
    isGone = false;
    if (!told.running) {
      if (wasGone) location.reload(); // perhaps something runs now
      else standStill("idle", "calm");
    } else if (told.video === "on") loaded.then(() => (video.src = `/api/video?at=${Date.now()}`));
  };
  socket.onmessage = (message) => {
    newest = JSON.parse(message.data);
    hasEnded = false;
    pause_ms = AGAIN_MS;
    heard_ms = Date.now();
    if (drawn === null || document.hidden === false) requestAnimationFrame(draw);
  };
  socket.onclose = (event) => {
    hasEnded = told.running && (hasEnded || event.code === 1001 || event.code === 1012);
    isGone = wasGone = true;
    newest = drawn = null;
    standStill(hasEnded ? "ended" : "lost", hasEnded ? "calm" : "alarm");
    if (hasEnded) tell(say("history_meanwhile"));
    again = setTimeout(connect, pause_ms);
    pause_ms = Math.min(2 * pause_ms, RARELY_MS);
  };
}

// Somebody looks at the page, or the network is back: it need not wait.
function connectNow() {
  if (document.hidden || socket.readyState !== WebSocket.CLOSED) return;
  clearTimeout(again);
  pause_ms = AGAIN_MS;
  connect();
}

function tell(notice) {
  write("notice", notice);
  byId("notice").hidden = !notice;
}

// A link to a server that has gone would leave a page of the browser's own.
function follow(event) {
  if (!isGone) return;
  event.preventDefault();
  const { href } = event.currentTarget;
  fetch(href).then(() => location.assign(href), () => tell(say("history_meanwhile")));
}

function standStill(key, tone) {
  body.classList.add("stale");
  body.classList.remove("flash");
  body.dataset.tone = tone;
  byId("headline").textContent = say(key);
  byId("advice").textContent = say(`${key}_advice`);
}

function draw() {
  const now = newest;
  if (now === null || now === drawn) return;
  drawn = now;
  body.classList.remove("stale");
  body.classList.toggle("flash", now.flash);
  body.dataset.tone = now.tone;
  body.dataset.digits = now.number.length;
  for (const id of ["title", "number", "unit", "headline", "advice", "elapsed"]) write(id, now[id]);
  byId("bar").classList.toggle("none", now.progress === null);
  byId("fill").style.width = `${100 * (now.progress ?? 0)}%`;
  drawDetails(now.details);
  for (const button of asks) button.hidden = !now.can.includes(button.dataset.do);
  drawTotals(now.totals);
  tell(now.notice ?? "");
  drawSkeleton(now.skeleton);
}

function write(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

let detailsKey = "";
function drawDetails(details) {
  const key = JSON.stringify(details);
  if (key === detailsKey) return;
  detailsKey = key;
  const pairs = details.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)));
  byId("details").replaceChildren(...pairs);
}

let totalsKey = "";
function drawTotals(totals) {
  const key = JSON.stringify(totals);
  if (key === totalsKey) return;
  totalsKey = key;
  byId("totals").replaceChildren(...totals.slice(0, 6).map(([name, count]) => make("li", {}, name, make("b", {}, count))));
}

// Where there is no picture: the skeleton alone, in the place that the picture would have.
function drawSkeleton(skeleton) {
  const { context, width, height } = cleaned(canvas);
  const pictured = told.video === "on" && video.naturalWidth > 0;
  video.hidden = !pictured;
  if (pictured || !skeleton) return;
  const [w, h] = skeleton.size;
  const scale = Math.min(width / w, height / h);
  const upright = height > 0 && innerWidth <= innerHeight;
  context.translate((width - w * scale) / (upright ? 2 : 1), (height - h * scale) / 2);
  drawBody(context, skeleton.points, scale, Math.max(3, (h * scale) / 90));
}

function watchSilence() {
  if (drawn !== null && Date.now() - heard_ms > SILENT_MS) socket.close();
}

function prepareButtons() {
  for (const button of asks) {
    const asked = JSON.stringify({ do: button.dataset.do });
    button.onclick = () => socket.readyState === WebSocket.OPEN && socket.send(asked);
  }
  if (!told.invitation) return;
  byId("phone").hidden = false;
  byId("phone").onclick = () => {
    byId("code").src = "/api/invitation.svg";
    byId("address").textContent = told.invitation;
    byId("invitation").showModal();
  };
}

for (const link of document.querySelectorAll("nav a")) link.onclick = follow;
addEventListener("online", connectNow);
document.addEventListener("visibilitychange", connectNow);
body.classList.toggle("idle", !told.running);
video.onerror = () => video.removeAttribute("src");
prepareButtons();
connect();
setInterval(watchSilence, 1000);
