# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A desk over a short recording."""

from collections.abc import Iterator

import pytest
from label_desks import open_desk, write_folder

from surgsam2_ros.console.label.label_desk import LabelDesk


@pytest.fixture(autouse=True)
def usual_priority(monkeypatch) -> None:
    """Have the background's thread compete for the cores, for tests that wait for it."""
    monkeypatch.setattr('surgsam2_ros.console.label.background.NICE', 0)


@pytest.fixture
def desk(tmp_path) -> Iterator[LabelDesk]:
    """Give a desk over twelve frames."""
    opened = open_desk(write_folder(tmp_path / 'frames', 12))
    yield opened
    opened.close()
