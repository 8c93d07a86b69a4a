// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// Pointer and touch: clicks, drags, strokes, pinches and the wheel become calls of the board.

const LONG_PRESS_MS = 550;
const DRAG_PX = { mouse: 5, pen: 7, touch: 12 };

/** Listens to one canvas. */
export class Gestures {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import('./view.js').View} view
   * @param {object} board has `tool`, `point`, `rubber`, `box`, `strokeFrom`, `strokeTo`,
   *   `strokeEnd`, `pointerAt` and `viewChanged`; places are in image pixels.
   */
  constructor(canvas, view, board) {
    this.canvas = canvas;
    this.view = view;
    this.board = board;
    this.pointers = new Map(); // those that touch, by id: places on the canvas
    this.press = null;
    const on = (name, handler, options) => canvas.addEventListener(name, handler, options);
    on('pointerdown', (event) => this.#down(event));
    on('pointermove', (event) => this.#move(event));
    on('pointerup', (event) => this.#up(event));
    on('pointercancel', (event) => this.#cancel(event));
    on('pointerleave', () => this.board.pointerAt(null));
    on('contextmenu', (event) => event.preventDefault());
    on('wheel', (event) => this.#wheel(event), { passive: false });
  }

  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) * this.canvas.width) / box.width,
      y: ((event.clientY - box.top) * this.canvas.height) / box.height,
    };
  }

  #down(event) {
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    const place = this.#place(event);
    this.pointers.set(event.pointerId, place);
    if (this.pointers.size === 2) this.#startPinch();
    if (this.pointers.size > 1) return;
    const moves = event.button === 1 || this.board.tool === 'move';
    const off = event.button === 2 || event.altKey || this.board.tool === 'off';
    const paints = !off && !moves && ['brush', 'eraser'].includes(this.board.tool);
    this.press = { id: event.pointerId, from: place, last: place, moves, off, paints, dragged: false };
    this.press.limit = (DRAG_PX[event.pointerType] ?? 5) * (window.devicePixelRatio || 1);
    if (paints) this.board.strokeFrom(this.view.toImage(place));
    else if (event.pointerType === 'touch' && !off && !moves) {
      this.press.timer = setTimeout(() => this.#longPress(place), LONG_PRESS_MS);
    }
  }

  #move(event) {
    const place = this.#place(event);
    const spot = this.view.toImage(place);
    this.board.pointerAt(event.pointerType === 'touch' ? null : spot);
    if (!this.pointers.has(event.pointerId)) return;
    this.pointers.set(event.pointerId, place);
    if (this.pinch) {
      this.#pinchMoved();
      return;
    }
    const { press } = this;
    if (press?.id !== event.pointerId) return;
    if (!press.dragged && Math.hypot(place.x - press.from.x, place.y - press.from.y) > press.limit) {
      press.dragged = true;
      clearTimeout(press.timer);
    }
    if (press.paints) this.board.strokeTo(spot);
    else if (press.moves) {
      this.view.panBy(place.x - press.last.x, place.y - press.last.y);
      this.board.viewChanged();
    } else if (press.dragged && !press.off) {
      this.board.rubber(boxOf(this.view.toImage(press.from), spot));
    }
    press.last = place;
  }

  #up(event) {
    const place = this.#place(event);
    this.pointers.delete(event.pointerId);
    if (this.pinch) {
      if (!this.pointers.size) this.pinch = null;
      return;
    }
    const { press } = this;
    if (press?.id !== event.pointerId) return;
    this.press = null;
    clearTimeout(press.timer);
    if (press.paints) this.board.strokeEnd();
    else if (press.moves) return;
    else if (press.dragged && !press.off) {
      this.board.box(boxOf(this.view.toImage(press.from), this.view.toImage(place)));
    } else if (!press.dragged) {
      this.board.point(this.view.toImage(press.from), press.off ? 0 : 1);
    }
  }

  #cancel(event) {
    this.pointers.delete(event.pointerId);
    if (!this.pointers.size) this.pinch = null;
    this.#dropPress();
  }

  #dropPress() {
    if (!this.press) return;
    clearTimeout(this.press.timer);
    if (this.press.paints) this.board.strokeEnd();
    this.board.rubber(null);
    this.press = null;
  }

  #longPress(place) {
    this.press = null;
    navigator.vibrate?.(20);
    this.board.point(this.view.toImage(place), 0);
  }

  #startPinch() {
    this.#dropPress();
    this.pinch = this.#pinchState();
  }

  #pinchState() {
    const [one, other] = [...this.pointers.values()];
    return {
      centre: { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 },
      distance: Math.max(Math.hypot(one.x - other.x, one.y - other.y), 1),
    };
  }

  #pinchMoved() {
    if (this.pointers.size !== 2) return;
    const now = this.#pinchState();
    this.view.panBy(now.centre.x - this.pinch.centre.x, now.centre.y - this.pinch.centre.y);
    this.view.zoomAt(now.centre, now.distance / this.pinch.distance);
    this.pinch = now;
    this.board.viewChanged();
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    this.view.zoomAt(this.#place(event), Math.exp(-event.deltaY * lines * 0.0016));
    this.board.viewChanged();
  }
}

const boxOf = (one, other) => [
  Math.min(one.x, other.x),
  Math.min(one.y, other.y),
  Math.max(one.x, other.x),
  Math.max(one.y, other.y),
];
