# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes a rendered or composed scene with its truth, as a bag or as a folder of images."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from surgsam2_ros.drawing import label_palette
from surgsam2_ros.live.scene_topics import IMAGE_TOPIC, OBJECTS_TOPIC, TRUTH_TOPIC
from surgsam2_ros.sources import BagWriter, write_label_png
from surgsam2_ros.sources.image_encodings import encode_jpeg
from surgsam2_ros.synthesis import ObjectTruth, Scene, frame_truth
from surgsam2_ros.synthesis.composing import LongScene

FRAME_ID = 'endoscope_left_optical'
FIRST_STAMP_NS = 1_700_000_000_000_000_000  # any fixed time, so that equal seeds give equal bags
JPEG_QUALITY = 92


class SceneFileError(OSError):
    """A scene cannot be written where it was to go; the message says why and what to do."""


def write_bag(
    scene: Scene | LongScene,
    path: Path,
    *,
    raw: bool = False,
    overwrite: bool = False,
    on_frame: Callable[[int], None] | None = None,
) -> None:
    """Render a scene into a bag with topics for images, labels, and tips and axes.

    An interrupted run leaves no bag behind: it gets its name when it is complete.

    Args:
        scene: to render.
        path: bag file to write, .mcap or .db3.
        raw: write uncompressed rgb8 images.
        overwrite: replace an existing bag.
        on_frame: called with the number of frames done.

    Raises:
        SceneFileError: when the bag exists.
    """
    if path.exists() and not (overwrite and path.is_file()):
        raise SceneFileError(f'{path} exists already; choose another name or --overwrite')
    unfinished = path.with_name(f'.{path.name}.rendering')  # a bag knows its own file name
    unfinished.mkdir(parents=True, exist_ok=True)
    try:
        with BagWriter(unfinished / path.name, overwrite=True) as bag:
            _record(scene, bag, raw, on_frame)
        (unfinished / path.name).replace(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _record(
    scene: Scene | LongScene, bag: BagWriter, raw: bool, on_frame: Callable[[int], None] | None
) -> None:
    for index, (rgb, labels) in enumerate(scene):
        stamp = {
            'stamp_ns': FIRST_STAMP_NS + round(index * 1e9 / scene.rate_hz),
            'frame_id': FRAME_ID,
        }
        if raw:
            bag.write_image(IMAGE_TOPIC, rgb, encoding='rgb8', **stamp)
        else:
            data = encode_jpeg(rgb, JPEG_QUALITY)
            topic = f'{IMAGE_TOPIC}/compressed'
            bag.write_compressed_image(topic, data, image_format='jpeg', **stamp)
        bag.write_image(TRUTH_TOPIC, labels, encoding='mono8', **stamp)
        objects = json.dumps([entry.as_dict() for entry in _objects(scene, index, labels)])
        message = bag.create('std_msgs/msg/String', data=objects)
        bag.write_message(OBJECTS_TOPIC, stamp['stamp_ns'], message)
        if on_frame is not None:
            on_frame(index + 1)


def write_folder(
    scene: Scene | LongScene,
    folder: Path,
    name: str,
    *,
    overwrite: bool = False,
    on_frame: Callable[[int], None] | None = None,
) -> None:
    """Render a scene into a sequence of a video object segmentation folder.

    An interrupted run leaves no sequence behind: it gets its name when it is complete.

    Args:
        scene: to render.
        folder: data set folder; other sequences in it stay.
        name: of the sequence; also of its entries in classes.json and truth.json.
        overwrite: replace a sequence of that name.
        on_frame: called with the number of frames done.

    Raises:
        SceneFileError: when the sequence exists, or one of the JSON files cannot be added to.
    """
    classes, truths = (_read_entries(folder / file) for file in ('classes.json', 'truth.json'))
    finals = [folder / 'JPEGImages' / name, folder / 'Annotations' / name]
    for final in finals:
        if final.exists() and not overwrite:
            raise SceneFileError(f'{final} exists already; choose another folder or --overwrite')
    partials = [final.with_name(f'.{name}.partial') for final in finals]
    for partial in partials:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    try:
        palette = label_palette()
        truth = []
        for index, (rgb, labels) in enumerate(scene):
            (partials[0] / f'{index:05d}.jpg').write_bytes(encode_jpeg(rgb, JPEG_QUALITY))
            write_label_png(partials[1] / f'{index:05d}.png', labels, palette)
            truth.append([entry.as_dict() for entry in _objects(scene, index, labels)])
            if on_frame is not None:
                on_frame(index + 1)
        for partial, final in zip(partials, finals, strict=True):
            shutil.rmtree(final, ignore_errors=True)
            partial.replace(final)
    finally:
        for partial in partials:
            shutil.rmtree(partial, ignore_errors=True)
    classes[name] = {str(label): kind for label, kind in scene.class_names.items()}
    truths[name] = truth
    _write_entries(folder / 'classes.json', classes)
    _write_entries(folder / 'truth.json', truths)


def _read_entries(path: Path) -> dict[str, object]:
    try:
        return json.loads(path.read_text()) if path.exists() else {}
    except ValueError as error:
        raise SceneFileError(
            f'{path} is no JSON file ({error}); move it away or repair it'
        ) from error


def _write_entries(path: Path, entries: dict[str, object]) -> None:
    """Replace a JSON file whole, one entry a line."""
    unfinished = path.with_name(f'.{path.name}.partial')
    lines = (f'{json.dumps(key)}: {json.dumps(value)}' for key, value in entries.items())
    unfinished.write_text('{\n' + ',\n'.join(lines) + '\n}\n')
    unfinished.replace(path)


def _objects(scene: Scene | LongScene, frame: int, labels: np.ndarray) -> tuple[ObjectTruth, ...]:
    if isinstance(scene, Scene):
        return frame_truth(scene, frame, labels)
    return scene.objects(frame, labels)
