# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The tracker is no tower: few modules stand on modules that stand on others."""

from __future__ import annotations

import ast
from pathlib import Path

from repository import REPO

MOST_FLOORS = 6


def imported(path: Path, room: str) -> set[str]:
    """Return the modules of its own room that a module imports when it is imported."""
    names = set()
    for node in ast.parse(path.read_text()).body:  # not what is for type checkers alone
        if isinstance(node, ast.ImportFrom) and (node.module or '').startswith(f'{room}.'):
            names.add(node.module.removeprefix(f'{room}.').partition('.')[0])
    return names


def floors(room: str) -> dict[str, int]:
    """Return on which floor each module stands: one above the highest that it imports."""
    folder = REPO.joinpath(*room.split('.'))
    modules = {path.stem: imported(path, room) for path in folder.glob('[!_]*.py')}
    found: dict[str, int] = {}

    def floor(name: str) -> int:
        if name not in found:
            found[name] = 1 + max((floor(below) for below in modules[name]), default=0)
        return found[name]

    for name in modules:
        floor(name)
    return found


def test_the_tracker_has_few_floors():
    tracking = floors('surgsam2_ros.tracking')
    assert tracking['tracker'] == max(tracking.values()) <= MOST_FLOORS
    assert tracking['mask_crop'] == 1 < tracking['memory_bank'] < tracking['tracker']
