# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the values of the label image are called, where vision_msgs is installed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from recording_node import RecordingNode

from surgsam2_ros.instrument_classes import InstrumentClasses
from surgsam2_ros.nodes.tracker.endpoints import vision_outputs
from surgsam2_ros.nodes.tracker.endpoints.vision_outputs import VisionOutputs
from surgsam2_ros.tracking import FrameResult, MaskCrop, Track, TrackState

MESSAGES = ('Detection2DArray', 'LabelInfo', 'VisionClass')


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    """Stand in for vision_msgs, which is not installed here."""
    made = {name: type(name, (SimpleNamespace,), {}) for name in MESSAGES}
    monkeypatch.setattr(vision_outputs, 'vision_classes', lambda: made)


def result(*classes: str) -> FrameResult:
    """Return objects a, b, … of these classes; they are not seen."""
    away = MaskCrop.empty((4, 5))
    tracks = tuple(
        Track('abc'[n], n + 1, name, away, torch.zeros(1, 1), 0.9, 0.1, TrackState.LOST, 9)
        for n, name in enumerate(classes)
    )
    return FrameResult(0, np.zeros((4, 5), np.uint8), tracks)


def told(known: InstrumentClasses | None, *results: FrameResult) -> list[list[tuple[int, str]]]:
    node = RecordingNode()
    outputs = VisionOutputs(node) if known is None else VisionOutputs(node, known)
    for one in results:
        outputs.publish(None, one)
    return [
        [(entry.class_id, entry.class_name) for entry in message.class_map]
        for message in node.publishers['~/label_info'].messages
    ]


def test_without_classes_every_value_is_an_object():
    assert told(None, result('scissors', '')) == [[(1, 'a'), (2, 'b')]]


def test_an_object_of_a_known_class_is_told_by_it():
    known = InstrumentClasses({'scissors': (1, 2, 3), 'hook': None})
    assert told(known, result('scissors', 'unheard of', 'hook')) == [
        [(1, 'scissors'), (2, 'b'), (3, 'hook')]
    ]


def test_it_is_told_again_only_when_it_changes():
    known = InstrumentClasses({'scissors': None})
    assert told(known, result(''), result(''), result('scissors')) == [
        [(1, 'a')],
        [(1, 'scissors')],
    ]
