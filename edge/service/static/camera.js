// The camera: one picture at a time goes to the service, and is shown when its reading is back.

import { drawFitted } from "./player.js";
import { Refused } from "./service.js";
import { cleaned } from "./skeleton.js";

const WIDTH = 640;
const QUALITY = 0.8;
const SILENT_MS = 10_000;
const TRY_LATER = 1013;

const WRONG = {
  NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "none", OverconstrainedError: "none",
  NotReadableError: "taken", AbortError: "taken",
};

export class CameraError extends Error {
  constructor(kind) {
    super(kind);
    this.kind = kind; // denied, none, taken, insecure, gone
  }
}

// Ask for a camera. back: the one that looks away from the user, if there are two.
async function openCamera(back) {
  if (!navigator.mediaDevices?.getUserMedia) throw new CameraError("insecure");
  const video = { facingMode: back ? "environment" : "user", width: { ideal: WIDTH }, height: { ideal: 480 } };
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio: false });
  } catch (error) {
    throw new CameraError(WRONG[error.name] ?? "none");
  }
}

// Show and read the camera until `signal` says so. onReading: hears each line. onOpen: how many cameras there are.
// Ends with a CameraError, or Refused when the service has gone.
export async function watchCamera({ picture, skeleton, back, onReading, onOpen, signal }) {
  const stream = await openCamera(back);
  const [track] = stream.getVideoTracks();
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, srcObject: stream });
  let socket = null;
  try {
    if (signal.aborted) return;
    await video.play();
    socket = await connect();
    const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    onOpen(devices.filter((one) => one.kind === "videoinput").length);
    const mirrored = track.getSettings().facingMode !== "environment";
    for (const canvas of [picture, skeleton]) canvas.classList.toggle("mirrored", mirrored);
    const shot = document.createElement("canvas");
    while (!signal.aborted) {
      if (track.readyState === "ended") throw new CameraError("gone");
      await nextPicture(video);
      const answer = await exchange(socket, await shoot(video, shot), signal);
      if (signal.aborted) return;
      if (answer.detail) continue; // a picture that arrived broken
      show(shot, answer, picture, skeleton);
      onReading(answer);
    }
  } finally {
    socket?.close();
    for (const one of stream.getTracks()) one.stop();
    video.srcObject = null;
  }
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/api/live`);
  return new Promise((done, fail) => {
    socket.onopen = () => done(socket);
    // A browser does not tell a script why: is the service there at all?
    socket.onclose = async () => {
      const there = await fetch("/health", { cache: "no-store" }).then((answer) => answer.ok, () => false);
      fail(new Refused(there ? 503 : 0));
    };
  });
}

let newest_s = -1;
async function nextPicture(video) {
  while (video.currentTime === newest_s && !video.ended) await new Promise((done) => setTimeout(done, 8));
  newest_s = video.currentTime;
}

function shoot(video, shot) {
  const scale = Math.min(1, WIDTH / Math.max(video.videoWidth, video.videoHeight));
  shot.width = Math.round(video.videoWidth * scale);
  shot.height = Math.round(video.videoHeight * scale);
  shot.getContext("2d").drawImage(video, 0, 0, shot.width, shot.height);
  return new Promise((done) => shot.toBlob(done, "image/jpeg", QUALITY));
}

// One picture there, one reading back.
function exchange(socket, jpeg, signal) {
  return new Promise((done, fail) => {
    const silent = setTimeout(() => fail(new Refused(0)), SILENT_MS);
    const end = (act, value) => {
      clearTimeout(silent);
      act(value);
    };
    socket.onmessage = (message) => end(done, JSON.parse(message.data));
    socket.onclose = (event) => end(fail, new Refused(event.code === TRY_LATER ? 503 : 0, event.reason));
    signal.addEventListener("abort", () => end(done, {}), { once: true });
    if (socket.readyState !== WebSocket.OPEN) end(fail, new Refused(0));
    else socket.send(jpeg);
  });
}

function show(shot, reading, picture, skeleton) {
  picture.parentElement.style.setProperty("--shape", shot.width / shot.height);
  picture.width = shot.width;
  picture.height = shot.height;
  picture.getContext("2d").drawImage(shot, 0, 0);
  const { context, width, height } = cleaned(skeleton);
  if (reading.keypoints) drawFitted(context, width, height, reading.size, [reading.keypoints]);
}
