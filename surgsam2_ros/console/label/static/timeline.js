// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// The strip of frames: poor masks above, verdicts in the middle, prompts below, and the frame shown.

const HEIGHT = 66, SIDE = 8, TOP = 6, MIDDLE = 18, LOW = 38, AXIS = 52;
const TRACKED = 1, ACCEPTED = 2, REJECTED = 3, UNCERTAIN = 4, PROMPT = 8;
const FILL = { [TRACKED]: '#56b4e9', [ACCEPTED]: '#009e73', [REJECTED]: '#d55e00' };
const AMBER = '#e69f00';

export default {
  template: `<div style="user-select: none; touch-action: none">
    <canvas ref="canvas" tabindex="0" role="slider" aria-label="frame" aria-valuemin="0"
      :aria-valuemax="(state.frames || 1) - 1" :aria-valuenow="state.position || 0"
      style="display: block; width: 100%; height: ${HEIGHT}px; cursor: pointer; outline-offset: 2px"
      @pointerdown="take" @pointermove="drag" @pointerup="release" @pointercancel="release"
    ></canvas></div>`,
  props: { state: Object, keys: Array },
  mounted() {
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.$refs.canvas);
    this.theme = new MutationObserver(() => this.draw());
    this.theme.observe(document.body, { attributes: true, attributeFilter: ['class'] });
    document.addEventListener('keydown', this.key);
    this.draw();
  },
  unmounted() {
    this.sizes.disconnect();
    this.theme.disconnect();
    document.removeEventListener('keydown', this.key);
  },
  watch: { state() { this.draw(); } },
  methods: {
    // Letters need Shift, for the page has the plain ones, unless the strip has the focus; arrows
    // need Ctrl while the picture has it, where they move its cross.
    key(event) {
      const name = { '{': '[', '}': ']' }[event.key] ?? event.key;
      const key = name.length === 1 ? name.toLowerCase() : name;
      const typing = event.target.closest('input, textarea, select, [contenteditable], dialog');
      if (event.defaultPrevented || event.metaKey || event.altKey || typing) return;
      const focused = document.activeElement;
      const own = focused === this.$refs.canvas;
      if (key === 't' && !event.ctrlKey) {
        this.$refs.canvas.focus();
      } else if (!this.keys.includes(key)) {
        return;
      } else if (key.startsWith('Arrow')) {
        if (focused?.id === 'picture' && !event.ctrlKey) return;
      } else if (key.length === 1) {
        if (event.ctrlKey || !(own || event.shiftKey)) return;
      }
      event.preventDefault();
      if (key !== 't') this.$emit('press', { key, shift: event.shiftKey });
    },
    take(event) {
      this.$refs.canvas.setPointerCapture(event.pointerId);
      this.held = true;
      this.drag(event);
    },
    drag(event) {
      if (!this.held || !this.state.frames) return;
      const box = this.$refs.canvas.getBoundingClientRect();
      const share = (event.clientX - box.left - SIDE) / (box.width - 2 * SIDE);
      const frame = Math.floor(share * this.state.frames);
      this.ahead = Math.min(Math.max(frame, 0), this.state.frames - 1);
      this.$emit('seek', this.ahead);
      this.draw();
    },
    release() {
      this.held = false;
      this.ahead = undefined;
    },
    draw() {
      const canvas = this.$refs.canvas, state = this.state;
      if (!canvas || !state.frames) return;
      const scale = window.devicePixelRatio || 1, width = canvas.clientWidth;
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(HEIGHT * scale);
      const pen = canvas.getContext('2d');
      pen.scale(scale, scale);
      const ink = getComputedStyle(canvas).color;
      const place = (frame) => SIDE + (frame / state.frames) * (width - 2 * SIDE);
      this.drawColumns(pen, ink, place, width);
      this.drawRange(pen, ink, place);
      this.drawAxis(pen, ink, place, width);
      this.drawNeedle(pen, ink, place(0.5 + (this.ahead ?? state.position)));
    },
    drawColumns(pen, ink, place, width) {
      const columns = Uint8Array.from(atob(this.state.columns), (c) => c.charCodeAt(0));
      const left = (i) => place((i * this.state.frames) / columns.length);
      pen.globalAlpha = 0.13;
      pen.fillStyle = ink;
      pen.fillRect(SIDE, MIDDLE, width - 2 * SIDE, LOW - MIDDLE);
      pen.globalAlpha = 1;
      for (let from = 0; from < columns.length; ) {
        const kind = columns[from] & 3;
        let to = from + 1;
        while (to < columns.length && (columns[to] & 3) === kind) to += 1;
        if (kind) this.drawSpan(pen, kind, left(from), left(to));
        from = to;
      }
      columns.forEach((column, i) => {
        const wide = left(i + 1) - left(i);
        if (column & UNCERTAIN) {
          pen.fillStyle = AMBER;
          pen.fillRect(left(i), TOP + 3, Math.max(wide, 1.5), MIDDLE - TOP - 5);
        }
        if (column & PROMPT) this.drawDiamond(pen, ink, left(i) + wide / 2);
      });
    },
    drawSpan(pen, kind, from, to) {
      pen.fillStyle = FILL[kind];
      pen.globalAlpha = kind === TRACKED ? 0.75 : 1;
      pen.fillRect(from, MIDDLE, Math.max(to - from, 1), LOW - MIDDLE);
      pen.globalAlpha = 1;
      if (kind !== REJECTED) return;
      pen.save();
      pen.beginPath();
      pen.rect(from, MIDDLE, to - from, LOW - MIDDLE);
      pen.clip();
      pen.strokeStyle = 'rgba(255, 255, 255, 0.65)';
      pen.lineWidth = 1.5;
      pen.beginPath();
      for (let x = from - (LOW - MIDDLE); x < to; x += 6) {
        pen.moveTo(x, LOW);
        pen.lineTo(x + LOW - MIDDLE, MIDDLE);
      }
      pen.stroke();
      pen.restore();
    },
    drawDiamond(pen, ink, x) {
      pen.fillStyle = ink;
      pen.beginPath();
      pen.moveTo(x, LOW + 2);
      pen.lineTo(x + 4, LOW + 6);
      pen.lineTo(x, LOW + 10);
      pen.lineTo(x - 4, LOW + 6);
      pen.fill();
    },
    drawRange(pen, ink, place) {
      const [first, last] = this.state.range;
      pen.strokeStyle = ink;
      pen.lineWidth = this.state.marked ? 2 : 1;
      pen.setLineDash(this.state.marked ? [] : [3, 3]);
      const from = place(first), to = place(last + 1);
      pen.strokeRect(from, MIDDLE - 1.5, Math.max(to - from, 1), LOW - MIDDLE + 3);
      pen.setLineDash([]);
    },
    drawAxis(pen, ink, place, width) {
      const rough = this.state.frames / Math.max(width / 110, 1);
      const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
      const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
      pen.fillStyle = ink;
      pen.globalAlpha = 0.6;
      pen.font = '11px system-ui, sans-serif';
      pen.textBaseline = 'top';
      for (let frame = 0; frame < this.state.frames; frame += step) {
        const x = place(frame + 0.5);
        pen.textAlign = frame ? 'center' : 'left';
        pen.fillText(String(frame), frame ? x : SIDE, AXIS);
      }
      pen.globalAlpha = 1;
    },
    drawNeedle(pen, ink, x) {
      pen.fillStyle = ink;
      pen.fillRect(x - 1, TOP - 2, 2, LOW - TOP + 6);
      pen.beginPath();
      pen.moveTo(x - 5, TOP - 6);
      pen.lineTo(x + 5, TOP - 6);
      pen.lineTo(x, TOP + 3);
      pen.fill();
    },
  },
};
