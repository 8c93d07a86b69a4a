# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Decides which objects a demo prompts, and in which images: from a truth topic or from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from surgsam2_ros.live import LiveError

if TYPE_CHECKING:
    import numpy as np

    from surgsam2_ros.nodes.replay.bag_replay import ScheduledPrompts
    from surgsam2_ros.sources import BagReader, FilePrompt

SMALLEST_SHARE = 0.002
"""Share of the picture that an object must cover to be prompted; a sliver tells little."""


class ImageIndex(NamedTuple):
    """What the images of a topic are, without their pixels.

    Attributes:
        headers: stamp [ns] -> frame_id of each image, in order.
        rate_hz: images per second by their times of recording; 0 when those do not tell.
    """

    headers: dict[int, str]
    rate_hz: float


def index_images(reader: BagReader, image_topic: str) -> ImageIndex:
    """Read the headers of all images.

    Raises:
        LiveError: when images share a stamp, which is what results are told apart by.
    """
    from surgsam2_ros.sources import peek_header

    headers: dict[int, str] = {}
    first_ns, last_ns = None, 0
    for message in reader.messages([image_topic]):
        first_ns, last_ns = first_ns or message.stamp_ns, message.stamp_ns
        stamp_ns, frame_id = peek_header(message.data)
        if stamp_ns in headers:
            raise LiveError(
                f'two images on {image_topic} have the stamp {stamp_ns} ns; results are told apart '
                'by the stamps of their images, which must differ'
            )
        headers[stamp_ns] = frame_id
    span = (last_ns - (first_ns or last_ns)) / 1e9
    return ImageIndex(headers, (len(headers) - 1) / span if span > 0 else 0.0)


def prompts_from_truth(
    reader: BagReader, truth_topic: str, headers: dict[int, str]
) -> list[ScheduledPrompts]:
    """Prompt each object of a truth with its mask in the first image that shows enough of it.

    That is the first image for those visible from the start; an object that always stays below
    SMALLEST_SHARE is prompted where it is largest.

    Args:
        reader: bag with the truth.
        truth_topic: label images whose stamps are those of the images.
        headers: of the images, see ImageIndex.

    Raises:
        LiveError: when no label image belongs to an image, or none shows an object.
    """
    best: dict[int, tuple[int, int, np.ndarray]] = {}
    for stamp_ns, labels in _labels_of_images(reader, truth_topic, headers):
        _note_objects(best, stamp_ns, labels)
    if not best:
        raise LiveError(f'the truth on {truth_topic} shows no object in any image')
    return _schedule(best, headers)


def _labels_of_images(reader: BagReader, truth_topic: str, headers: dict[int, str]):
    from surgsam2_ros.sources import read_labels

    found = False
    for stamp_ns, labels in read_labels(reader, truth_topic):
        if stamp_ns in headers:
            found = True
            yield stamp_ns, labels
    if not found:
        raise LiveError(
            f'no label image on {truth_topic} has the stamp of an image; the truth must carry the '
            'headers of the images it belongs to'
        )


def _note_objects(
    best: dict[int, tuple[int, int, np.ndarray]], stamp_ns: int, labels: np.ndarray
) -> None:
    """Keep (area, stamp, mask) for objects that are new, or were too small until now."""
    import numpy as np

    areas = np.bincount(labels.ravel(), minlength=256)
    for value in map(int, np.flatnonzero(areas[1:255]) + 1):
        area = int(areas[value])
        enough = SMALLEST_SHARE * labels.size
        if value not in best or best[value][0] < min(area, enough):
            best[value] = (area, stamp_ns, labels == value)


def _schedule(
    best: dict[int, tuple[int, int, np.ndarray]], headers: dict[int, str]
) -> list[ScheduledPrompts]:
    from surgsam2_ros.nodes.replay.bag_replay import ScheduledPrompts
    from surgsam2_ros.sources import FilePrompt
    from surgsam2_ros.sources.prompt_file import object_name

    by_stamp: dict[int, list[FilePrompt]] = {}
    for value, (_, stamp_ns, mask) in sorted(best.items()):
        prompt = FilePrompt(object_name(value), label=value, mask=mask)
        by_stamp.setdefault(stamp_ns, []).append(prompt)
    order = list(headers)
    return [
        ScheduledPrompts(stamp_ns, headers[stamp_ns], tuple(by_stamp[stamp_ns]))
        for stamp_ns in sorted(by_stamp, key=order.index)
    ]


def prompts_from_file(
    path: str | Path, reader: BagReader, image_topic: str, headers: dict[int, str]
) -> list[ScheduledPrompts]:
    """Return the prompts of a file for the first image.

    Raises:
        SourceError: when they do not fit the image.
    """
    from surgsam2_ros.nodes.replay.bag_replay import ScheduledPrompts
    from surgsam2_ros.sources import read_prompts
    from surgsam2_ros.sources.bag_frames import decode_message

    first = next(iter(reader.messages([image_topic])))
    size = decode_message(reader.deserialize(first)).shape[:2]
    stamp_ns, frame_id = next(iter(headers.items()))
    return [ScheduledPrompts(stamp_ns, frame_id, tuple(read_prompts(path, size)))]
