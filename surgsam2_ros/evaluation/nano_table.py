# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a model card: a network through `surgsam2 track`, and its rivals, on clips.

    python -m surgsam2_ros.evaluation.nano_table [ROOT…] [--hard-clips N] [--rivals] …

Every clip of the data sets ROOT (VOS layout) is tracked once per kind of prompt, in a process of
its own, as a user would; the table has one line per data set and kind.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from surgsam2_ros.datasets.vos_folder import VosFolder, VosVideo
from surgsam2_ros.evaluation.clip_scores import ClipScore, score_clip
from surgsam2_ros.evaluation.failure_sheet import SUFFIXES, write_failures
from surgsam2_ros.evaluation.hard_clips import write_hard_clips
from surgsam2_ros.evaluation.rivals import available_rivals
from surgsam2_ros.sources import read_label_png

PROMPTS = ('mask', 'box', 'click', 'click anywhere')


@dataclass(frozen=True)
class ObjectResult:
    """The score of one object of one clip, and how fast the clip was tracked (None: unknown)."""

    name: str
    score: ClipScore
    rate: float | None = None


def prompt_entry(kind: str, mask: np.ndarray) -> dict[str, object]:
    """Make the entry of a prompt file for one object, without its id.

    Args:
        kind: 'box' (tight), 'click' (the innermost pixel) or 'click anywhere' (a pixel drawn from
            the mask, the same one every time).
        mask: bool [H, W], not empty.
    """
    if kind == 'box':
        x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
        return {'box': [x, y, x + width, y + height]}
    if kind == 'click':
        depth = cv2.distanceTransform(
            np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, cv2.DIST_MASK_5
        )
        row, column = np.unravel_index(int(depth[1:-1, 1:-1].argmax()), mask.shape)
    else:
        pixels = np.argwhere(mask)
        row, column = pixels[np.random.default_rng(0).integers(len(pixels))]
    return {'points': [[int(column), int(row)]]}


def track_video(
    video: VosVideo, kind: str, folder: Path, options: Sequence[str]
) -> list[ObjectResult]:
    """Track the objects of the first frame of a video with `surgsam2 track` and score them.

    Args:
        video: every frame of it labelled.
        kind: of PROMPTS.
        folder: for the prompt file and the results.
        options: further arguments of `surgsam2 track`.

    Raises:
        subprocess.CalledProcessError: when the command fails.
    """
    truth = [read_label_png(frame.annotation) for frame in video.frames]
    values = first_objects(truth)
    folder.mkdir(parents=True, exist_ok=True)
    if kind == 'mask':
        prompts, given = video.frames[0].annotation, values
    else:
        prompts, given = folder / 'prompts.json', range(1, len(values) + 1)
        entries = [
            {'object_id': str(value), **prompt_entry(kind, truth[0] == value)} for value in values
        ]
        prompts.write_text(json.dumps({'objects': entries}), encoding='utf-8')
    command = [str(Path(sys.executable).with_name('surgsam2')), 'track']
    command += ['--input', str(video.frames[0].image.parent), '--prompts', str(prompts)]
    command += ['--output', str(folder / 'labels'), *options]
    report = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    rate = re.search(r'([\d.]+) frames/s', report)
    table = np.zeros(256, np.uint8)  # value in the result -> value in the truth
    table[list(given)] = values
    predicted = [
        table[read_label_png(folder / 'labels' / f'{frame.stem}.png')] for frame in video.frames
    ]
    return [
        ObjectResult(
            f'{video.name}/{value}',
            score_clip(predicted, truth, value),
            float(rate[1]) if rate else None,
        )
        for value in values
    ]


def rival_results(video: VosVideo, name: str) -> list[ObjectResult]:
    """Let a rival follow every object of the first frame of a video from its mask."""
    follow = available_rivals()[name]
    frames = [cv2.cvtColor(cv2.imread(str(f.image)), cv2.COLOR_BGR2RGB) for f in video.frames]
    truth = [read_label_png(frame.annotation) for frame in video.frames]
    results = []
    for value in first_objects(truth):
        masks = follow(frames, truth[0] == value)
        predicted = [np.where(mask, value, 0).astype(np.uint8) for mask in masks]
        results.append(ObjectResult(f'{video.name}/{value}', score_clip(predicted, truth, value)))
    return results


def first_objects(truth: Sequence[np.ndarray]) -> list[int]:
    """Return the values of the objects that the first label image shows."""
    return [int(value) for value in np.unique(truth[0]) if 0 < value < 255]


