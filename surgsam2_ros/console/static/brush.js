// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// Brush and eraser: discs along the way of the pointer, painted into a mask.

/**
 * Paint a straight piece of a stroke.
 * @param {Uint8Array} mask of the image, changed in place.
 * @param {{width: number, height: number}} size of the image.
 * @param {{x: number, y: number}} from
 * @param {{x: number, y: number}} to in image pixels.
 * @param {number} radius in image pixels.
 * @param {0 | 1} value 1 paints, 0 erases.
 */
export function paintStroke(mask, size, from, to, radius, value) {
  const distance = Math.hypot(to.x - from.x, to.y - from.y);
  const steps = Math.max(1, Math.ceil(distance / Math.max(radius / 3, 0.5)));
  for (let step = 0; step <= steps; step += 1) {
    const part = step / steps;
    paintDisc(mask, size, from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part, radius, value);
  }
}

function paintDisc(mask, size, x, y, radius, value) {
  const top = Math.max(0, Math.ceil(y - radius - 0.5));
  const bottom = Math.min(size.height - 1, Math.floor(y + radius - 0.5));
  for (let row = top; row <= bottom; row += 1) {
    const half = Math.sqrt(Math.max(radius * radius - (row + 0.5 - y) ** 2, 0));
    const left = Math.max(0, Math.ceil(x - half - 0.5));
    const right = Math.min(size.width - 1, Math.floor(x + half - 0.5));
    if (right >= left) mask.fill(value, row * size.width + left, row * size.width + right + 1);
  }
}
