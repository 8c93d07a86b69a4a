// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// Scores of the last ten seconds, drawn into the instruments' rows.

const SPAN_MS = 10000;
const MOST_SAMPLES = 600;

/** Remembers each instrument's scores by the stamps of the pictures. */
export class Sparklines {
  constructor() {
    this.samples = new Map(); // object id -> [stamp in ms, score][] by stamp
    this.drawn = 0;
  }

  /** Start anew, as for another camera. */
  clear() {
    this.samples.clear();
  }

  /** Take the scores of a picture, and draw now and then. */
  add(picture) {
    const now = Number(BigInt(picture.stamp_ns) / 1000n) / 1000;
    const known = new Map(); // of what was removed nothing stays
    for (const { object_id: objectId, score } of picture.instruments) {
      const samples = (this.samples.get(objectId) ?? []).filter(([stamp]) => stamp !== now);
      samples.push([now, score]);
      samples.sort((one, other) => one[0] - other[0]); // a recording may be looked at backwards
      known.set(objectId, samples.slice(-MOST_SAMPLES));
    }
    this.samples = known;
    if (performance.now() - this.drawn > 200) {
      this.drawn = performance.now();
      this.#draw(picture, now);
    }
  }

  #draw(picture, now) {
    const scores = new Map(picture.instruments.map((each) => [each.object_id, each.score]));
    for (const row of document.querySelectorAll('.instrument')) {
      const objectId = row.dataset.object;
      const samples = (this.samples.get(objectId) ?? []).filter(
        ([stamp]) => stamp <= now && stamp > now - SPAN_MS,
      );
      const line = samples.map(([stamp, score]) => {
        const x = 80 + (80 * (stamp - now)) / SPAN_MS;
        return `${x.toFixed(1)},${(21 - 20 * score).toFixed(1)}`;
      });
      row.querySelector('.spark polyline')?.setAttribute('points', line.join(' '));
      const label = row.querySelector('.score');
      if (label && scores.has(objectId)) label.textContent = scores.get(objectId).toFixed(2);
    }
  }
}
