// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// Label images and masks as runs of equal values, as surgsam2_ros/console/runs.py describes them.

/**
 * Decode a label image and visit its runs.
 * @param {Uint8Array} bytes as the server sends them.
 * @param {number} pixels of the image.
 * @returns {{labels: Uint8Array, runs: {start: number, end: number, value: number}[]}} every pixel,
 *   and the runs that are not background.
 */
export function decodeRuns(bytes, pixels) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(0, true);
  const labels = new Uint8Array(pixels);
  const runs = [];
  let start = 0;
  for (let index = 0; index < count; index += 1) {
    const end = start + view.getUint32(4 + 4 * index, true);
    const value = view.getUint8(4 + 4 * count + index);
    if (value) {
      labels.fill(value, start, end);
      runs.push({ start, end, value });
    }
    start = end;
  }
  return { labels, runs };
}

/** Encode a mask (Uint8Array of 0 and 1) as the text that the server reads. */
export function maskToText(mask) {
  const lengths = [];
  const values = [];
  for (let index = 0; index < mask.length; ) {
    const value = mask[index];
    let end = index + 1;
    while (end < mask.length && mask[end] === value) end += 1;
    lengths.push(end - index);
    values.push(value);
    index = end;
  }
  const bytes = new Uint8Array(4 + 5 * lengths.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, lengths.length, true);
  lengths.forEach((length, index) => view.setUint32(4 + 4 * index, length, true));
  bytes.set(values, 4 + 4 * lengths.length);
  let text = '';
  for (let index = 0; index < bytes.length; index += 8192) {
    text += String.fromCharCode(...bytes.subarray(index, index + 8192));
  }
  return btoa(text);
}

/** Decode what `maskToText` or the server encoded. */
export function textToMask(text, pixels) {
  return decodeRuns(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)), pixels).labels;
}
