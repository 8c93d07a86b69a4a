// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// Draws a label image as the picture's overlay: the same signs as surgsam2_ros/drawing.py uses.

const FILL_ALPHA = 64;
const AMBER = [255, 176, 0];

/** How label images are shown, in the order in which a key goes through them. */
export const MODES = ['overlay', 'outlines', 'labels', 'none'];

/** A transparent layer of the image's size. */
export class LabelsLayer {
  /** @param {(instrument: object) => number[]} colourOf RGB of an instrument. */
  constructor(colourOf) {
    this.colourOf = colourOf;
    this.canvas = new OffscreenCanvas(1, 1);
    this.context = this.canvas.getContext('2d');
    this.tops = new Map(); // instance -> where its topmost run lies
  }

  /** Draw the labels of a picture. */
  draw(picture, mode) {
    const { width, height, runs, labels } = picture;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.pixels = this.context.createImageData(width, height);
      this.words = new Uint32Array(this.pixels.data.buffer);
    }
    this.words.fill(0);
    this.tops.clear();
    const known = new Map(picture.instruments.map((each) => [each.instance, each]));
    const inks = new Map();
    for (const run of runs) {
      if (!inks.has(run.value)) {
        inks.set(run.value, this.#ink(known.get(run.value) ?? { instance: run.value }, mode));
        this.tops.set(run.value, {
          x: (run.start % width) + (run.end - run.start) / 2,
          y: Math.floor(run.start / width),
        });
      }
      if (mode !== 'none') this.#drawRun(run, inks.get(run.value), labels, width, height);
    }
    this.context.putImageData(this.pixels, 0, 0);
  }

  #ink(instrument, mode) {
    const { state } = instrument;
    const uncertain = state === 'UNCERTAIN';
    const colour = uncertain && mode !== 'labels' ? AMBER : this.colourOf(instrument);
    return {
      edge: word(colour, 255),
      fill: mode === 'labels' ? word(colour, 255) : mode === 'overlay' ? word(colour, FILL_ALPHA) : 0,
      outlined: mode !== 'labels',
      hatched: uncertain && mode === 'overlay',
      dashed: uncertain || state === 'TENTATIVE',
    };
  }

  #drawRun({ start, end, value }, ink, labels, width, height) {
    const reach = Math.max(1, Math.round(height / 540)); // thickness of outlines
    const { words } = this;
    const pixels = labels.length;
    for (let index = start; index < end; index += 1) {
      let paint = ink.fill;
      const row = (index / width) | 0;
      const place = index - row * width + row; // counts along the diagonal
      if (ink.hatched) paint = place % (8 * reach) < reach ? ink.edge : 0;
      if (ink.outlined) {
        const up = index - reach * width;
        const down = index + reach * width;
        const isEdge =
          index - start < reach ||
          end - index <= reach ||
          up < 0 ||
          down >= pixels ||
          labels[up] !== value ||
          labels[down] !== value;
        if (isEdge && !(ink.dashed && place % (12 * reach) >= 7 * reach)) paint = ink.edge;
      }
      words[index] = paint;
    }
  }
}

/** A pixel as a little-endian word, as ImageData holds it on every machine that browsers run on. */
function word([red, green, blue], alpha) {
  return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** Draw a mask (Uint8Array) with a light fill and an outline into a layer of its own. */
export function drawMask(canvas, mask, width, height, colour) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  const pixels = context.createImageData(width, height);
  const words = new Uint32Array(pixels.data.buffer);
  const fill = word(colour, 96);
  const edge = word(colour, 255);
  for (let index = mask.indexOf(1); index >= 0; index = mask.indexOf(1, index + 1)) {
    const inner =
      mask[index - 1] && mask[index + 1] && mask[index - width] && mask[index + width];
    words[index] = inner ? fill : edge;
  }
  context.putImageData(pixels, 0, 0);
}
