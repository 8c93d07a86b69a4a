// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// Shows the board's state on buttons, in the status line and over the picture.

const byId = (id) => document.getElementById(id);

/** Bring everything that shows the board's state up to date. */
export function showState(board) {
  const { draft, painter, stream } = board;
  const pressed = new Set([`tool:${board.tool}`, `mode:${painter.mode}`]);
  if (board.frozen) pressed.add('freeze');
  for (const button of document.querySelectorAll('[data-command]')) {
    const isPressed = pressed.has(button.dataset.command);
    if (isPressed !== (button.ariaPressed === 'true')) button.ariaPressed = String(isPressed);
  }
  markSelected(board.selected);

  const stage = byId('stage');
  stage.dataset.tool = board.tool;
  stage.classList.toggle('frozen', board.frozen);
  stage.classList.toggle('brushing', board.tool === 'brush' || board.tool === 'eraser');
  byId('pending').hidden = draft.isEmpty;
  byId('pending').classList.toggle('sent', draft.sent);
  if (!draft.isEmpty) byId('pending-text').textContent = describeDraft(board);
  byId('hint').hidden = !board.hint;
  byId('hint').textContent = board.hint;
  byId('brush-text').textContent = `${Math.round(board.radius * 2)} px`;
  showStatus(board, stream);
}

/** Bring the status line up to date: rate, latency, stamp, and whether the picture stands. */
export function showStatus(board) {
  const { picture, stream } = board;
  if (!picture) return;
  const stands = board.frozen ? 'Frozen' : stream.held ? 'Held' : stream.live ? 'Live' : '';
  byId('status').dataset.stands = stands;
  byId('status-stands').textContent = stands;
  const facts = [];
  if (stands === 'Live' && stream.rate() > 0) facts.push(`${Math.round(stream.rate())} fps`);
  if (picture.latency_ms) facts.push(`${Math.round(picture.latency_ms)} ms`);
  if (picture.frame_index >= 0) facts.push(`frame ${picture.frame_index}`);
  facts.push(describeStamp(picture.stamp_ns));
  if (board.view.zoom > 1) facts.push(`${Math.round(board.view.zoom * 100)} %`);
  byId('status-text').textContent = facts.join('  ·  ');
}

function describeDraft(board) {
  const { draft, preview } = board;
  const { points, box, mask } = draft.now;
  const known = board.picture?.instruments.find((each) => each.object_id === draft.objectId);
  const parts = [];
  if (points.length) parts.push(points.length === 1 ? '1 point' : `${points.length} points`);
  if (box) parts.push('box');
  if (mask) parts.push('mask');
  let text = `${known?.name ?? draft.objectId ?? 'New instrument'}: ${parts.join(' + ')}`;
  if (board.sending) text += ' – sending…';
  else if (draft.sent) text += ' – sent';
  else if (preview?.problem) text += ` – no preview: ${preview.problem}`;
  else if (preview) text += ` – preview ${preview.score.toFixed(2)}`;
  return text;
}

/** The time of day for stamps since 1970, else seconds. */
function describeStamp(text) {
  const stamp = BigInt(text);
  const milliseconds = Number(stamp / 1000000n);
  if (stamp < 10n ** 17n) return `${(milliseconds / 1000).toFixed(3)} s`;
  const time = new Date(milliseconds);
  const rest = String(time.getMilliseconds()).padStart(3, '0');
  return `${time.toLocaleTimeString('en-GB')}.${rest}`;
}

/** The row of the selected instrument is marked by a rule of its own: rows come and go. */
function markSelected(objectId) {
  let rule = byId('selected-rule');
  if (!rule) {
    rule = Object.assign(document.createElement('style'), { id: 'selected-rule' });
    document.head.append(rule);
  }
  if (rule.dataset.of === (objectId ?? '')) return;
  rule.dataset.of = objectId ?? '';
  const row = objectId === null ? '.new-instrument' : `.instrument[data-object=${CSS.escape(objectId)}]`;
  rule.textContent =
    `${row} { background: var(--selected); box-shadow: inset 3px 0 var(--accent); }` +
    `${row} .details { display: grid; }`;
}
