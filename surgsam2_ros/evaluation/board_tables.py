# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The figures of boards as tables in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from surgsam2_ros.evaluation.board import KINDS
from surgsam2_ros.evaluation.measures import FRAME_MEASURES

_TRACKER_SETTINGS = (
    'num_maskmem',
    'num_frame_to_prune',
    'protect_prompted_frames',
    'max_prompted_frames',
    'write_memory_when_absent',
    'min_memory_score',
    'presence_threshold',
    'tentative_frames',
    'lost_after_s',
    'lost_after_frames',  # of reports made while this was counted in frames
    'min_quality',
    'quality_frames',
    'max_overlap',
)


def board_report(report: Mapping[str, Any]) -> str:
    """Write everything that `surgsam2 evaluate --board` found.

    Args:
        report: what it writes as JSON.
    """
    boards = report['boards']
    parts = [
        _heading(report),
        _overview(boards),
        _methods(boards),
        _videos(boards),
        _promises(boards, report['all_boards']),
        _sweep(report['all_boards'], 'all boards, from masks'),
        *(_sweep(b['promise']['mask'], f'{b["board"]}, from masks') for b in boards),
        _bins(report['all_boards']),
        _corrections(boards),
    ]
    return '\n\n'.join(part for part in parts if part)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table in Markdown."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def _heading(report: Mapping[str, Any]) -> str:
    model, tracker = report['model'], report['tracker']
    settings = ', '.join(f'{name} {tracker[name]}' for name in _TRACKER_SETTINGS if name in tracker)
    lines = [
        f'{model["name"]} at {model["image_size"]} px, {model["checkpoint"]} '
        f'({model["sha256"][:12]})',
        f'tracker as in `--behaviour {report["behaviour"]}`: {settings}',
    ]
    gflop = report.get('gflop_per_frame')
    if gflop:
        each = ', '.join(f'{value:.2f} with {number}' for number, value in gflop.items())
        lines.append(f'GFLOP per frame by number of objects: {each}')
    return '\n'.join(lines)


def _overview(boards: Sequence[Mapping[str, Any]]) -> str:
    head = ['board', 'mean over', *(f'J {kind}' for kind in KINDS), *(f'F {k}' for k in KINDS)]
    rows = []
    for board in boards:
        rows.append(
            [board['board'], board['mean_over']]
            + [_number(board[measure].get(kind)) for measure in ('J', 'F') for kind in KINDS]
        )
        for source, overlaps in board.get('sources', {}).items():
            rows.append(
                [f'- {source}', 'videos', *(_number(overlaps.get(kind)) for kind in KINDS)]
                + [''] * len(KINDS)
            )
    return table(head, rows)


def _videos(boards: Sequence[Mapping[str, Any]]) -> str:
    head = ['board', 'video', 'frames', *(f'J {kind}' for kind in KINDS)]
    head += ['J mask by object', 'broken', 'kept']
    rows = [
        [
            board['board'],
            video['video'],
            str(video['frames']),
            *(_number(video['J'].get(kind)) for kind in KINDS),
            ', '.join(f'{n}: {_number(o.get("mask"))}' for n, o in video['objects'].items()),
            _counted(video['promise'], 'broken', 'tracked'),
            _counted(video['promise'], 'kept', 'good'),
        ]
        for board in boards
        for video in board['videos']
    ]
    return table(head, rows)


def _promises(boards: Sequence[Mapping[str, Any]], together: Mapping[str, Any]) -> str:
    head = ['board', 'from', 'broken promises', 'good frames kept', 'predicted IoU', 'true IoU']
    head += ['correlation', 'calibration error', 'min_quality', 'broken then', 'kept then']
    rows = [
        [board['board'], kind, *_promise_cells(judged)]
        for board in boards
        for kind, judged in board['promise'].items()
    ]
    rows.append(['all', 'mask', *_promise_cells(together)])
    most = f'{together["at_most_broken"]:.0%}'.replace('%', ' %')
    return (
        'Broken promises: TRACKED object-frames with IoU < 0.5. Kept: those with IoU >= 0.75 that '
        f'are TRACKED. min_quality: the lowest for at most {most} broken promises.\n\n'
    ) + table(head, rows)


def _promise_cells(judged: Mapping[str, Any]) -> list[str]:
    reliability, choice = judged['reliability'], judged['choice']
    return [
        _counted(judged, 'broken', 'tracked'),
        _counted(judged, 'kept', 'good'),
        *(
            _number(reliability[key])
            for key in ('predicted', 'true', 'correlation', 'calibration_error')
        ),
        'none' if choice is None else f'{choice["min_quality"]:.2f}',
        '-' if choice is None else _counted(choice, 'broken', 'tracked'),
        '-' if choice is None else _counted(choice, 'kept', 'good'),
    ]


def _sweep(judged: Mapping[str, Any], title: str) -> str:
    rows = [
        [
            f'{entry["min_quality"]:.2f}',
            _counted(entry, 'broken', 'tracked'),
            _counted(entry, 'kept', 'good'),
        ]
        for entry in judged['sweep']
    ]
    return f'min_quality, {title}:\n\n' + table(['min_quality', 'broken promises', 'kept'], rows)


def _bins(judged: Mapping[str, Any]) -> str:
    rows = [
        [
            f'{entry["low"]:.1f} to {entry["high"]:.1f}',
            str(entry['frames']),
            _number(entry['predicted']),
            _number(entry['true']),
        ]
        for entry in judged['reliability']['bins']
    ]
    head = ['predicted IoU', 'object-frames', 'predicted', 'true']
    return 'Reliability, all boards, from masks:\n\n' + table(head, rows)


def _corrections(boards: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            board['board'],
            kind,
            str(entry['corrections']),
            f'{_number(entry["before"])} -> {_number(entry["after"])}',
            f'{_number(entry["without"])} -> {_number(entry["later"])}',
        ]
        for board in boards
        for kind, entry in board['corrections'].items()
    ]
    if not rows:
        return ''
    head = ['board', 'corrected by', 'corrections', 'IoU of the frame', 'of the next ten frames']
    return 'Corrections of frames with IoU < 0.7, without -> with:\n\n' + table(head, rows)


def _methods(boards: Sequence[Mapping[str, Any]]) -> str:
    """Put baselines beside the network: the table of a model card."""
    names = [measure.key for measure in FRAME_MEASURES]
    head = ['board', 'from, or baseline from masks', *names, 'presence right']
    head += ['frames on another object', 'returns taken up, at the latest after']
    rows = [
        [
            board['board'],
            f'{name} ({entry["objects"]} objects)',
            *(_number(entry.get(key)) for key in names),
            *_presence_cells(entry['presence']),
        ]
        for board in boards
        for name, entry in board['methods'].items()
    ]
    return table(head, rows)


def _presence_cells(presence: Mapping[str, Any]) -> list[str]:
    right, longest = presence['accuracy'], presence['most_frames_until_taken_up']
    taken = f'{presence["taken_up"]} of {presence["returns"]}'
    return [
        '-' if right is None else f'{100 * right:.1f} %',
        str(presence['on_another']),
        taken if longest is None else f'{taken}, {longest} frames',
    ]


def _counted(entry: Mapping[str, Any] | None, part: str, whole: str) -> str:
    """Write a share and what it is a share of."""
    share = None if entry is None else entry[f'{part}_share']
    return '-' if share is None else f'{100 * share:.1f} % of {entry[whole]}'


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.3f}'
