// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// Receives pictures over the WebSocket that surgsam2_ros/console/pixel_stream.py describes.

import { decodeRuns } from './runs.js';

const RATE_WINDOW_MS = 2000;
const LONGEST_PAUSE_MS = 4000;
const PATIENCE_MS = 5000; // the server says something every second

/** Pictures of one camera; opens the connection again whenever it breaks. */
export class PictureStream {
  /**
   * @param {{page: string, live: boolean}} settings key of this page, and whether pictures come by
   *   themselves.
   * @param {(picture: object) => void} onPicture is given each picture.
   * @param {(trouble: {kind: string, text: string} | null) => void} onTrouble is told what is wrong:
   *   kind 'lost' (no server), 'silent' (no picture comes) or 'problem'; null: nothing is.
   */
  constructor({ page, live }, onPicture, onTrouble) {
    this.page = page;
    this.live = live;
    this.onPicture = onPicture;
    this.onTrouble = onTrouble;
    this.camera = null;
    this.socket = null;
    this.held = false;
    this.waiting = null; // what came while the picture was held
    this.pause = 250;
    this.arrivals = [];
    this.heard = 0;
    setInterval(() => this.#listenForSilence(), 1000);
    document.addEventListener('visibilitychange', () => this.#resume());
    window.addEventListener('online', () => this.open(this.camera));
  }

  /** Look at a camera. */
  open(camera) {
    clearTimeout(this.timer);
    this.camera = camera;
    this.waiting = null;
    this.arrivals = [];
    this.socket?.close();
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const path = `/pixels/${encodeURIComponent(camera)}?page=${encodeURIComponent(this.page)}`;
    const socket = new WebSocket(`${scheme}://${location.host}${path}`);
    socket.binaryType = 'arraybuffer';
    socket.onmessage = (event) => this.#receive(socket, event.data);
    socket.onclose = (event) => this.#lost(socket, event);
    this.heard = performance.now();
    this.socket = socket;
  }

  /** Let the picture stand still, or go on. */
  hold(held) {
    this.held = held;
    this.#resume();
  }

  /** Pictures per second that were shown lately. */
  rate() {
    const now = performance.now();
    this.arrivals = this.arrivals.filter((time) => now - time < RATE_WINDOW_MS);
    return (this.arrivals.length * 1000) / RATE_WINDOW_MS;
  }

  #receive(socket, data) {
    if (socket !== this.socket) return;
    this.heard = performance.now();
    this.pause = 250;
    if (typeof data === 'string') {
      const message = JSON.parse(data);
      if (message.problem) this.onTrouble({ kind: 'problem', text: message.problem });
      else if (this.live && message.waiting >= 2) {
        const seconds = Math.round(message.waiting);
        this.onTrouble({ kind: 'silent', text: `No new picture for ${seconds} s` });
      }
      return;
    }
    this.waiting = { socket, data };
    this.#resume();
  }

  /** Show what waits, unless nobody can see it or the picture is held. */
  async #resume() {
    if (this.held || document.hidden || !this.waiting) return;
    const { socket, data } = this.waiting;
    this.waiting = null;
    const picture = await decodePicture(data, this.camera);
    if (socket !== this.socket) return;
    if (this.held) {
      this.waiting = { socket, data };
      return;
    }
    if (socket.readyState === WebSocket.OPEN) socket.send(String(picture.serial));
    this.arrivals.push(performance.now());
    this.onTrouble(null);
    this.onPicture(picture);
  }

  #lost(socket, event) {
    if (socket !== this.socket) return;
    if (event.code === 4404) {
      this.onTrouble({ kind: 'problem', text: event.reason });
      return;
    }
    this.onTrouble({ kind: 'lost', text: 'Connection lost – trying to reach the console again' });
    this.timer = setTimeout(() => this.open(this.camera), this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
  }

  /** A connection may be dead without having been closed, as after a sleep. */
  #listenForSilence() {
    const standsStill = this.held || document.hidden || this.waiting;
    if (standsStill || this.socket?.readyState !== WebSocket.OPEN) {
      this.heard = performance.now();
    } else if (performance.now() - this.heard > PATIENCE_MS) {
      this.onTrouble({ kind: 'lost', text: 'Connection lost – trying to reach the console again' });
      this.open(this.camera);
    }
  }
}

/** Take a message apart. */
async function decodePicture(data, camera) {
  const length = new DataView(data).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  const jpeg = new Uint8Array(data, 4 + length, header.jpeg);
  const bitmap = await createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' }));
  const runBytes = new Uint8Array(data, 4 + length + header.jpeg, header.labels);
  const tracked = header.labels ? decodeRuns(runBytes, header.width * header.height) : null;
  return { ...header, camera, bitmap, labels: tracked?.labels ?? null, runs: tracked?.runs ?? [] };
}
