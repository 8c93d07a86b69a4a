# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What `surgsam2 detect` writes of the instruments it found: pictures, a video, a list."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from surgsam2_ros.commands import CommandError
from surgsam2_ros.drawing import contact_sheet, draw_proposals
from surgsam2_ros.sources.video_output import VideoOutput

if TYPE_CHECKING:
    from surgsam2_ros.tracking import Proposal

_TILES = 24  # of a sheet
_PICTURES, _LIST, _VIDEO = ('.png', '.jpg', '.jpeg'), '.json', '.mp4'


class DetectionWriter:
    """Writes what was found, in the form that the name of the output asks for.

    Args:
        output: .json, .png, .jpg, .mp4 or a folder; None prints a line per frame.
        count: frames that will be added, at least 1.
        rate_hz: of a video.

    Attributes:
        frames: added so far.

    Raises:
        CommandError: for another suffix.
    """

    def __init__(self, output: Path | None, count: int, rate_hz: float) -> None:
        self.frames = 0
        self._output, self._count = output, count
        self._list: list[dict[str, Any]] = []
        self._tiles: list[np.ndarray] = []
        self._captions: list[str] = []
        self._suffix = '' if output is None else output.suffix.lower()
        if self._suffix and self._suffix not in (*_PICTURES, _LIST, _VIDEO):
            raise CommandError(
                f'--output {output} is of no known kind; name it .json, .png, .jpg or .mp4, or a '
                'folder without a dot'
            )
        self._video = VideoOutput(output, rate_hz) if self._suffix == _VIDEO else None
        chosen = np.linspace(0, count - 1, min(_TILES, count)).round().astype(int)
        self._shown = set(chosen.tolist())
        if output is not None:
            folder = output.parent if self._suffix else output
            folder.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, rgb: np.ndarray, proposals: Sequence[Proposal]) -> None:
        """Take the next frame."""
        index, self.frames = self.frames, self.frames + 1
        if self._output is None:
            boxes = ' '.join(f'{p.score:.2f} {tuple(round(v) for v in p.box)}' for p in proposals)
            print(f'{name}: {boxes or "nothing"}')
            return
        self._list.append(
            {
                'frame': name,
                'instruments': [
                    {'box': [round(v, 1) for v in p.box], 'score': round(p.score, 4)}
                    for p in proposals
                ],
            }
        )
        if self._suffix == _LIST:
            return
        if self._video is not None:
            self._video.write(draw_proposals(rgb, proposals))
        elif not self._suffix:
            _save(self._output / f'{name}.png', draw_proposals(rgb, proposals))
        elif index in self._shown:
            self._tiles.append(draw_proposals(rgb, proposals))
            self._captions.append(name)

    def __enter__(self) -> DetectionWriter:
        return self

    def __exit__(self, kind: type | None, *exception: object) -> None:
        """Write what is written at the end, unless something failed."""
        if self._video is not None:
            self._video.__exit__(kind, *exception)
        elif kind is None:
            self._close()

    def _close(self) -> None:
        if self._suffix == _LIST:
            self._output.write_text(json.dumps(self._list, indent=1) + '\n', encoding='utf-8')
        elif self._tiles:
            one = len(self._tiles) == 1
            sheet = self._tiles[0] if one else contact_sheet(self._tiles, self._captions)
            _save(self._output, sheet)
        elif self._output is not None:
            text = json.dumps(self._list, indent=1) + '\n'
            (self._output / 'detections.json').write_text(text, encoding='utf-8')


def _save(path: Path, rgb: np.ndarray) -> None:
    if not cv2.imwrite(str(path), rgb[..., ::-1]):
        raise CommandError(f'{path} cannot be written; name a .png or .jpg in a folder of yours')
