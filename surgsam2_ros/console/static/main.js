// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// Puts the page's parts together once NiceGUI has made its elements.

import { Board } from './board.js';
import { showState, showStatus } from './controls.js';
import { Gestures } from './gestures.js';
import { listenToKeys } from './keyboard.js';
import { Painter } from './painter.js';
import { Server } from './server.js';
import { Sparklines } from './sparklines.js';
import { PictureStream } from './stream.js';
import { stepAside, toast } from './toasts.js';
import { View } from './view.js';

function start(canvas) {
  const settings = JSON.parse(canvas.dataset.settings);
  const server = new Server();
  const view = new View();
  const sparklines = new Sparklines();
  const painter = new Painter(canvas, view, settings.palette, settings.classColours);
  let board = null;
  const stream = new PictureStream(
    settings,
    (picture) => {
      board.show(picture);
      sparklines.add(picture);
    },
    showTrouble,
  );
  const tell = (text, isProblem = false) => toast(text, { isProblem });
  board = new Board({ view, painter, stream, server, tell }, () => showState(board));

  const commands = {
    send: () => board.send(),
    drop: () => board.drop(),
    undo: () => board.undo(),
    freeze: () => board.freeze(),
    new: () => board.select(null),
    select: (objectId) => board.select(objectId),
    'select:number': (number) => board.selectNumber(Number(number)),
    mend: (objectId) => (objectId ? board.mend(objectId) : board.mendNext()),
    remove: (objectId) => board.remove(objectId),
    lock: (objectId) => board.lock(objectId),
    rename: () => document.querySelector(`${selectedRow(board)} .name-input`)?.select(),
    'mode:next': () => board.nextMode(),
    'brush:smaller': () => board.growBrush(1 / 1.25),
    'brush:larger': () => board.growBrush(1.25),
    'zoom:in': () => zoom(board, canvas, 1.4),
    'zoom:out': () => zoom(board, canvas, 1 / 1.4),
    'zoom:fit': () => {
      view.fit();
      board.viewChanged();
    },
    use: () => board.useTool(),
    'use:off': () => board.useTool(0),
    corner: () => board.setCorner(),
    fullscreen: toggleFullscreen,
    theme: toggleTheme,
    help: () => toggleHelp(),
  };
  for (const tool of ['prompt', 'off', 'brush', 'eraser', 'move']) {
    commands[`tool:${tool}`] = () => board.setTool(tool);
  }
  for (const mode of ['overlay', 'outlines', 'labels', 'none']) {
    commands[`mode:${mode}`] = () => board.setMode(mode);
  }
  const run = (command, argument) => commands[command]?.(argument);
  listenToKeys(canvas, run, (dx, dy, fine) => board.moveCrosshair(dx, dy, fine));
  new Gestures(canvas, view, board);
  stepAside(canvas);
  setInterval(() => showStatus(board), 500);

  /** What the server and tests call. */
  window.operatorPage = {
    answer: (number, content) => server.answer(number, content),
    toast,
    board,
    look(camera) {
      board.startAnew();
      sparklines.clear();
      stream.open(camera);
    },
  };
  stream.open(settings.camera);
  showState(board);
  canvas.focus({ preventScroll: true });
}

const selectedRow = (board) => `.instrument[data-object=${CSS.escape(board.selected ?? '')}]`;

function zoom(board, canvas, factor) {
  const centre = board.painter.crosshair;
  const place = centre
    ? board.view.toCanvas(centre)
    : { x: canvas.width / 2, y: canvas.height / 2 };
  board.view.zoomAt(place, factor);
  board.viewChanged();
}

function showTrouble(trouble) {
  const message = document.getElementById('trouble');
  message.hidden = !trouble;
  message.dataset.kind = trouble?.kind ?? '';
  message.textContent = trouble?.text ?? '';
}

function toggleFullscreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.().catch(() => {});
}

/** Light or dark, kept in this browser. */
function toggleTheme() {
  const dark = !document.body.classList.contains('body--dark');
  localStorage.setItem('console-theme', dark ? 'dark' : 'light');
  window.Quasar.Dark.set(dark);
}

function toggleHelp() {
  const help = document.getElementById('help');
  if (help.open) help.close();
  else help.showModal();
}

function waitForPage() {
  const canvas = document.getElementById('picture');
  if (!canvas || !window.socket) {
    requestAnimationFrame(waitForPage);
    return;
  }
  const theme = localStorage.getItem('console-theme');
  if (theme) window.Quasar.Dark.set(theme === 'dark');
  start(canvas);
}

waitForPage();
