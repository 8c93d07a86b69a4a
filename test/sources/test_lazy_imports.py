# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What importing the sources, and the node above them, does not need."""

import subprocess
import sys

import pytest

from surgsam2_ros import sources


def modules_after(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has loaded after a statement."""
    code = (
        f'{statement}\nimport sys\nprint(*sorted({{name.split(".")[0] for name in sys.modules}}))'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_node_needs_no_bag_library():
    pytest.importorskip('rclpy')
    loaded = modules_after('import surgsam2_ros.nodes.tracker.node')
    assert 'surgsam2_ros' in loaded
    assert 'rosbags' not in loaded


def test_image_encodings_load_neither_torch_nor_ros():
    loaded = modules_after('import surgsam2_ros.sources.image_encodings')
    assert not loaded & {'torch', 'rclpy', 'rosbags'}


@pytest.mark.parametrize('name', sources.__all__)
def test_every_public_name_is_found(name):
    assert getattr(sources, name).__name__ == name


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match='no_such_thing'):
        sources.no_such_thing  # noqa: B018
