# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a training tells while it runs: a log of JSON lines, TensorBoard, sheets of predictions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from torch.utils.tensorboard import SummaryWriter

from surgsam2_ros.drawing import DrawnTrack, contact_sheet, draw_contour, draw_overlay
from surgsam2_ros.training.clips import IMAGENET_MEAN, IMAGENET_STD, TrainingClip
from surgsam2_ros.training.export import replacing

LOG_STEPS = 20
TRUTH_COLOUR = (255, 255, 255)
SHEET_COLUMNS = 4


@dataclass(frozen=True)
class Status:
    """How far a training is.

    Attributes:
        step: steps taken.
        progress: of the whole training, in [0, 1].
        seconds_left: estimate; None in the first step.
        terms: of the loss in the last step.
        scores: of the last validation, empty before the first.
        message: something that happened just now, to be told once; else empty.
    """

    step: int
    progress: float
    seconds_left: float | None
    terms: Mapping[str, float]
    scores: Mapping[str, float]
    message: str = ''

    @property
    def loss(self) -> float:
        """Sum of the weighted terms."""
        return sum(value for name, value in self.terms.items() if name != 'gradient')


Report = Callable[[Status], None]


class TrainingLog:
    """Writes `log.jsonl`, `tensorboard/` and `validation/` of an output folder.

    Args:
        output: folder of the training.
        step: the log goes on from here; what it says of later steps, taken by an interrupted
            training, is removed.
    """

    def __init__(self, output: Path, step: int = 0):
        self._path, self._sheets = output / 'log.jsonl', output / 'validation'
        if self._path.exists():
            lines = self._path.read_text(encoding='utf-8').splitlines(keepends=True)
            with replacing(self._path) as unfinished:
                unfinished.write_text(''.join(line for line in lines if _step(line) <= step))
        self._board = SummaryWriter(str(output / 'tensorboard'), purge_step=step + 1)
        self._recent: list[Mapping[str, float]] = []

    def step(self, step: int, minutes: float, terms: Mapping[str, float], rate: float) -> None:
        """Note the loss terms of a step; every so many steps their mean is written.

        Args:
            step: steps taken.
            minutes: of training so far.
            terms: of this step.
            rate: the learning rate.
        """
        self._recent.append(terms)
        if step % LOG_STEPS == 0:
            count = len(self._recent)
            means = {name: sum(t[name] for t in self._recent) / count for name in terms}
            self._recent = []
            self._write(step, minutes, {**means, 'learning_rate': rate}, 'train')

    def validated(
        self, step: int, minutes: float, scores: Mapping[str, float], sheet: np.ndarray | None
    ) -> None:
        """Write the scores of a validation and its sheet, uint8 [H, W, 3] RGB."""
        self._write(step, minutes, scores, 'validation')
        if sheet is None:
            return
        self._board.add_image('validation/predictions', sheet, step, dataformats='HWC')
        self._sheets.mkdir(exist_ok=True)
        encoded = cv2.imencode('.jpg', sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1]
        with replacing(self._sheets / f'step_{step:06d}.jpg') as unfinished:
            unfinished.write_bytes(encoded.tobytes())

    def close(self) -> None:
        """Write what is buffered."""
        self._board.close()

    def _write(self, step: int, minutes: float, values: Mapping[str, float], group: str) -> None:
        numbers = {name: float(f'{value:.5g}') for name, value in values.items()}
        line = {'step': step, 'minutes': round(minutes, 2), **numbers}
        with self._path.open('a', encoding='utf-8') as file:
            file.write(json.dumps(line) + '\n')
        for name, value in values.items():
            self._board.add_scalar(f'{group}/{name.replace(" ", "_")}', value, step)
        self._board.flush()


def _step(line: str) -> float:
    """Read the number of the step of a log line; infinite for a line that was cut off."""
    try:
        return int(json.loads(line)['step'])
    except (ValueError, KeyError, TypeError):
        return float('inf')


def prediction_tiles(
    clip: TrainingClip, masks: np.ndarray, scores: np.ndarray
) -> list[tuple[np.ndarray, str]]:
    """Draw predictions over some frames of a clip, with the truth as white outlines.

    Args:
        clip: the clip.
        masks: bool [N, T, S, S], predicted.
        scores: float [N, T], the IoU of each.

    Returns:
        SHEET_COLUMNS images uint8 [S, S, 3] with their captions.
    """
    frames = np.linspace(0, masks.shape[1] - 1, SHEET_COLUMNS).round().astype(int)
    tiles = []
    for frame in frames:
        picture = np.asarray(clip.images[frame]).transpose(1, 2, 0) * IMAGENET_STD + IMAGENET_MEAN
        picture = np.clip(picture * 255.0, 0, 255).round().astype(np.uint8)
        side = max(1, round(320 / len(picture)))  # thin lines on small pictures
        picture = picture.repeat(side, axis=0).repeat(side, axis=1)

        def enlarged(mask: np.ndarray, side: int = side) -> np.ndarray:
            return np.asarray(mask).repeat(side, axis=0).repeat(side, axis=1)

        tracks = [
            DrawnTrack(str(number + 1), number + 1, enlarged(mask))
            for number, mask in enumerate(masks[:, frame])
        ]
        picture = draw_overlay(picture, tracks, opacity=0.4, labels=False)
        for truth in clip.masks[:, frame]:
            draw_contour(picture, enlarged(truth), TRUTH_COLOUR, halo=False)
        name = clip.names[frame] if clip.names else f'frame {frame}'
        tiles.append((picture, f'{name}  J {scores[:, frame].mean():.2f}'))
    return tiles


def prediction_sheet(tiles: list[tuple[np.ndarray, str]], title: str) -> np.ndarray | None:
    """Arrange drawn frames, one clip per row, uint8 [H, W, 3]; None without any."""
    if not tiles:
        return None
    images, captions = zip(*tiles, strict=True)
    captions = [caption.encode('ascii', 'replace').decode() for caption in captions]
    return contact_sheet(images, captions, columns=SHEET_COLUMNS, tile_width=320, title=title)
