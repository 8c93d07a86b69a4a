// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// Puts everything onto the visible canvas: picture, labels, draft, preview, crosshair and names.

import { drawMask, LabelsLayer } from './labels_layer.js';

const NEW_COLOUR = [255, 255, 255];
const FONT = '600 12px system-ui, "Segoe UI", Roboto, sans-serif';
const SIGNS = { TENTATIVE: '◌', TRACKED: '●', OCCLUDED: '◐', LOST: '✕', UNCERTAIN: '▲' };

/** Draws at most once per frame of the screen. */
export class Painter {
  /**
   * @param {HTMLCanvasElement} canvas that is seen.
   * @param {import('./view.js').View} view where the picture lies.
   * @param {number[][]} palette RGB of each instance.
   * @param {Object<string, number[]>} classColours RGB of the classes that have a colour.
   */
  constructor(canvas, view, palette, classColours) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d', { alpha: false });
    this.view = view;
    const colours = new Map(Object.entries(classColours));
    this.colourOf = (each) => colours.get(each.class_name) ?? palette[each.instance];
    this.layer = new LabelsLayer(this.colourOf);
    this.draftLayer = new OffscreenCanvas(1, 1);
    this.picture = null;
    this.mode = 'overlay';
    this.selected = null; // object id
    this.draft = null;
    this.preview = null; // Uint8Array mask of the draft
    this.brush = null; // {x, y, radius} in image pixels
    this.crosshair = null; // {x, y} in image pixels
    this.rubber = null; // box that is being dragged, [x0, y0, x1, y1]
    this.layerIsOld = true;
    this.draftIsOld = true;
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.#resize();
  }

  /** Show another picture. */
  show(picture) {
    this.picture?.bitmap.close();
    this.picture = picture;
    this.view.resize(picture, this.canvas);
    this.layerIsOld = true;
    this.redraw();
  }

  setMode(mode) {
    this.mode = mode;
    this.layerIsOld = true;
    this.redraw();
  }

  /** Draft or preview changed. */
  draftChanged() {
    this.draftIsOld = true;
    this.redraw();
  }

  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#draw();
    });
  }

  /** Colour of the instrument that is being drawn, RGB. */
  draftColour() {
    const known = this.picture?.instruments.find((each) => each.object_id === this.draft?.objectId);
    return known ? this.colourOf(known) : NEW_COLOUR;
  }

  #resize() {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    if (this.picture) this.view.resize(this.picture, this.canvas);
    this.redraw();
  }

  #draw() {
    const { context, canvas, picture, view } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = getComputedStyle(canvas).backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (!picture) return;
    if (this.layerIsOld) this.layer.draw(picture, this.mode);
    if (this.draftIsOld) this.#drawDraftLayer();
    this.layerIsOld = this.draftIsOld = false;

    const { scale, origin } = view;
    context.setTransform(scale, 0, 0, scale, origin.x, origin.y);
    // Large pixels are told apart when nothing smooths them.
    context.imageSmoothingEnabled = scale < 4;
    if (this.mode === 'labels') {
      context.fillStyle = '#000';
      context.fillRect(0, 0, picture.width, picture.height);
    } else {
      context.drawImage(picture.bitmap, 0, 0);
    }
    if (this.mode !== 'none') context.drawImage(this.layer.canvas, 0, 0);
    if (this.hasDraftLayer) context.drawImage(this.draftLayer, 0, 0);

    context.setTransform(1, 0, 0, 1, 0, 0);
    const ratio = window.devicePixelRatio || 1;
    if (this.mode === 'overlay' || this.mode === 'outlines') this.#drawNames(ratio);
    this.#drawMarks(ratio);
    this.#drawPointer(ratio);
  }

  #drawDraftLayer() {
    const mask = this.draft?.now.mask ?? this.preview;
    this.hasDraftLayer = Boolean(mask && this.picture);
    if (this.hasDraftLayer) {
      const { width, height } = this.draft?.picture ?? this.picture;
      drawMask(this.draftLayer, mask, width, height, this.draftColour());
    }
  }

  #drawNames(ratio) {
    const { context, picture, view } = this;
    context.font = FONT.replace('12px', `${12 * ratio}px`);
    context.textBaseline = 'middle';
    for (const each of picture.instruments) {
      const top = this.layer.tops.get(each.instance);
      if (!top) continue;
      const text = each.state === 'TRACKED' ? each.name : `${SIGNS[each.state]} ${each.name}`;
      const width = context.measureText(text).width + 18 * ratio;
      const height = 20 * ratio;
      const place = view.toCanvas(top);
      const x = clamp(place.x - width / 2, 4, this.canvas.width - width - 4);
      const y = clamp(place.y - height - 6 * ratio, 4, this.canvas.height - height - 4);
      context.fillStyle = 'rgba(12, 17, 22, 0.78)';
      context.beginPath();
      context.roundRect(x, y, width, height, 5 * ratio);
      context.fill();
      context.fillStyle = rgb(this.colourOf(each));
      context.fillRect(x + 5 * ratio, y + 5 * ratio, 3 * ratio, height - 10 * ratio);
      context.fillStyle = each.state === 'TRACKED' ? '#f2f5f7' : '#ffc14d';
      context.fillText(text, x + 12 * ratio, y + height / 2 + ratio / 2);
      if (each.object_id === this.selected) {
        context.strokeStyle = '#f2f5f7';
        context.lineWidth = 1.5 * ratio;
        context.stroke();
      }
    }
  }

  #drawMarks(ratio) {
    const { context, draft, view } = this;
    if (!draft) return;
    const box = this.rubber ?? draft.now.box;
    if (box) {
      const from = view.toCanvas({ x: box[0], y: box[1] });
      const to = view.toCanvas({ x: box[2], y: box[3] });
      for (const [colour, width] of [['rgba(0, 0, 0, 0.6)', 4], [rgb(this.draftColour()), 2]]) {
        context.strokeStyle = colour;
        context.lineWidth = width * ratio;
        context.strokeRect(from.x, from.y, to.x - from.x, to.y - from.y);
      }
    }
    for (const [x, y, label] of draft.now.points) {
      this.#drawPoint(view.toCanvas({ x, y }), label, ratio);
    }
  }

  /** On the object: a disc with a plus. Off it: a square with a minus. */
  #drawPoint(place, label, ratio) {
    const { context } = this;
    const size = 8 * ratio;
    context.beginPath();
    if (label) context.arc(place.x, place.y, size, 0, 2 * Math.PI);
    else context.rect(place.x - size, place.y - size, 2 * size, 2 * size);
    context.fillStyle = label ? '#12805c' : '#b3261e';
    context.fill();
    context.strokeStyle = '#fff';
    context.lineWidth = 2 * ratio;
    context.stroke();
    context.beginPath();
    context.moveTo(place.x - size / 2, place.y);
    context.lineTo(place.x + size / 2, place.y);
    if (label) {
      context.moveTo(place.x, place.y - size / 2);
      context.lineTo(place.x, place.y + size / 2);
    }
    context.stroke();
  }

  #drawPointer(ratio) {
    const { context, view, brush, crosshair } = this;
    if (brush) {
      const place = view.toCanvas(brush);
      for (const [colour, width] of [['rgba(0, 0, 0, 0.6)', 3], ['#fff', 1.25]]) {
        context.beginPath();
        context.arc(place.x, place.y, Math.max(brush.radius * view.scale, 1), 0, 2 * Math.PI);
        context.strokeStyle = colour;
        context.lineWidth = width * ratio;
        context.stroke();
      }
    }
    if (crosshair) {
      const place = view.toCanvas(crosshair);
      const [near, far] = [4 * ratio, 16 * ratio];
      for (const [colour, width] of [['rgba(0, 0, 0, 0.7)', 4], ['#fff', 1.5]]) {
        context.beginPath();
        for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
          context.moveTo(place.x + dx * near, place.y + dy * near);
          context.lineTo(place.x + dx * far, place.y + dy * far);
        }
        context.strokeStyle = colour;
        context.lineWidth = width * ratio;
        context.stroke();
      }
    }
  }
}

const rgb = (colour) => `rgb(${colour.join(' ')})`;
const clamp = (value, least, most) => Math.max(least, Math.min(value, most));
