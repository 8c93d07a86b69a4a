# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The progress of an evaluation: videos, frames, and the time left."""

from __future__ import annotations

import io

from surgsam2_ros.commands.evaluate.progress import EvaluationProgress
from surgsam2_ros.evaluation.records import VideoRecord
from surgsam2_ros.evaluation.runs.jobs import Standing, Tally


def test_the_time_left_is_that_of_the_frames_to_come_at_the_rate_so_far(clock):
    stream = io.StringIO()
    shown = EvaluationProgress('through the tracker', 9, skipped=1, stream=stream)
    clock[0] = 160.0  # a minute for loading the network says nothing of the frames
    shown.show(Standing(videos=0, failed=0, frames=10, expected=400))
    assert stream.getvalue() == 'through the tracker  10/400  ?/s  ? left, video 1/9\n'
    clock[0] = 170.0
    shown.show(Standing(videos=3, failed=1, frames=60, expected=360))
    assert stream.getvalue().splitlines()[-1] == (
        'through the tracker  60/360   5.00/s  01:00 left, video 4/9  1 failed'
    ), '300 frames at 5 per second'


def test_videos_to_come_count_as_long_as_the_mean_and_failed_ones_not_at_all():
    tally = Tally(4)
    tally.note(0, 10, 10)
    tally.note(1, 10, 30)
    assert tally.standing() == Standing(videos=0, failed=0, frames=20, expected=80)
    tally.finish(2, VideoRecord('empty', error='it holds no images'))
    assert tally.standing() == Standing(videos=1, failed=1, frames=20, expected=60)
    tally.finish(1, VideoRecord('cut off', error='it is damaged'))
    assert tally.standing().expected == 10 + 10 + 10
