# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is told of previews, and what is when there were none."""

from __future__ import annotations

import numpy as np
import pytest

from surgsam2_ros.live import LiveError
from surgsam2_ros.live.previews import AnsweredPreview, PreviewAsker, preview_row

S = 1_000_000_000


def test_previews_count_that_were_asked_for_in_the_measured_time():
    previews = [AnsweredPreview(second * S, 100.0 + second) for second in range(10)]
    row = preview_row(previews, 2 * S, 6 * S)
    assert row['previews'] == 5
    assert (row['preview_ms']['p50'], row['preview_ms']['max']) == (104.0, 106.0)


def test_a_node_that_answers_none_is_told_of(tmp_path):
    asker = PreviewAsker('/nobody/surgsam2', np.zeros((8, 8, 3), np.uint8), tmp_path)
    asker.close()
    with pytest.raises(LiveError, match='no preview was answered'):
        asker.answers()
