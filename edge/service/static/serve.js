// The page of the service: one video, picture, sequence or camera at a time, from its choice to its result.

import { showBoard, showReading, showSegments, showTotals } from "./board.js";
import { watchCamera } from "./camera.js";
import { byId, clock, say, told } from "./common.js";
import { onDrop } from "./drop.js";
import { Player, drawFitted } from "./player.js";
import { Readings } from "./readings.js";
import { cancel, follow, send } from "./service.js";
import { cleaned } from "./skeleton.js";
import { Timeline } from "./timeline.js";
import { Unfit, checkLength, checkSize, hideTrouble, megabytes, showPartly, showTrouble } from "./trouble.js";

const MARKS = { play: "M7 4v16l13-8z", pause: "M6 4h4v16H6zM14 4h4v16h-4z" };
const EXAMPLE = "demo.mp4";

const player = new Player(byId("video"), byId("skeleton"), showMoment);
const timeline = new Timeline(byId("timeline"), player);
let now = null; // what is being done: {kind, abort, job, finished}
let saved = null; // the address of the result

function kindOf(file) {
  if (/\.npz$/i.test(file.name)) return "sequence";
  return file.type.startsWith("image/") || /\.(jpe?g|png|webp)$/i.test(file.name) ? "image" : "video";
}

// As the service calls it in its result.
function named(file) {
  return file.name.replace(/[/\\\p{C}]/gu, "_").slice(-200) || "video";
}

// Leave what is being done, and have an empty page.
function leave() {
  if (now) {
    now.abort.abort();
    if (now.job && !now.finished) cancel(now.job);
  }
  now = null;
  player.close();
  timeline.clear();
  hideTrouble();
  for (const id of ["doing", "controls", "remark", "picture", "turn"]) byId(id).hidden = true;
  for (const id of ["picture", "skeleton"]) byId(id).classList.remove("mirrored");
  byId("sets").replaceChildren();
  byId("segments").replaceChildren();
  offer(null);
  showBoard({ title: "", number: "0", unit: "" });
}

function shows(what) {
  document.body.dataset.shows = what;
  byId("start").hidden = what !== "start";
  byId("work").hidden = what === "start";
  byId("another").hidden = what === "start";
}

function restart() {
  leave();
  shows("start");
  byId("choose").focus();
}

// Do a piece of work from its first to its last moment, and say what goes wrong with it.
async function begin(kind, name, work) {
  leave();
  const mine = { kind, abort: new AbortController(), job: null, finished: false };
  now = mine;
  byId("name").textContent = name;
  shows(kind);
  byId("name").focus({ preventScroll: true }); // what was pressed is gone
  byId("cancel").textContent = say(kind === "camera" ? "stop" : "cancel");
  try {
    await work(mine, mine.abort.signal);
  } catch (error) {
    if (now !== mine || error.name === "AbortError") return;
    if (mine.job && !mine.finished) cancel(mine.job);
    const keeps = kind === "camera" && player.readings?.all.length;
    if (!keeps) restart();
    showTrouble(error, kind, () => begin(kind, name, work));
    byId("trouble").scrollIntoView({ block: "nearest" });
  }
}

function open(file) {
  const kind = kindOf(file);
  const work = { image: openImage, sequence: openVideo, video: openVideo }[kind];
  return begin(kind, file.name, (mine, signal) => work(file, mine, signal));
}

async function openVideo(file, mine, signal) {
  checkSize(file, mine.kind);
  const readings = new Readings();
  tell(say("uploading", { percent: 0 }), 0);
  const playable = await player.open(readings, mine.kind === "video" ? file : null);
  if (signal.aborted) return;
  if (playable) checkLength(player.length_s);
  remark(mine.kind === "video" && !playable ? say("skeleton_alone") : "");
  const onProgress = (share) => tell(share < 1 ? say("uploading", { percent: Math.floor(100 * share) }) : say("arrived"), share);
  const job = await send(`/api/jobs?name=${encodeURIComponent(named(file))}`, file, { onProgress, signal });
  mine.job = job.id;
  let [follows, redraw_ms] = [true, 0];
  byId("controls").onclick = () => (follows = false); // whoever plays or seeks is let alone
  const { result, error } = await follow(job.id, {
    signal,
    onState: (state) => tellState(state),
    onReading: (line) => {
      readings.add(line);
      if (follows) player.chase(line.time_s);
      if (performance.now() - redraw_ms < 250) return;
      redraw_ms = performance.now();
      byId("controls").hidden = false;
      showTotals(line.reps, line.holds_s, readings.segments, { finished: false });
    },
  });
  mine.finished = true;
  readings.finish(result);
  byId("doing").hidden = true;
  byId("controls").hidden = false;
  showTotals(result.totals, result.holds, result.segments);
  showSegments(result.segments, (time_s) => {
    player.seek(time_s);
    byId("stage").scrollIntoView({ block: "nearest" });
  });
  offer(result, file.name);
  if (error !== null) showPartly(error);
  if (follows) {
    player.seek(0);
    player.play();
  }
}

async function openImage(file, mine, signal) {
  checkSize(file, mine.kind);
  tell(say("looking"), null);
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (signal.aborted) return;
  if (bitmap) draw(bitmap);
  const result = await send("/api/image", file, { signal });
  mine.finished = true;
  if (!bitmap) throw new Unfit("trouble_image");
  const [w, h] = result.size;
  byId("stage").style.setProperty("--shape", w / h);
  const redraw = () => {
    const { context, width, height } = cleaned(byId("skeleton"));
    drawFitted(context, width, height, result.size, result.poses.map((pose) => pose.keypoints));
  };
  redraw();
  const watching = new ResizeObserver(redraw);
  watching.observe(byId("stage"));
  signal.addEventListener("abort", () => watching.disconnect());
  byId("doing").hidden = true;
  const count = result.poses.length;
  const title = say(count ? "in_picture" : "nobody");
  showBoard({ title, number: String(count), unit: say(count === 1 ? "person" : "people") });
  offer(result, file.name);
}