def table_row(data: str, method: str, results: Sequence[ObjectResult]) -> str:
    """Write a line of the table: means over the objects, sums of swaps, the worst return."""
    scores = [result.score for result in results]
    delays = [delay for score in scores for delay in score.returns]
    taken = [delay for delay in delays if delay is not None]
    each = ', '.join(f'{score.overlap:.3f}' for score in scores)
    rates = [result.rate for result in results if result.rate is not None]
    cells = [
        data,
        method,
        f'{np.mean([score.overlap for score in scores]):.3f}'
        + (f' ({each})' if len(scores) <= 4 else f' ({len(scores)} objects)'),
        f'{np.mean([score.boundary for score in scores]):.3f}',
        f'{100 * np.mean([score.presence for score in scores]):.1f} %',
        str(sum(score.swapped for score in scores)),
        f'{len(taken)} of {len(delays)}, {max(taken)} frames' if taken else f'0 of {len(delays)}',
        f'{np.median(rates):.1f}' if rates else '-',
    ]
    return '| ' + ' | '.join(cells) + ' |'


HEADER = (
    '| data | method | J | F | presence right | frames on another object | '
    'returns taken up, at the latest after | frames/s |\n|---|---|---|---|---|---|---|---|'
)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog='python -m surgsam2_ros.evaluation.nano_table', description=__doc__.split('\n')[0]
    )
    parser.add_argument('roots', nargs='*', metavar='ROOT', type=Path, help='VOS data sets')
    parser.add_argument(
        '--prompts', nargs='*', choices=PROMPTS, default=list(PROMPTS), metavar='KIND',
        help=f'of {", ".join(PROMPTS)}; default: all',
    )  # fmt: skip
    parser.add_argument(
        '--hard-clips',
        type=int,
        default=0,
        metavar='N',
        help='also render and measure N held-out clips of every hard kind',
    )
    parser.add_argument(
        '--failures',
        type=Path,
        metavar='JPG',
        help='also draw the worst frames of the hard clips, from masks (.jpg or .png)',
    )
    parser.add_argument('--rivals', action='store_true', help='also measure the rivals')
    parser.add_argument('--model', help='as for surgsam2 track')
    parser.add_argument('--checkpoint', help='as for surgsam2 track')
    parser.add_argument(
        '--output', type=Path, default=Path('build/evaluation'), help='label images (%(default)s)'
    )
    parsed = parser.parse_args(arguments)
    if not parsed.roots and not parsed.hard_clips:
        parser.error('nothing to measure; name a data set ROOT or give --hard-clips N')
    if parsed.failures and parsed.failures.suffix not in SUFFIXES:
        parser.error(f'--failures {parsed.failures} must end with {" or ".join(SUFFIXES)}')
    if parsed.failures and not (parsed.hard_clips and 'mask' in parsed.prompts):
        parser.error(
            '--failures draws hard clips from masks; give --hard-clips N and --prompts mask'
        )
    return parsed


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table to standard output, line by line; returns 0."""
    parsed = parse_arguments(arguments)
    options = ['--model', parsed.model] if parsed.model else []
    options += ['--checkpoint', parsed.checkpoint] if parsed.checkpoint else []
    roots = list(parsed.roots)
    if parsed.hard_clips:
        roots.append(parsed.output / f'hard_clips_{parsed.hard_clips}')
        write_hard_clips(roots[-1], parsed.hard_clips)
    _write(HEADER)
    for root in roots:
        videos = VosFolder(root).videos
        for kind in parsed.prompts:
            results = []
            for video in videos:
                results += track_video(video, kind, _tracks(parsed, root, video, kind), options)
            _write(table_row(root.name, kind, results))
        for name in available_rivals() if parsed.rivals else ():
            results = [result for video in videos for result in rival_results(video, name)]
            _write(table_row(root.name, name, results))
    if parsed.failures:
        videos = VosFolder(roots[-1]).videos
        labels = {v: _tracks(parsed, roots[-1], v, 'mask') / 'labels' for v in videos}
        write_failures(
            parsed.failures,
            {v: [read_label_png(labels[v] / f'{f.stem}.png') for f in v.frames] for v in videos},
        )
    return 0


def _tracks(parsed: argparse.Namespace, root: Path, video: VosVideo, kind: str) -> Path:
    return parsed.output / 'tracks' / root.name / video.name / kind.replace(' ', '_')


def _write(line: str) -> None:
    sys.stdout.write(line + '\n')
    sys.stdout.flush()


if __name__ == '__main__':
    sys.exit(main())
