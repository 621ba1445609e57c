// A person as drawn limbs, on a canvas as sharp as the screen.

import { told } from "./common.js";

const HEAD = 0;
const SHOULDERS = [5, 6];

// An empty canvas, whose unit is a pixel of the page whatever the screen's are.
export function cleaned(canvas) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const sharp = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * sharp), Math.round(height * sharp)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, w, h);
  context.setTransform(sharp, 0, 0, sharp, 0, 0);
  return { context, width, height };
}

// points: [x, y, confidence] of 17 joints, scaled to the canvas by `scale`. unit: how thick a limb is. head: where no
// picture shows it.
export function drawBody(context, points, scale, unit, head = true) {
  const place = (joint) => [points[joint][0] * scale, points[joint][1] * scale];
  const seen = (joint) => points[joint][2] >= told.seen;
  context.lineCap = "round";
  context.lineWidth = unit;
  for (const [a, b, color] of told.limbs) {
    if (!seen(a) || !seen(b)) continue;
    context.strokeStyle = color;
    context.beginPath();
    context.moveTo(...place(a));
    context.lineTo(...place(b));
    context.stroke();
  }
  context.fillStyle = "#fff";
  for (const joint of new Set(told.limbs.flatMap(([a, b]) => [a, b]))) {
    if (!seen(joint)) continue;
    context.beginPath();
    context.arc(...place(joint), unit, 0, 2 * Math.PI);
    context.fill();
  }
  if (head && seen(HEAD)) {
    // A head, from the nose and the width of the shoulders.
    const [left, right] = SHOULDERS.map(place);
    context.lineWidth = unit;
    context.strokeStyle = "#fff";
    context.beginPath();
    context.arc(...place(HEAD), Math.max(3 * unit, 0.35 * Math.hypot(left[0] - right[0], left[1] - right[1])), 0, 2 * Math.PI);
    context.stroke();
  }
}
