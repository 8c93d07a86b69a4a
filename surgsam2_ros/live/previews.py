# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How long an operator waits for a preview: one asked of the node every second while it tracks.

As a program it is the one that asks, in a process of its own as the operator's page is:

    python -m surgsam2_ros.live.previews /surgsam2 image.png

prints a JSON line for each answer, when it was asked for [ns, system's clock] and how long it took
[ms], until it is terminated.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from surgsam2_ros.live import LiveError

if TYPE_CHECKING:
    import numpy as np

PERIOD_S = 1.0
_ANSWER_S = 10.0


class AnsweredPreview(NamedTuple):
    """When it was asked for, by the system's clock [ns], and how long it took [ms]."""

    asked_ns: int
    took_ms: float


class PreviewAsker:
    """Asks a node for previews from another process until it is closed.

    Args:
        node: name of the node, with its namespace.
        image: uint8 [H, W, 3], shown to it with a click into the middle.
        folder: for the image, the answers and the log.
    """

    def __init__(self, node: str, image: np.ndarray, folder: Path) -> None:
        import cv2

        path = folder / 'previewed.png'
        cv2.imwrite(str(path), image)
        self._answers, self._log = folder / 'previews.jsonl', folder / 'previews.log'
        with self._answers.open('w') as answers, self._log.open('w') as log:
            self._process = subprocess.Popen(
                [sys.executable, '-m', __name__, node, str(path)],
                stdin=subprocess.DEVNULL,
                stdout=answers,
                stderr=log,
                start_new_session=True,
            )

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_ANSWER_S)
        self._process.kill()
        self._process.wait()

    def answers(self) -> list[AnsweredPreview]:
        """Return what was answered.

        Raises:
            LiveError: nothing was; tells the end of its log.
        """
        lines = self._answers.read_text().splitlines()
        if not lines:
            said = ''.join(self._log.read_text(errors='replace').splitlines(keepends=True)[-5:])
            raise LiveError(f'no preview was answered: {said.strip() or "it said nothing"}')
        return [AnsweredPreview(*json.loads(line)) for line in lines]


def preview_row(previews: list[AnsweredPreview], first_ns: int, last_ns: int) -> dict[str, Any]:
    """Return the times of those asked for between two stamps, and how many these are."""
    from surgsam2_ros.benchmarks.through_node import spread

    took = [p.took_ms for p in previews if first_ns <= p.asked_ns <= last_ns]
    return {'previews': len(took), 'preview_ms': spread(took)}


def ask_for_ever(node: str, image: np.ndarray) -> None:
    """Ask for a preview every second and print what comes of it."""
    from surgsam2_ros.nodes.client import SurgSam2Client, SurgSam2Error
    from surgsam2_ros.tracking import Prompt

    height, width = image.shape[:2]
    prompt = Prompt('preview', points=((width / 2, height / 2),), labels=(1,))
    with SurgSam2Client(node, timeout_s=_ANSWER_S) as client:
        while True:
            asked_ns, began = time.time_ns(), time.perf_counter()
            try:
                client.segment(image, [prompt])
            except SurgSam2Error as error:  # while it is not yet active
                sys.stderr.write(f'{error}\n')
            else:
                took_ms = round(1e3 * (time.perf_counter() - began), 3)
                sys.stdout.write(f'{json.dumps([asked_ns, took_ms])}\n')
                sys.stdout.flush()
            took_s = time.perf_counter() - began
            time.sleep(max(PERIOD_S - took_s, 0.0))


if __name__ == '__main__':
    import cv2

    ask_for_ever(sys.argv[1], cv2.imread(sys.argv[2]))
