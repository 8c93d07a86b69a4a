// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// A prompt while it is drawn: points and a box, or a mask; each step can be taken back.

import { maskToText } from './runs.js';

const MOST_STEPS = 30;
const EMPTY = Object.freeze({ points: [], box: null, mask: null });

/** What was drawn in one picture for one instrument. */
export class Draft {
  constructor() {
    this.clear();
  }

  /** Forget everything. */
  clear() {
    this.now = EMPTY;
    this.past = [];
    this.picture = null;
    this.objectId = null; // null: a new instrument
    this.sent = false; // whether the server has it as it is
    this.version = (this.version ?? 0) + 1; // tells answers to an older draft from newer ones
  }

  get isEmpty() {
    return !this.now.points.length && !this.now.box && !this.now.mask;
  }

  /** Whether there is something that was not sent. */
  get isPending() {
    return !this.isEmpty && !this.sent;
  }

  /** Begin in a picture, or go on in it. */
  begin(picture, objectId) {
    if (this.isEmpty) {
      this.picture = picture;
      this.objectId = objectId;
    }
  }

  addPoint(x, y, label) {
    this.#step({ ...this.now, points: [...this.now.points, [x, y, label]], mask: null });
  }

  setBox(box) {
    this.#step({ ...this.now, box, mask: null });
  }

  /** Begin a stroke: from here on `now.mask` is changed in place. */
  beginStroke(mask) {
    this.#step({ points: [], box: null, mask });
  }

  /** A stroke went on. */
  touch() {
    this.sent = false;
    this.version += 1;
  }

  /** Take back the newest step; tells whether there was one. */
  undo() {
    if (!this.past.length) return false;
    this.now = this.past.pop();
    this.touch();
    return true;
  }

  /** What the server is told. */
  gesture() {
    const { points, box, mask } = this.now;
    return {
      camera: this.picture.camera,
      serial: this.picture.serial,
      object_id: this.objectId,
      points,
      box,
      mask: mask && maskToText(mask),
    };
  }

  #step(next) {
    this.past = [...this.past, this.now].slice(-MOST_STEPS);
    this.now = next;
    this.touch();
  }
}
