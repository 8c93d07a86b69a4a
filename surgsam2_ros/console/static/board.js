// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// What gestures and commands do: the one place that knows what is selected, drawn, held and sent.

import { paintStroke } from './brush.js';
import { Draft } from './draft.js';
import { MODES } from './labels_layer.js';
import { Previews } from './previews.js';

const SMALLEST_BOX = 2;

/** State of one page. */
export class Board {
  /**
   * @param {object} parts `view`, `painter`, `stream`, `server`, and `tell(text, isProblem)`.
   * @param {() => void} onChange is called after each change that controls show.
   */
  constructor({ view, painter, stream, server, tell }, onChange) {
    Object.assign(this, { view, painter, stream, server, tell, onChange });
    this.tool = 'prompt'; // or 'off', 'brush', 'eraser', 'move'
    this.selected = null; // object id; null: a new instrument
    this.frozen = false;
    this.radius = 14; // of the brush, in image pixels
    this.hint = '';
    this.preview = null;
    this.sending = false;
    this.draft = painter.draft = new Draft();
    this.previews = new Previews(server, this.draft, (preview) => this.#previewed(preview));
  }

  get picture() {
    return this.painter.picture;
  }

  /** Show a new picture. */
  show(picture) {
    this.painter.show(picture);
    const known = picture.instruments.some((each) => each.object_id === this.selected);
    // One that was started just now is in no picture yet.
    if (this.selected && !known && this.wasSeen) this.select(null);
    this.wasSeen = known;
  }

  // Gestures; places are in image pixels. -----------------------------------------------------

  point(place, label) {
    if (!this.#begin(place)) return;
    this.draft.addPoint(tenths(place.x), tenths(place.y), label);
    this.#drawn();
  }

  rubber(box) {
    if (this.picture && !this.sending) this.painter.rubber = box && this.#clip(box);
    this.painter.redraw();
    this.#hold();
  }

  box(box) {
    this.painter.rubber = null;
    const clipped = this.picture && this.#clip(box);
    const large = clipped && clipped[2] - clipped[0] >= SMALLEST_BOX && clipped[3] - clipped[1] >= SMALLEST_BOX;
    if (!large) {
      this.painter.redraw();
      this.#hold();
      return;
    }
    if (!this.#begin({ x: clipped[0], y: clipped[1] })) return;
    this.draft.setBox(clipped.map(tenths));
    this.#drawn();
  }

  strokeFrom(place) {
    this.stroke = null;
    if (!this.#begin(place)) return;
    this.stroke = place;
    this.draft.beginStroke(this.#maskToPaint());
    this.#hold();
    this.strokeTo(place);
  }

  strokeTo(place) {
    if (!this.stroke) return;
    const value = this.tool === 'eraser' ? 0 : 1;
    paintStroke(this.draft.now.mask, this.picture, this.stroke, place, this.radius, value);
    this.stroke = place;
    this.draft.touch();
    this.painter.draftChanged();
  }

  strokeEnd() {
    if (this.stroke) this.#drawn();
    this.stroke = null;
  }

  pointerAt(place) {
    const paints = this.tool === 'brush' || this.tool === 'eraser';
    const before = this.painter.brush;
    this.painter.brush = place && paints ? { ...place, radius: this.radius } : null;
    if (before || this.painter.brush) this.painter.redraw();
  }

  viewChanged() {
    this.painter.redraw();
    this.onChange();
  }

  // Commands. ---------------------------------------------------------------------------------

  setTool(tool) {
    this.tool = tool;
    this.painter.brush = null;
    this.viewChanged();
  }

  setMode(mode) {
    this.painter.setMode(mode);
    this.onChange();
  }

  nextMode() {
    this.setMode(MODES[(MODES.indexOf(this.painter.mode) + 1) % MODES.length]);
  }

  growBrush(factor) {
    this.radius = Math.min(Math.max(this.radius * factor, 1), 200);
    if (this.painter.brush) this.painter.brush.radius = this.radius;
    this.viewChanged();
  }

  /** Prompt this instrument from now on; what is drawn already is meant for it too. */
  select(objectId) {
    if (this.draft.sent && objectId !== this.draft.objectId) this.#forgetDraft();
    this.selected = this.painter.selected = objectId;
    this.wasSeen = false;
    if (!this.draft.isEmpty) {
      this.draft.objectId = objectId;
      this.painter.draftChanged();
    }
    this.hint = '';
    this.viewChanged();
  }

  selectNumber(number) {
    const instrument = this.picture?.instruments[number - 1];
    if (instrument) this.select(instrument.object_id);
  }

  /** Let the picture stand still, or go on. */
  freeze(frozen = !this.frozen) {
    this.frozen = frozen;
    if (!frozen && this.draft.sent) this.#forgetDraft();
    this.hint = '';
    this.#hold();
  }

  /** One gesture that mends an instrument: it is selected, the picture stands, a click is awaited. */
  mend(objectId) {
    const instrument = this.picture?.instruments.find((each) => each.object_id === objectId);
    if (!instrument) return;
    this.#forgetDraft();
    this.setTool('prompt');
    this.select(objectId);
    this.freeze(true);
    this.hint = `Click on ${instrument.name}, then send`;
    this.onChange();
  }

  /** Mend the first instrument that calls for it. */
  mendNext() {
    const calls = ['UNCERTAIN', 'LOST', 'OCCLUDED'];
    const waiting = (this.picture?.instruments ?? []).filter((each) => calls.includes(each.state));
    waiting.sort((one, other) => calls.indexOf(one.state) - calls.indexOf(other.state));
    if (waiting.length) this.mend(waiting[0].object_id);
    else this.tell('No instrument calls for attention');
  }

  async send() {
    if (!this.draft.isPending || this.sending) return;
    const { version } = this.draft;
    this.sending = true;
    this.onChange();
    try {
      const { object_id: objectId } = await this.server.ask('give', this.draft.gesture());
      if (this.draft.version === version) this.#sent(objectId);
    } catch (error) {
      this.tell(error.message, true);
    }
    this.sending = false;
    this.#hold();
  }

  /** Drop what is drawn; with nothing drawn, go on; else begin a new instrument. */
  drop() {
    if (!this.draft.isEmpty) this.#forgetDraft();
    else if (this.frozen) this.frozen = false;
    else this.select(null);
    this.hint = '';
    this.#hold();
  }

  /** Forget what is drawn and selected, go on, and show the whole picture. */
  startAnew() {
    this.#forgetDraft();
    this.frozen = false;
    this.view.fit();
    this.select(null);
    this.#hold();
  }

  /** Take back the newest step of the draft, or what was done last. */
  async undo() {
    if (this.sending) return;
    if (this.draft.isPending && this.draft.undo()) {
      this.#drawn();
      return;
    }
    this.#forgetDraft();
    this.#hold();
    await this.#ask('undo');
  }

  async remove(objectId = this.selected) {
    if (objectId) await this.#ask('remove', { object_id: objectId });
  }

  async lock(objectId = this.selected) {
    const instrument = this.picture?.instruments.find((each) => each.object_id === objectId);
    if (instrument) await this.#ask('describe', { object_id: objectId, locked: !instrument.locked });
  }

  // Keyboard in place of a pointer. -----------------------------------------------------------

  moveCrosshair(dx, dy, fine) {
    if (!this.picture) return;
    const { width, height } = this.picture;
    const step = fine ? 1 : Math.max(1, 10 / this.view.scale);
    const from = this.painter.crosshair ?? { x: width / 2, y: height / 2 };
    const place = {
      x: Math.min(Math.max(from.x + dx * step, 0), width - 0.5),
      y: Math.min(Math.max(from.y + dy * step, 0), height - 0.5),
    };
    this.painter.crosshair = place;
    this.view.reveal(place);
    this.viewChanged();
  }

  /** Use the tool at the crosshair. */
  useTool(label = this.tool === 'off' ? 0 : 1) {
    const place = this.painter.crosshair;
    if (!place) this.moveCrosshair(0, 0, true);
    else if (label && ['brush', 'eraser'].includes(this.tool)) {
      this.strokeFrom(place);
      this.strokeEnd();
    } else this.point(place, label);
  }

  /** Set the first, then the second corner of a box at the crosshair. */
  setCorner() {
    const place = this.painter.crosshair;
    if (!place) this.moveCrosshair(0, 0, true);
    else if (!this.corner) {
      this.corner = place;
      this.tell('First corner set; move on and press C again');
    } else {
      const { x, y } = this.corner;
      this.corner = null;
      this.box([Math.min(x, place.x), Math.min(y, place.y), Math.max(x, place.x), Math.max(y, place.y)]);
    }
  }

  // -------------------------------------------------------------------------------------------

  /** Begin to draw at a place, or go on; false when that cannot be. */
  #begin({ x, y }) {
    const { picture } = this;
    if (!picture || this.sending) return false;
    if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) {
      this.tell('That is outside the picture');
      return false;
    }
    this.draft.begin(picture, this.selected);
    return true;
  }

  #clip([x0, y0, x1, y1]) {
    const { width, height } = this.picture;
    const inside = (value, most) => Math.min(Math.max(value, 0), most);
    return [inside(x0, width), inside(y0, height), inside(x1, width), inside(y1, height)];
  }

  /** What a stroke begins with: the draft's mask, its preview, or what is tracked. */
  #maskToPaint() {
    const { draft, picture } = this;
    if (draft.now.mask) return draft.now.mask.slice();
    if (!draft.isEmpty && this.preview?.mask) return this.preview.mask.slice();
    const mask = new Uint8Array(picture.width * picture.height);
    const known = picture.instruments.find((each) => each.object_id === draft.objectId);
    if (known && picture.labels) picture.labels.forEach((value, index) => {
      if (value === known.instance) mask[index] = 1;
    });
    return mask;
  }

  #drawn() {
    this.hint = '';
    this.previews.draftChanged();
    this.painter.draftChanged();
    this.#hold();
  }

  #previewed(preview) {
    this.preview = preview;
    this.painter.preview = preview?.mask ?? null;
    this.painter.draftChanged();
    this.onChange();
  }

  #sent(objectId) {
    this.draft.sent = true;
    this.draft.objectId = objectId;
    this.selected = this.painter.selected = objectId;
    this.wasSeen = false;
    if (!this.frozen) this.#forgetDraft();
  }

  #forgetDraft() {
    this.draft.clear();
    this.corner = null;
    this.painter.rubber = null;
    this.#previewed(null);
  }

  async #ask(action, content = {}) {
    try {
      await this.server.ask(action, { camera: this.stream.camera, ...content });
    } catch (error) {
      this.tell(error.message, true);
    }
  }

  /** While something is drawn, the picture that it is drawn in stands still. */
  #hold() {
    this.stream.hold(this.frozen || !this.draft.isEmpty || Boolean(this.painter.rubber));
    this.onChange();
  }
}

const tenths = (value) => Math.floor(value * 10) / 10;