function draw(bitmap) {
  const picture = byId("picture");
  [picture.width, picture.height] = [bitmap.width, bitmap.height];
  picture.getContext("2d").drawImage(bitmap, 0, 0);
  byId("stage").style.setProperty("--shape", bitmap.width / bitmap.height);
  picture.hidden = false;
}

let looksBack = false;
function openCamera() {
  return begin("camera", say("from_camera"), async (mine, signal) => {
    const readings = (player.readings = new Readings());
    tell(say("starting_camera"), null);
    remark(say("camera_sends"));
    const onReading = (line) => {
      readings.add(line);
      byId("progress").hidden = true;
      byId("controls").hidden = byId("picture").hidden = false;
      write("what", clock(line.time_s));
      showReading(readings.last, line.time_s, true);
      showTotals(line.reps, line.holds_s, readings.segments, { finished: false });
      timeline.show({ ...readings, length_s: Math.max(30, readings.length), time_s: line.time_s, live: true });
    };
    const onOpen = (cameras) => (byId("turn").hidden = cameras < 2);
    const [picture, skeleton] = [byId("picture"), byId("skeleton")];
    try {
      await watchCamera({ picture, skeleton, back: looksBack, onReading, onOpen, signal });
    } finally {
      if (now === mine) endCamera(readings);
    }
  });
}

function endCamera(readings) {
  byId("doing").hidden = true;
  remark("");
  if (!readings.all.length) return;
  showReading(readings.last, Infinity);
  const content = readings.content("camera");
  showTotals(content.totals, content.holds, content.segments);
  offer(content, "camera");
}

function tell(words, share) {
  byId("doing").hidden = false;
  byId("progress").hidden = false;
  write("what", words);
  if (share === null) byId("progress").removeAttribute("value");
  else byId("progress").value = share;
}

function tellState({ state, position, progress, frames, lost }) {
  if (lost) tell(say("trouble_reconnecting"), null);
  else if (state === "queued") tell(position === null ? say("arrived") : say("queued", { number: position }), null);
  else if (progress !== null) tell(say("reading", { percent: Math.floor(100 * progress) }), progress);
  else tell(say("reading_frames", { frames }), null);
}

function remark(words) {
  byId("remark").textContent = words;
  byId("remark").hidden = !words;
}

function write(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

// The moment that the player shows.
function showMoment(time_s) {
  const { readings } = player;
  const reading = readings.at(time_s) ?? readings.all[0];
  if (reading) showReading(reading, time_s);
  const length_s = player.length_s;
  write("clock", `${clock(time_s)} / ${clock(length_s)}`);
  timeline.show({ segments: readings.segments, reps: readings.reps, length_s, time_s });
  const [key, mark] = player.paused ? ["play", MARKS.play] : ["pause", MARKS.pause];
  byId("play").setAttribute("aria-label", say(key));
  byId("mark").setAttribute("d", mark);
}

// The result as a file.
function offer(result, name = "") {
  if (saved) URL.revokeObjectURL(saved);
  saved = result && URL.createObjectURL(new Blob([JSON.stringify(result, null, 1)], { type: "application/json" }));
  document.querySelector(".downloads").hidden = !saved;
  if (!saved) return byId("json").removeAttribute("href");
  byId("json").href = saved;
  byId("json").download = `${name.replace(/\.\w+$/, "")}.json`;
}

function toggle() {
  if (player.paused) player.play();
  else player.pause();
}

function accept() {
  const { file_bytes: bytes, video_s: seconds } = told.limits;
  const most = [];
  if (bytes) most.push(say("most_size", { size: megabytes(bytes) }));
  if (seconds) most.push(say("most_length", { minutes: Math.round(seconds / 6) / 10 }));
  byId("accepted").textContent = [say("accepted"), most.join(` ${say("and")} `)].filter(Boolean).join(", ");
}

byId("choose").onclick = () => byId("file").click();
byId("file").onchange = ({ target }) => {
  const [file] = target.files;
  target.value = ""; // the same one may be chosen again
  if (file) open(file);
};
byId("camera").onclick = openCamera;
byId("turn").onclick = () => {
  looksBack = !looksBack;
  openCamera();
};
byId("example").onclick = () => begin("video", EXAMPLE, async (mine, signal) => {
  tell(say("looking"), null);
  const answer = await fetch(`/static/${EXAMPLE}`, { signal });
  await openVideo(new File([await answer.blob()], EXAMPLE, { type: "video/mp4" }), mine, signal);
});
byId("cancel").onclick = () => {
  if (now?.kind === "camera") now.abort.abort();
  else restart();
};
byId("another").onclick = restart;
byId("play").onclick = toggle;
byId("stage").onclick = () => player.readings && now?.kind !== "camera" && toggle();
addEventListener("keydown", (event) => {
  const used = event.target.closest("button, a, input");
  if (event.key !== " " || used || byId("work").hidden || byId("controls").hidden || now?.kind === "camera") return;
  event.preventDefault();
  toggle();
});
onDrop(open);
addEventListener("pagehide", () => now?.job && !now.finished && cancel(now.job));
accept();
