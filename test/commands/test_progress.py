# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A bar where somebody looks, lines where a log is kept."""

from __future__ import annotations

import io

from surgsam2_ros.commands.progress import Progress


class Terminal(io.StringIO):
    """Keeps what is written to it."""

    def isatty(self):
        return True


def test_a_log_gets_a_line_every_five_seconds_and_one_at_the_end(clock):
    stream = io.StringIO()
    with Progress(100, 'playing', stream=stream) as shown:
        for second in range(1, 13):
            clock[0] = 100.0 + second
            shown.update(2 * second, 'a note')
    lines = stream.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == ['10/100', '20/100', '24/100']
    assert lines[-1] == 'playing  24/100   2.00/s  00:38 left, a note'


def test_a_new_label_is_told_at_once_and_begins_a_new_rate(clock):
    stream = io.StringIO()
    with Progress(10, 'starting', stream=stream) as shown:
        clock[0] = 160.0
        shown.relabel('tracking')
        shown.update(1)
        clock[0] = 161.0
        shown.update(5)
    assert stream.getvalue().splitlines() == [
        'tracking  0/10  ?/s  ? left',
        'tracking  5/10   4.00/s  00:01 left',
    ]


def test_a_terminal_gets_one_line_that_is_drawn_over():
    stream = Terminal()
    with Progress(4, 'tracking', stream=stream) as shown:
        for done in range(1, 5):
            shown.update(done, f'note {done}')
    text = stream.getvalue()
    assert text.count('\n') == 1
    assert text.split('\r')[-1].rstrip().endswith('note 4')
    assert 'tracking  4/4' in text.split('\r')[-1]


def test_nothing_is_known_of_the_rate_by_the_first_steps():
    stream = io.StringIO()
    with Progress(14, 'boards', stream=stream) as shown:
        shown.update(1)
    assert stream.getvalue() == 'boards  1/14  ?/s  ? left\n'
