// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// Where the picture lies on the canvas: zoom and pan, never mirrored, never turned.

const MOST_ZOOM = 16;

/** Maps between pixels of the image and pixels of the canvas. */
export class View {
  constructor() {
    this.image = { width: 0, height: 0 };
    this.canvas = { width: 0, height: 0 };
    this.zoom = 1; // 1: the whole picture fits
    this.centre = { x: 0, y: 0 }; // of the view, in image pixels
  }

  /** Tell the sizes; another image size shows the whole picture again. */
  resize(image, canvas) {
    const changed = image.width !== this.image.width || image.height !== this.image.height;
    this.image = { width: image.width, height: image.height };
    this.canvas = { width: canvas.width, height: canvas.height };
    if (changed) this.fit();
    this.#keepInside();
  }

  /** Show the whole picture. */
  fit() {
    this.zoom = 1;
    this.centre = { x: this.image.width / 2, y: this.image.height / 2 };
  }

  /** Canvas pixels per image pixel. */
  get scale() {
    const { image, canvas } = this;
    return this.zoom * Math.min(canvas.width / image.width, canvas.height / image.height) || 1;
  }

  /** Where the image's left upper corner lies on the canvas. */
  get origin() {
    return {
      x: this.canvas.width / 2 - this.centre.x * this.scale,
      y: this.canvas.height / 2 - this.centre.y * this.scale,
    };
  }

  toImage(point) {
    const { origin, scale } = this;
    return { x: (point.x - origin.x) / scale, y: (point.y - origin.y) / scale };
  }

  toCanvas(point) {
    const { origin, scale } = this;
    return { x: origin.x + point.x * scale, y: origin.y + point.y * scale };
  }

  /** Zoom by a factor; what is under a place of the canvas stays there. */
  zoomAt(place, factor) {
    const kept = this.toImage(place);
    this.zoom = Math.min(Math.max(this.zoom * factor, 1), MOST_ZOOM);
    const moved = this.toImage(place);
    this.centre = {
      x: this.centre.x + kept.x - moved.x,
      y: this.centre.y + kept.y - moved.y,
    };
    this.#keepInside();
  }

  /** Move the picture by pixels of the canvas. */
  panBy(dx, dy) {
    this.centre = { x: this.centre.x - dx / this.scale, y: this.centre.y - dy / this.scale };
    this.#keepInside();
  }

  /** Pan just so far that a place of the image is seen. */
  reveal(point) {
    const { x, y } = this.toCanvas(point);
    const margin = 40;
    const push = (value, size) =>
      value < margin ? margin - value : value > size - margin ? size - margin - value : 0;
    if (this.zoom > 1) this.panBy(push(x, this.canvas.width), push(y, this.canvas.height));
  }

  #keepInside() {
    const clamp = (value, size, seen) =>
      seen >= size ? size / 2 : Math.min(Math.max(value, seen / 2), size - seen / 2);
    this.centre = {
      x: clamp(this.centre.x, this.image.width, this.canvas.width / this.scale),
      y: clamp(this.centre.y, this.image.height, this.canvas.height / this.scale),
    };
  }
}
