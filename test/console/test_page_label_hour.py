# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A minute of what `make label-hour` does in an hour: a real console, a real Chromium, kills."""

import pytest
from label_hour.run import run_hour
from label_hour.verdict import judge

FRAMES = 300

pytestmark = pytest.mark.browser


def test_what_the_page_acknowledged_is_there_after_each_kill(tmp_path, monkeypatch):
    monkeypatch.setattr('label_hour.server._SHORT_LIVES', 2)
    said, hours = [], []
    run_hour(tmp_path, 1.0, FRAMES, 5, tell=said.append, on_life=hours.append)
    hour = hours[-1]
    assert [checked.losses for checked in hour.checked] == [[]] * 3, said
    assert hour.complaints == []
    assert hour.acknowledged
    assert hour.checked[-1].masks
    assert judge(hour.lives, FRAMES).findings == ()
