# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A process that labels is killed at random moments: what it acknowledged is there."""

import os
import random
import signal
import subprocess
import sys

import numpy as np
import pytest
from label_desks import disc_mask, open_desk, write_folder
from repository import REPO

from surgsam2_ros.console.label.labels import Verdict

FRAMES, KILLS = 20, 4


def _acknowledged(source, seed):
    """Have a process label, kill it at a random moment, and return what it said."""
    paths = [str(REPO), str(REPO / 'test' / 'support'), os.environ.get('PYTHONPATH', '')]
    command = [sys.executable, str(REPO / 'test' / 'support' / 'labelling_process.py')]
    process = subprocess.Popen(
        [*command, str(source), str(seed)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(paths)},
    )
    chance, lines = random.Random(seed), [process.stdout.readline()]
    assert lines[0].startswith('opened'), process.communicate()
    for _ in range(chance.randrange(1, 15)):
        lines.append(process.stdout.readline())
    try:
        process.wait(chance.random() * 0.2)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    complete = rest[: rest.rfind('\n') + 1]
    return [line.rstrip('\n').split('\t') for line in (*lines, *complete.splitlines())]


@pytest.mark.slow
def test_nothing_that_was_acknowledged_is_lost_by_kills(tmp_path):
    source = write_folder(tmp_path / 'frames', FRAMES)
    given, verdicts, name = set(), {}, None
    for seed in range(KILLS):
        said = _acknowledged(source, seed)
        for kind, frame, new_name in said[1:]:
            if kind == 'give':
                given.add(int(frame))
            elif kind == 'rename':
                name = new_name
            elif kind in ('accept', 'reject'):
                verdicts[int(frame)] = Verdict.ACCEPTED if kind == 'accept' else Verdict.REJECTED
        desk = open_desk(source)
        seen = desk.overview()
        assert given <= set(np.flatnonzero(seen.prompted).tolist())
        for frame in given:
            crop = desk.labelling.masks.read(frame).objects[1].crop
            np.testing.assert_array_equal(crop.expand(), disc_mask(frame))
        # The change that was under way may have been made as well.
        differing = [f for f, verdict in verdicts.items() if seen.verdicts[f] != verdict]
        renamed = name is not None and desk.instruments(desk.cameras[0])[0].name != name
        assert len(differing) + renamed <= 1
        assert not [n for n in desk.notices() if 'damaged' in n.text]
        for frame in differing:
            verdicts[frame] = Verdict(int(seen.verdicts[frame]))
        if renamed:
            name = desk.instruments(desk.cameras[0])[0].name
        desk.close()
    assert given
    assert verdicts
    assert name
