# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What several tests of `surgsam2 evaluate` need."""

from __future__ import annotations

import pytest
from evaluation_data import write_tiny_model


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    """Give the YAML of a tiny network with random weights."""
    return write_tiny_model(tmp_path_factory.mktemp('model'))
