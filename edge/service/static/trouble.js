// What is said when something is refused, or breaks: in the page's words, with the service's own line after it.

import { CameraError } from "./camera.js";
import { byId, clock, decimal, say, told } from "./common.js";
import { Refused } from "./service.js";

const MEGA = 2 ** 20; // as the service's settings have it

// Something that the page itself sees before anything is sent.
export class Unfit extends Error {
  constructor(key, values = {}) {
    super(key);
    Object.assign(this, { key, values });
  }
}

export function megabytes(bytes) {
  return bytes >= 10 * MEGA ? String(Math.round(bytes / MEGA)) : decimal(bytes / MEGA);
}

// kind: video, image or sequence.
export function checkSize(file, kind) {
  if (!file.size) throw new Unfit("trouble_empty");
  const most = kind === "image" ? told.limits.image_bytes : told.limits.file_bytes;
  if (most && file.size > most) throw new Unfit("trouble_too_large", { found: megabytes(file.size), most: megabytes(most) });
}

export function checkLength(seconds) {
  const most = told.limits.video_s;
  if (most && seconds > most + 0.5) throw new Unfit("trouble_too_long", { found: clock(seconds), most: clock(most) });
}

const LINES = { 0: "lost", 404: "gone", 408: "slow", 409: "gone", 410: "gone", 413: "too_much", 429: "busy", 503: "busy" };

// kind: as above, or camera. Returns the line, the service's own, and whether it may go better the next time.
function wordsFor(error, kind) {
  if (error instanceof Unfit) return { line: say(error.key, error.values), detail: "", again: false };
  if (error instanceof CameraError) return { line: say(`trouble_camera_${error.kind}`), detail: "", again: true };
  if (!(error instanceof Refused)) return { line: say("trouble_broken"), detail: error.message, again: true };
  const { status, detail, retry_s } = error;
  const unread = [400, 415, 422].includes(status) && kind !== "camera";
  const key = LINES[status] ?? (unread ? kind : status >= 500 ? "broken" : "refused");
  const line = key === "lost" && kind === "camera" ? "trouble_lost_live" : `trouble_${key}`;
  const says = detail ? say("service_says", { detail }) : "";
  const wait = retry_s && key === "busy" ? say("wait_s", { seconds: retry_s }) : "";
  return { line: say(line), detail: [wait, says].filter(Boolean).join(" "), again: ["lost", "busy", "slow", "gone", "broken"].includes(key) };
}

// again: does it once more.
export function showTrouble(error, kind, again) {
  show(wordsFor(error, kind), again);
}

// A film that ends too early, or is damaged: the result is what was read of it. detail: the service's line.
export function showPartly(detail) {
  show({ line: say("trouble_partly"), detail: detail && say("service_says", { detail }), again: false });
}

function show(words, again = null) {
  byId("line").textContent = words.line;
  byId("detail").textContent = words.detail;
  byId("again").hidden = !words.again;
  byId("again").onclick = again;
  byId("trouble").hidden = false;
}

export function hideTrouble() {
  byId("trouble").hidden = true;
}
