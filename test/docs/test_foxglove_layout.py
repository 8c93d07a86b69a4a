# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The layout for Foxglove shows topics and fields that the node has."""

from __future__ import annotations

import json
import re

import pytest
from repository import REPO

from surgsam2_msgs.msg import Track, TrackArray, TrackerStatus

LAYOUT = json.loads((REPO / 'config' / 'foxglove_layout.json').read_text())
MESSAGES = {'/surgsam2/tracks': TrackArray, '/surgsam2/status': TrackerStatus}
TOPICS = {'/image', '/diagnostics', '/surgsam2/overlay', '/surgsam2/annotations', *MESSAGES}


def strings(value) -> list[str]:
    """Return all texts and keys within a piece of JSON."""
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in strings(part)]
    return [value] if isinstance(value, str) else []


def test_every_panel_is_placed_once():
    placed = [text for text in strings(LAYOUT['layout']) if '!' in text]
    assert sorted(placed) == sorted(LAYOUT['configById'])


@pytest.mark.parametrize('path', [t for t in strings(LAYOUT['configById']) if t.startswith('/')])
def test_a_path_is_a_topic_of_the_node_and_a_field_of_its_message(path):
    topic, _, fields = path.partition('.')
    assert topic in TOPICS
    if fields:
        kind = MESSAGES[topic]
        for name in fields.split('.'):
            assert re.sub(r'\[.*', '', name) in kind.get_fields_and_field_types()
            kind = Track
