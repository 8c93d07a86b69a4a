# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures for reports: a cut-out of a frame with the outlines of truth and prediction."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path

import cv2
import numpy as np

from surgsam2_ros.drawing import draw_contour, instance_colour
from surgsam2_ros.evaluation.records import RunRecord
from surgsam2_ros.evaluation.runs.attempts import predictions_folder
from surgsam2_ros.evaluation.runs.inputs import videos_of_run
from surgsam2_ros.evaluation.runs.label_writer import ALL
from surgsam2_ros.evaluation.runs.video import EvaluationVideo
from surgsam2_ros.sources import SourceError, read_label_png

TRUTH_COLOUR = (255, 255, 255)
_ASPECT = 4 / 3
_WIDTH = 640
_LINE = 2
_MARGIN = 1.6  # width of a cut-out in widths of what it shows
_SMALLEST = 0.3  # and at least in widths of the image: so that one sees where it is
_QUALITY = 82


class RunPictures:
    """Images, truth and predictions of a run, read where the run left them.

    Use it in a `with` statement. Asking in the order of videos and frames is fast.
    """

    def __init__(self, output: Path, run: RunRecord) -> None:
        """Find the videos of a run.

        Args:
            output: folder of the run.
            run: its record.

        Raises:
            SourceError: when the inputs of the run are not where they were.
            OSError: when they cannot be read.
        """
        self._output = output
        self._videos = videos_of_run(run)
        self._opened: EvaluationVideo | None = None

    def image(self, video: str, index: int) -> np.ndarray:
        """Return a frame, uint8 [H, W, 3] RGB.

        Raises:
            SourceError: when the video is not there any more or cannot be read.
        """
        return self._open(video).image(index)

    def truth(self, video: str, object_id: int, index: int) -> np.ndarray:
        """Return the true mask of an object, bool [H, W], empty without a truth for the frame."""
        return self.labels(video, index) == object_id

    def labels(self, video: str, index: int) -> np.ndarray:
        """Return the true label image, uint8 [H, W], empty without a truth for the frame."""
        found = self._open(video)
        labels = found.truth(index)
        return np.zeros(found.size, np.uint8) if labels is None else labels

    def prediction(self, video: str, through: str, object_id: int, index: int) -> np.ndarray:
        """Return the predicted mask of an object, bool [H, W], empty without a result."""
        return self.predictions(video, through, index, f'{object_id:03d}') == object_id

    def predictions(self, video: str, through: str, index: int, folder: str = ALL) -> np.ndarray:
        """Return a predicted label image, uint8 [H, W], of all objects or one; empty without."""
        found = self._open(video)
        path = label_path(self._output, video, through, folder, found.stems[index])
        return read_label_png(path) if path.exists() else np.zeros(found.size, np.uint8)

    def _open(self, name: str) -> EvaluationVideo:
        if self._opened is None or self._opened.name != name:
            self.close()
            if name not in self._videos:
                raise SourceError(f'the video {name} is no longer in the input of the run')
            self._opened = self._videos[name].open()
        return self._opened

    def close(self) -> None:
        """Close the video that was read last."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def __enter__(self) -> RunPictures:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def label_path(output: Path, video: str, through: str, folder: str, stem: str) -> Path:
    """Path of a label image of a run.

    Args:
        output: folder of the run.
        video, through: whose.
        folder: object id with three digits, or 'all'.
        stem: of the frame.
    """
    return predictions_folder(output, through) / video / folder / f'{stem}.png'


def cut_out(masks: Iterable[np.ndarray], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Choose the part of an image that shows masks and what is around them.

    Args:
        masks: bool [H, W]; the whole image is shown when all are empty.
        size: (H, W) of the image.

    Returns:
        (left, top, width, height), of four to three where the image is large enough, inside it.
    """
    height, width = size
    union = np.zeros(size, np.uint8)
    for mask in masks:
        union |= mask.astype(np.uint8)
    x, y, w, h = cv2.boundingRect(union)
    if not w:
        return 0, 0, width, height
    wanted = max(_MARGIN * w, _MARGIN * h * _ASPECT, _SMALLEST * width)
    columns = min(round(wanted), width)
    rows = min(round(wanted / _ASPECT), height)
    left = min(max(x + w // 2 - columns // 2, 0), width - columns)
    top = min(max(y + h // 2 - rows // 2, 0), height - rows)
    return left, top, columns, rows


def draw_outlines(
    rgb: np.ndarray,
    truth: np.ndarray,
    predictions: Mapping[tuple[int, int, int], np.ndarray],
    part: tuple[int, int, int, int],
    width: int = _WIDTH,
) -> np.ndarray:
    """Draw a part of an image with a white truth and predictions in their colours.

    Args:
        rgb: uint8 [H, W, 3].
        truth: bool [H, W].
        predictions: bool [H, W] by RGB colour.
        part: (left, top, width, height), see `cut_out`.
        width: of the picture in pixels.

    Returns:
        uint8 [height, width, 3] RGB.
    """
    left, top, columns, rows = part
    size = (width, round(width * rows / columns))
    place = (slice(top, top + rows), slice(left, left + columns))
    shrinks = columns > width
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    canvas = cv2.resize(np.ascontiguousarray(rgb[place]), size, interpolation=way)
    enlarged = {colour: _enlarged(mask[place], size) for colour, mask in predictions.items()}
    for colour, mask in enlarged.items():
        canvas[mask] = (0.8 * canvas[mask] + 0.2 * np.array(colour)).astype(np.uint8)
    draw_contour(canvas, _enlarged(truth[place], size), TRUTH_COLOUR, thickness=_LINE)
    for colour, mask in enlarged.items():
        draw_contour(canvas, mask, colour, thickness=_LINE)
    return canvas


def prediction_colour(object_id: int) -> tuple[int, int, int]:
    """RGB colour of an object's outline: that of overlays, where it is not the truth's white."""
    colour = instance_colour(object_id)
    return (255, 120, 90) if min(colour) > 200 else colour


def data_uri(rgb: np.ndarray) -> str:
    """Return a picture uint8 [H, W, 3] as a JPEG inside a URI."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    _, content = cv2.imencode('.jpg', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), quality)
    return f'data:image/jpeg;base64,{base64.b64encode(content.tobytes()).decode()}'


def _enlarged(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5
