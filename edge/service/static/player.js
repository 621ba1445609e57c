// What is played: a video with its skeleton in step, or the skeleton alone with a clock of its own.

import { cleaned, drawBody } from "./skeleton.js";

export class Player {
  readings = null;
  #video;
  #canvas;
  #onMoment;
  #address = null;
  #playable = false;
  #shown_s = null;
  #own = { time_s: 0, from_ms: null };
  #told = "";
  #frame = 0;

  // onMoment: hears the time of what is shown, whenever that or what is known of it changes.
  constructor(video, canvas, onMoment) {
    [this.#video, this.#canvas, this.#onMoment] = [video, canvas, onMoment];
    video.onseeking = () => (this.#shown_s = null);
  }

  // Begin with a file, or without; whether this browser can play it.
  async open(readings, file = null) {
    this.close();
    this.readings = readings;
    if (file) {
      this.#address = URL.createObjectURL(file);
      this.#playable = await this.#load();
    }
    this.#video.hidden = !this.#playable;
    this.#shape();
    this.#turn();
    return this.#playable;
  }

  close() {
    cancelAnimationFrame(this.#frame);
    this.#video.pause();
    this.#video.removeAttribute("src");
    this.#video.load();
    this.#video.hidden = true;
    if (this.#address) URL.revokeObjectURL(this.#address);
    this.#address = this.readings = this.#shown_s = null;
    this.#playable = false;
    this.#own = { time_s: 0, from_ms: null };
    this.#told = "";
    cleaned(this.#canvas);
  }

  get paused() {
    return this.#playable ? this.#video.paused : this.#own.from_ms === null;
  }

  get time_s() {
    if (this.#playable) return this.#video.currentTime;
    const { time_s, from_ms } = this.#own;
    return from_ms === null ? time_s : Math.min(this.length_s, time_s + (performance.now() - from_ms) / 1000);
  }

  get length_s() {
    const { duration } = this.#video;
    return this.#playable && Number.isFinite(duration) ? duration : (this.readings?.length ?? 0);
  }

  seek(time_s) {
    if (this.#playable) this.#video.currentTime = time_s;
    else this.#own = { time_s, from_ms: this.paused ? null : performance.now() };
  }

  // The newest picture that was read, while more are; a video that is still on its way to the last one is left alone.
  chase(time_s) {
    if (!this.paused || (this.#playable && this.#video.seeking)) return;
    this.seek(time_s);
  }

  play() {
    if (this.time_s >= this.length_s - 0.05) this.seek(0);
    if (this.#playable) this.#video.play().catch(() => {});
    else this.#own.from_ms = performance.now();
  }

  pause() {
    const { time_s } = this;
    if (this.#playable) this.#video.pause();
    else this.#own = { time_s, from_ms: null };
  }

  #load() {
    const video = this.#video;
    return new Promise((done) => {
      // Some browsers open what they can't show: a sound track, and no picture.
      video.onloadeddata = () => done(video.videoWidth > 0);
      video.onerror = () => done(false);
      video.src = this.#address;
      // With a video that can't be cut to pieces, nothing may ever happen.
      setTimeout(() => done(video.videoWidth > 0 && video.readyState > 1), 5000);
      this.#watchFrames();
    });
  }

  // The exact time of the picture that is on the screen, where the browser tells it.
  #watchFrames() {
    const video = this.#video;
    if (!video.requestVideoFrameCallback) return;
    const address = this.#address;
    const next = (_, { mediaTime }) => {
      if (this.#address !== address) return;
      this.#shown_s = mediaTime;
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  }

  #turn = () => {
    this.#frame = requestAnimationFrame(this.#turn);
    const time_s = this.#playable ? (this.#shown_s ?? this.time_s) : this.time_s;
    if (!this.#playable && !this.paused && time_s >= this.length_s) this.pause();
    const { clientWidth, clientHeight } = this.#canvas;
    const now = [time_s, this.readings.all.length, this.length_s, this.paused, clientWidth, clientHeight].join();
    if (now === this.#told) return;
    this.#told = now;
    this.#shape();
    this.#draw(this.readings.at(time_s));
    this.#onMoment(time_s);
  };

  // The stage has the shape of the picture, as far as there is room.
  #shape() {
    const [width, height] = this.#playable ? [this.#video.videoWidth, this.#video.videoHeight] : (this.readings.size ?? [16, 9]);
    this.#canvas.parentElement.style.setProperty("--shape", width / height);
  }

  #draw(reading) {
    const { context, width, height } = cleaned(this.#canvas);
    if (reading?.keypoints) drawFitted(context, width, height, reading.size, [reading.keypoints], !this.#playable);
  }
}

// Bodies in a picture of `size`, where the picture stands in the middle of the canvas. head: there is no picture.
export function drawFitted(context, width, height, [w, h], bodies, head = false) {
  const scale = Math.min(width / w, height / h);
  context.translate((width - w * scale) / 2, (height - h * scale) / 2);
  for (const points of bodies) drawBody(context, points, scale, Math.max(2, (h * scale) / 130), head);
}
