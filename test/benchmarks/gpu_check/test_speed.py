# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The table of speeds: a case that cannot be timed is told, and the next is timed."""

from __future__ import annotations

from pathlib import Path

import pytest

from surgsam2_ros.benchmarks.cases import Case
from surgsam2_ros.benchmarks.gpu_check.speed import _or_why_not

CASE = Case(Path('models/sam2.1_hiera_l.yaml'), 1024, 8)
ROW = {'what': 'ours exact', 'ms': 1.0}


def test_what_was_timed_before_an_error_is_kept_and_the_error_is_told():
    def rows():
        yield ROW
        raise MemoryError('CUDA out of memory\nmore about it')

    kept, told = _or_why_not(CASE, rows())
    assert kept == ROW
    assert told['passed'] is False
    assert (told['what'], told['not_run']) == (CASE.title, 'MemoryError: CUDA out of memory')


def test_a_lost_device_ends_the_part():
    def rows():
        raise RuntimeError('CUDA error: an illegal memory access was encountered')
        yield

    with pytest.raises(RuntimeError, match='illegal memory access'):
        list(_or_why_not(CASE, rows()))
