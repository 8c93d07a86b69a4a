# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 score`: scores of label images that a tracker wrote, by the protocols of the papers."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.progress import Progress

PROTOCOLS = ('davis', 'endo_sav', 'isinet')
_EPILOG = """\
folders:
  DIR/<video>/<frame>.png            label images (palette or grey), pixel = object id or class
  DIR/<video>/<object>/<frame>.png   predictions of one object each, as the SurgSAM2 authors' tools
                                     and surgsam2 evaluate write them (DIR/node: of the node)
  DIR/<frame>.png                    a single video
  Instead of label images there may be binary ones, 0 and 255, of one object. Of a data set
  DIR/Annotations is taken.

protocols:
  davis      J, F, J&F and Dice in all frames of the truth; --skip-ends leaves out the first and
             the last, as DAVIS 2017 does
  endo_sav   the same by the SurgSAM2 authors' evaluator: each object in the frames predicted of
             it, without its first and last
  isinet     pixel values are classes: besides, Challenge IoU, IoU, mIoU and mcIoU of ISINet

All scores are fractions. ciou is the instance-level CIoU of the SurgSAM2 paper. The JSON file has
the scores of all, of each video (`videos`) and of each object (`objects`).

example:
  surgsam2 score --truth valid/Annotations --predictions results --protocol endo_sav
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        'score',
        help='score label images against a truth by the protocols of the papers',
        description='Score the label images of a tracker against a truth.',
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--truth', required=True, metavar='DIR', help='label images, see below')
    parser.add_argument('--predictions', required=True, metavar='DIR', help='results, see below')
    parser.add_argument('--protocol', required=True, choices=PROTOCOLS, help='see below')
    parser.add_argument(
        '--skip-ends',
        action=argparse.BooleanOptionalAction,
        help='leave out the first and the last frame; the default with endo_sav',
    )
    parser.add_argument(
        '--classes', type=int, metavar='N', help='isinet: classes are 1 to N (default: 7)'
    )
    parser.add_argument('--json', metavar='OUT', help='file for the scores')
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the scores and write them; returns 0."""
    from surgsam2_ros.evaluation.scoring import score_folders

    options: dict[str, Any] = {}
    if arguments.classes is not None:
        if arguments.protocol != 'isinet' or not 1 <= arguments.classes <= 254:
            raise CommandError(
                f'--classes {arguments.classes} with --protocol {arguments.protocol}; '
                'it takes 1 to 254, for isinet alone'
            )
        options['classes'] = range(1, arguments.classes + 1)
    with _ScoringProgress() as progress:
        scores = score_folders(
            arguments.truth,
            arguments.predictions,
            arguments.protocol,
            skip_ends=arguments.skip_ends,
            progress=progress.show,
            **options,
        )
    for warning in scores['warnings']:
        print(f'surgsam2: warning: {warning}', file=sys.stderr)
    if scores['J'] is None:
        raise CommandError(
            f'no object of {arguments.truth} is in a frame that counts; see the protocols in '
            '`surgsam2 score --help`, and --no-skip-ends for short videos'
        )
    print('\n'.join(table(scores)))
    if arguments.json:
        path = Path(arguments.json)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(scores, indent=2) + '\n', encoding='utf-8')
    return 0


def table(scores: dict[str, Any]) -> list[str]:
    """Lay out scores as lines: one per object, one per video of several, and all.

    Args:
        scores: as `score_folders` returns them.
    """
    rows = []
    for video, objects in scores['objects'].items():
        rows += [(video, value, entry) for value, entry in objects.items()]
        if len(scores['objects']) > 1:
            rows.append((video, 'all', scores['videos'][video]))
    rows.append(('all', '', scores))
    names = [name for name in _COLUMNS if name in scores]
    first = max(len(video) for video, _, _ in rows)
    widths = [first, 6, *(max(6, len(_COLUMNS[name])) for name in names)]
    lines = [('video', 'object', *(_COLUMNS[name] for name in names))]
    for video, value, entry in rows:
        lines.append((video, value, *(_cell(entry, name) for name in names)))
    return ['  '.join(_aligned(line, widths)).rstrip() for line in lines]


_COLUMNS = {
    'J&F': 'J&F',
    'J': 'J',
    'F': 'F',
    'Dice': 'Dice',
    'ciou': 'CIoU',
    'challenge_iou': 'Challenge IoU',
    'iou': 'IoU',
    'miou': 'mIoU',
    'mciou': 'mcIoU',
}


def _cell(entry: dict[str, Any], name: str) -> str:
    """Write a score: '-' where nothing counts, nothing where there is no such score."""
    if name not in entry:
        return ''
    return '-' if entry[name] is None else f'{entry[name]:.4f}'


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Fill cells up: the first to the left, the others to the right."""
    first, *others = zip(cells, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]


class _ScoringProgress:
    """A progress bar that learns the number of frames with the first of them."""

    def __init__(self) -> None:
        self._bar: Progress | None = None

    def show(self, done: int, total: int, video: str) -> None:
        if self._bar is None:
            self._bar = Progress(total, 'scoring').__enter__()
        self._bar.update(done, video)

    def __enter__(self) -> _ScoringProgress:
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave the bar's line, if there is one."""
        if self._bar is not None:
            self._bar.__exit__(*exception)
