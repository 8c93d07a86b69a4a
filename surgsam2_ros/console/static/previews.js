// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// Asks what a draft would select: once it stands still, one question at a time, newest wins.

import { textToMask } from './runs.js';

const STILL_MS = 90;

/** Previews of one draft. */
export class Previews {
  /**
   * @param {import('./server.js').Server} server
   * @param {import('./draft.js').Draft} draft
   * @param {(preview: {mask?: Uint8Array, score?: number, problem?: string} | null) => void} onChange
   */
  constructor(server, draft, onChange) {
    this.server = server;
    this.draft = draft;
    this.onChange = onChange;
    this.busy = false;
  }

  /** The draft changed. */
  draftChanged() {
    clearTimeout(this.timer);
    const { points, box } = this.draft.now;
    if (!points.length && !box) {
      this.onChange(null);
      return;
    }
    this.timer = setTimeout(() => this.#ask(), STILL_MS);
  }

  async #ask() {
    if (this.busy) return; // asked again when the answer is there
    const { draft } = this;
    if (draft.isEmpty || draft.now.mask) return;
    const { version, picture } = draft;
    this.busy = true;
    let preview;
    try {
      const { mask, score } = await this.server.ask('preview', draft.gesture());
      preview = { mask: textToMask(mask, picture.width * picture.height), score };
    } catch (error) {
      preview = { problem: error.message };
    }
    this.busy = false;
    if (draft.version === version) this.onChange(preview);
    else this.draftChanged();
  }
}
