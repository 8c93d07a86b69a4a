# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tables of the networks' card (models/README.md) from what `surgsam2 evaluate --board` wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PROMPTS = ('mask', 'box', 'click')
Report = Mapping[str, Any]


def boards(networks: Mapping[str, Report], held_out: Mapping[str, Report]) -> str:
    """Return J from each kind of prompt, a line for each board, a column for each network.

    Args:
        networks: name -> report on real, davis and endoscope_clips.
        held_out: name -> report on the held-out composed clips.
    """
    lines = [f'| board, J from mask / box / click | {" | ".join(networks)} |']
    lines.append('|---' * (1 + len(networks)) + '|')

    def add(title: str, figures: Sequence[Mapping[str, float]]) -> None:
        lines.append(f'| {title} | {" | ".join(map(_triple, figures))} |')

    def of(board: str) -> list[Report]:
        return [_board(report, board) for report in networks.values()]

    add('real, mean of the two sources', [entry['J'] for entry in of('real')])
    add('… laparoscopic grasper at 25 Hz', [entry['sources']['cholec'] for entry in of('real')])
    add('… da Vinci, grey, large motion', [entry['sources']['dvrk'] for entry in of('real')])
    add('davis', [entry['J'] for entry in of('davis')])
    add('endoscope_clips (semi-synthetic)', [entry['J'] for entry in of('endoscope_clips')])
    clips = [_board(held_out[name], 'held_out') for name in networks]
    add(f'{len(clips[0]["videos"])} held-out composed clips', [entry['J'] for entry in clips])
    return '\n'.join(lines) + '\n'


def sizes(reports: Sequence[Report]) -> str:
    """Return operations and J of one network at several sizes of its input."""
    lines = ['| px | GFLOP, 1 / 2 objects | J from mask / box / click |', '|---|---|---|']
    for report in reports:
        gflop = ' / '.join(f'{report["gflop_per_frame"][number]:.2f}' for number in ('1', '2'))
        scores = _triple(_board(report, 'held_out')['J'])
        lines.append(f'| {report["model"]["image_size"]} | {gflop} | {scores} |')
    return '\n'.join(lines) + '\n'


def corrections(reports: Mapping[str, Report]) -> str:
    """Return what corrections brought, a line for each kind and board.

    Args:
        reports: what the frames are of -> the part of a report for that board.
    """
    lines = [
        '| corrected by | bad frames | IoU there | next ten frames, else |',
        '|---|---|---|---|',
    ]
    for title, board in reports.items():
        for kind in ('click', 'box', 'mask'):
            entry = board['corrections'][kind]
            lines.append(
                f'| a {kind} | {entry["corrections"]} of {title} | {entry["before"]:.3f} → '
                f'{entry["after"]:.3f} | {entry["later"]:.3f}, {entry["without"]:.3f} |'
            )
    return '\n'.join(lines) + '\n'


def _board(report: Report, name: str) -> Report:
    return next(board for board in report['boards'] if board['board'] == name)


def _triple(values: Mapping[str, float]) -> str:
    return ' / '.join(f'{values[kind]:.3f}' for kind in PROMPTS)
