// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// Sentences that come and go. They never take a click that is meant for the picture under them.

const SHOWN_MS = { notice: 5000, problem: 12000 };
const MOST = 4;

/** Show a sentence; the same one again only takes its place. */
export function toast(text, { author = '', isProblem = false } = {}) {
  const list = document.getElementById('toasts');
  if (!list) return;
  [...list.children].find((each) => each.dataset.text === author + text)?.remove();
  const entry = document.createElement('div');
  entry.className = isProblem ? 'toast problem' : 'toast';
  entry.dataset.text = author + text;
  if (isProblem) entry.setAttribute('role', 'alert');
  if (author) {
    const name = document.createElement('b');
    name.textContent = author;
    entry.append(name, ' ');
  }
  entry.append(text);
  list.append(entry);
  list.classList.remove('aside'); // until the pointer moves there again
  while (list.children.length > MOST) list.firstChild.remove();
  setTimeout(() => entry.remove(), SHOWN_MS[isProblem ? 'problem' : 'notice']);
}

/** Let what lies under the sentences be seen while the pointer is there. */
export function stepAside(canvas) {
  const follow = ({ clientX: x, clientY: y }) => {
    const list = document.getElementById('toasts');
    if (!list) return;
    const box = list.getBoundingClientRect();
    const covers = x >= box.left && x < box.right && y >= box.top && y < box.bottom;
    list.classList.toggle('aside', covers);
  };
  canvas.addEventListener('pointermove', follow);
  canvas.addEventListener('pointerdown', follow);
  canvas.addEventListener('pointerleave', () => {
    document.getElementById('toasts')?.classList.remove('aside');
  });
}
