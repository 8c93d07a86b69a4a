// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// Asks the server to do something, and waits for its answer.

const PATIENCE_MS = 60000;

/** The answer was a refusal, or none came; the message is a sentence for the operator. */
export class Refused extends Error {}

/** Calls over NiceGUI's connection; `surgsam2_ros/console/calls.py` answers them. */
export class Server {
  constructor() {
    this.calls = new Map();
    this.number = 0;
  }

  /** Whether something can be asked now; what is asked later would come too late. */
  get isThere() {
    return Boolean(window.socket?.connected);
  }

  /**
   * Ask for something.
   * @param {string} action that calls.py knows.
   * @param {object} content
   * @returns {Promise<object>} the answer; rejected with Refused.
   */
  ask(action, content = {}) {
    if (!this.isThere) {
      return Promise.reject(new Refused('The console is not connected, so nothing was sent.'));
    }
    this.number += 1;
    const { number } = this;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.calls.delete(number);
        reject(new Refused('The console did not answer; look whether it was done.'));
      }, PATIENCE_MS);
      this.calls.set(number, { resolve, reject, timer });
      window.emitEvent('operator_call', { number, action, content });
    });
  }

  /** Take an answer; called by the server. */
  answer(number, { problem, ...content }) {
    const call = this.calls.get(number);
    this.calls.delete(number);
    clearTimeout(call?.timer);
    if (problem) call?.reject(new Refused(problem));
    else call?.resolve(content);
  }
}
