// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// Keys, and buttons with `data-command`: both name a command of the page.

const KEYS = {
  Enter: 'send',
  Escape: 'drop',
  ' ': 'freeze',
  n: 'new',
  p: 'tool:prompt',
  o: 'tool:off',
  b: 'tool:brush',
  e: 'tool:eraser',
  m: 'tool:move',
  '[': 'brush:smaller',
  ']': 'brush:larger',
  v: 'mode:next',
  '+': 'zoom:in',
  '=': 'zoom:in',
  '-': 'zoom:out',
  0: 'zoom:fit',
  f: 'mend',
  F: 'fullscreen',
  u: 'undo',
  Delete: 'remove',
  Backspace: 'remove',
  l: 'lock',
  r: 'rename',
  d: 'theme',
  '?': 'help',
  '.': 'use',
  ',': 'use:off',
  c: 'corner',
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Listen to keys and buttons.
 * @param {HTMLCanvasElement} canvas on which arrows move the crosshair.
 * @param {(command: string, argument?: string) => void} run
 * @param {(dx: number, dy: number, fine: boolean) => void} moveCrosshair
 */
export function listenToKeys(canvas, run, moveCrosshair) {
  window.addEventListener('keydown', (event) => {
    const { target, key } = event;
    if (event.defaultPrevented || target.closest('input, textarea, select, [contenteditable], dialog'))
      return;
    if (target.closest('button, a, summary, [role=button]') && (key === 'Enter' || key === ' ')) return;
    let done = true;
    if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === 'z') run('undo');
    else if (event.ctrlKey || event.metaKey || event.altKey) done = false;
    else if (ARROWS[key] && document.activeElement === canvas)
      moveCrosshair(...ARROWS[key], event.shiftKey);
    else if (key >= '1' && key <= '9') run('select:number', key);
    else if (KEYS[key]) run(KEYS[key]);
    else done = false;
    if (done) event.preventDefault();
  });

  // A click on a button leaves the keys where they were.
  document.addEventListener('pointerdown', (event) => {
    if (event.target.closest('[data-command]')) event.preventDefault();
  });
  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-command]');
    if (button) {
      run(button.dataset.command, button.closest('[data-object]')?.dataset.object);
      return;
    }
    const row = event.target.closest('[data-object]');
    if (row && !event.target.closest('input, button, select')) run('select', row.dataset.object);
  });
}
