// The service as scripts see it: uploads with their progress, jobs, readings line by line.

import { ask } from "./common.js";

const POLL_MS = 400;
const PATIENCE_MS = 10_000;

// An answer that is none. status: of HTTP, 0 where nobody answered. detail: the service's own line.
export class Refused extends Error {
  constructor(status, detail = "", retry_s = null) {
    super(detail);
    Object.assign(this, { status, detail, retry_s });
  }
}

const aborted = () => new DOMException("", "AbortError");
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const busy = (status) => [408, 425, 429, 500, 502, 503, 504].includes(status);

// Send a file as a body, and have the answer. onProgress: hears the share that is sent. fetch does not tell that.
export function send(path, file, { onProgress = () => {}, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.responseType = "text";
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onerror = () => reject(new Refused(0));
    request.onabort = () => reject(aborted());
    request.onload = () => {
      if (request.status === 401) location.reload(); // the page then says that a token is needed
      let answer = {};
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        // Something between here and the service answered.
      }
      if (request.status < 300) resolve(answer);
      else reject(new Refused(request.status, wordsOf(answer), Number(request.getResponseHeader("Retry-After")) || null));
    };
    signal?.addEventListener("abort", () => request.abort());
    if (signal?.aborted) reject(aborted());
    else request.send(file);
  });
}

function wordsOf(answer) {
  return typeof answer.detail === "string" ? answer.detail : "";
}

// Follow a job to its end, and have its result and what broke on the way: a damaged film has both. onReading: hears
// every line once, in order; onState: the job as it is now, with `lost` while nobody answers.
export async function follow(id, { onReading, onState, signal }) {
  const ended = new AbortController();
  const lines = hearAll(id, onReading, AbortSignal.any([signal, ended.signal]));
  lines.catch(() => {}); // is asked for below
  try {
    const state = await watch(id, onState, signal);
    const error = state.state === "done" ? null : (state.error ?? "");
    const result = await again(() => asked(`/api/jobs/${id}/result`, signal), signal).catch((refused) => {
      throw error === null ? refused : new Refused(422, error);
    });
    await lines;
    return { result, error };
  } finally {
    ended.abort();
  }
}

export function cancel(id) {
  return fetch(`/api/jobs/${id}`, { method: "DELETE", keepalive: true }).catch(() => {});
}

async function watch(id, onState, signal) {
  for (;;) {
    const state = await again(() => asked(`/api/jobs/${id}`, signal), signal, () => onState({ lost: true }));
    onState(state);
    if (state.state === "done" || state.state === "failed") return state;
    await pause(POLL_MS);
    if (signal.aborted) throw aborted();
  }
}

// Every reading from the first on; after a lost connection those that were heard are left out.
async function hearAll(id, onReading, signal) {
  let heard = 0;
  await again(async () => {
    let number = 0;
    for await (const line of linesOf(`/api/jobs/${id}/readings`, signal)) {
      if (number++ < heard) continue;
      heard = number;
      onReading(JSON.parse(line));
    }
  }, signal);
}

async function* linesOf(path, signal) {
  const answer = await fetch(path, { signal }).catch((error) => lost(error));
  if (!answer.ok) throw new Refused(answer.status, wordsOf(await answer.json().catch(() => ({}))));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read().catch((error) => lost(error));
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    yield* lines.filter((line) => line);
  }
  if (rest) yield rest;
}

async function asked(path, signal) {
  try {
    return await ask(path, { signal });
  } catch (error) {
    if (error.status === undefined) lost(error);
    throw new Refused(error.status, error.message);
  }
}

function lost(error) {
  throw error.name === "AbortError" ? error : new Refused(0);
}

// Try once more while nobody answers, for a while.
async function again(work, signal, onLost = () => {}) {
  let since_ms = null;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Refused) || !(error.status === 0 || busy(error.status))) throw error;
      since_ms ??= Date.now();
      if (Date.now() - since_ms > PATIENCE_MS) throw error;
      if (error.status === 0) onLost();
      await pause(2 * POLL_MS);
      if (signal.aborted) throw aborted();
    }
  }
}
