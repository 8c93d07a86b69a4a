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
from surgsam2_ros.commands.evaluate.options import read_object_ids
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
  isinet     as davis; besides, Challenge IoU, IoU, mIoU and mcIoU of ISINet, of classes

classes:
  Where a classes.json belongs to the truth, as in what `surgsam2 dataset prepare` writes, or is
  named, pixel values are objects, and those of one name are one class: {"seq_2": {"1":
  "prograsp_forceps"}}, or {"1": "prograsp_forceps"} for all videos. Predicted ids are those of the
  truth. Tissue, thread, clamps and needles of EndoVis 2018 are background, as in ISINet. Otherwise,
  and with --classes N, pixel values are classes.

folds:
  Each fold of a cross validation is scored alone, and the mean of the folds is given. endovis17 is
  seq_1,seq_3 seq_2,seq_5 seq_4,seq_8 seq_6,seq_7, of each sequence the first 225 frames, as ISINet
  has them (the others are of the challenge's test). The weights of each fold having a run of their
  own, name the outputs of all: --predictions fold1 fold2 fold3 fold4.

All scores are fractions. ciou is the instance-level CIoU of the SurgSAM2 paper. The JSON file has
the scores of all, of each video (`videos`), object (`objects`), class (`classes`) and fold.

examples:
  surgsam2 score --truth valid/Annotations --predictions results --protocol endo_sav
  surgsam2 score --truth valid --predictions results --protocol isinet --objects 1-10
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
    parser.add_argument(
        '--predictions', required=True, nargs='+', metavar='DIR', help='results, see below'
    )
    parser.add_argument('--protocol', required=True, choices=PROTOCOLS, help='see below')
    parser.add_argument(
        '--skip-ends',
        action=argparse.BooleanOptionalAction,
        help='leave out the first and the last frame; the default with endo_sav',
    )
    parser.add_argument(
        '--objects', nargs='+', metavar='ID', help='ids that count, as 3 or 1-10 (default: all)'
    )
    parser.add_argument(
        '--classes', metavar='N|FILE', help='isinet: classes are 1 to N, or a classes.json; below'
    )
    parser.add_argument(
        '--folds', nargs='+', metavar='A,B', help='videos of each fold, or endovis17; see below'
    )
    parser.add_argument('--json', metavar='OUT', help='file for the scores')
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the scores and write them; returns 0."""
    from surgsam2_ros.evaluation.scoring import score_folders

    options = _read_options(arguments)
    with _ScoringProgress() as progress:
        scores = score_folders(
            arguments.truth,
            arguments.predictions,
            arguments.protocol,
            skip_ends=arguments.skip_ends,
            progress=progress.show,
            **options,
        )
    if 'classes' in scores:
        file, names = scores['classes_file'], ', '.join(scores['classes'])
        meaning = f'classes: {names}' if file is None else f'objects, of the classes in {file}'
        print(f'surgsam2: note: pixel values are {meaning}', file=sys.stderr)
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
        path.write_text(json.dumps(scores, indent=2) + '\n', encoding='utf-8')
    return 0


def _read_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what `score_folders` takes besides; refuse at the start what would fail at the end."""
    from surgsam2_ros.evaluation.scoring_plans import FOLD_FRAMES, FOLDS

    options: dict[str, Any] = {}
    if arguments.objects:
        options['objects'], _ = read_object_ids(arguments.objects)
    if arguments.classes is not None:
        options['classes'] = _read_classes(arguments.classes, arguments.protocol)
    if arguments.folds:
        folds = FOLDS.get(' '.join(arguments.folds)) or [
            fold.split(',') for fold in arguments.folds
        ]
        names = [video for fold in folds for video in fold]
        if twice := sorted({video for video in names if names.count(video) > 1}):
            raise CommandError(f'--folds names {twice[0]} twice; a video is in one fold')
        options['folds'] = folds
        options['frames'] = FOLD_FRAMES.get(' '.join(arguments.folds))
    if arguments.json:
        path = Path(arguments.json)
        if path.is_dir():
            raise CommandError(f'--json {path} is a folder; name a file')
        path.parent.mkdir(parents=True, exist_ok=True)
    return options


def _read_classes(text: str, protocol: str) -> range | str:
    if protocol != 'isinet':
        raise CommandError(f'--classes {text} with --protocol {protocol}; it is for isinet alone')
    if not text.isdecimal():
        return text
    if not 1 <= int(text) <= 254:
        raise CommandError(f'--classes {text} is no number of classes; give 1 to 254')
    return range(1, int(text) + 1)


def table(scores: dict[str, Any]) -> list[str]:
    """Lay out scores as lines: one per object, per video of several and per fold, and all.

    Args:
        scores: as `score_folders` returns them.
    """
    rows = []
    for video, objects in scores['objects'].items():
        rows += [(video, value, entry) for value, entry in objects.items()]
        if len(scores['objects']) > 1:
            rows.append((video, 'all', scores['videos'][video]))
    rows += [(','.join(fold['videos']), 'fold', fold) for fold in scores.get('folds', ())]
    if 'mean_of_folds' in scores:
        rows.append(('mean of folds', '', scores['mean_of_folds']))
    rows.append(('all', '', scores))
    columns = _columns()
    names = [name for name in columns if name in scores]
    first = max(len(video) for video, _, _ in rows)
    widths = [first, 6, *(max(6, len(columns[name])) for name in names)]
    lines = [('video', 'object', *(columns[name] for name in names))]
    for video, value, entry in rows:
        lines.append((video, value, *(_cell(entry, name) for name in names)))
    return ['  '.join(_aligned(line, widths)).rstrip() for line in lines]


def _columns() -> dict[str, str]:
    """Heads of the columns by name of the score, in their order."""
    from surgsam2_ros.evaluation.measures import FRAME_MEASURES

    return {
        'J&F': 'J&F',
        **{measure.key: measure.key for measure in FRAME_MEASURES},
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
