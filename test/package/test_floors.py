# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How modules stand on each other: the tracker is no tower, and nothing goes round in a circle.

What is imported for type checkers alone counts like the rest: a reader follows it as well.
"""

from __future__ import annotations

import ast
import graphlib
from functools import cache

from repository import REPO

MOST_FLOORS = 6


@cache
def imported_modules() -> dict[str, set[str]]:
    """Return which modules of the package each of its modules imports."""
    files = {}
    for path in REPO.glob('surgsam2_ros/**/*.py'):
        parts = path.relative_to(REPO).with_suffix('').parts
        files['.'.join(parts).removesuffix('.__init__')] = path
    return {name: _imported_by(path.read_text(), set(files)) for name, path in files.items()}


def _imported_by(text: str, modules: set[str]) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module in modules:
            for alias in node.names:
                submodule = f'{node.module}.{alias.name}'
                names.add(submodule if submodule in modules else node.module)
    return names


def floors(room: str) -> dict[str, int]:
    """Return on which floor each module stands: one above the highest that it imports."""
    imports = {
        name: {other for other in below if other.startswith(f'{room}.')}
        for name, below in imported_modules().items()
        if f'{name}.'.startswith(f'{room}.')
    }
    found: dict[str, int] = {}
    for name in graphlib.TopologicalSorter(imports).static_order():
        found[name] = 1 + max((found[below] for below in imports[name]), default=0)
    return found


def test_the_tracker_has_few_floors():
    found = floors('surgsam2_ros.tracking')
    tracking = {name.removeprefix('surgsam2_ros.tracking.'): floor for name, floor in found.items()}
    assert max(tracking.values()) <= MOST_FLOORS
    assert tracking['mask_crop'] == 1 < tracking['memory_bank'] < tracking['tracker']
    assert tracking['tracker'] < tracking['surgsam2_ros.tracking']  # its door counts as well


def test_no_modules_import_each_other_in_a_circle():
    graphlib.TopologicalSorter(imported_modules()).prepare()
