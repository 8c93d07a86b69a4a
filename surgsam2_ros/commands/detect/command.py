# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 detect`: find instruments without a prompt in single images, shown or measured."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.command_line import command_line
from surgsam2_ros.commands.model_loading import (
    add_model_arguments,
    find_model,
    load_tracker_network,
)
from surgsam2_ros.commands.progress import Progress

if TYPE_CHECKING:
    import numpy as np

    from surgsam2_ros.tracking import Detector

_DOUBTFUL = 0.05  # score down to which average precision looks
_COLUMNS = (('AP50', 'average_precision'), ('precision', 'precision'), ('recall', 'recall'))
_EPILOG = """\
output:
  OUT.json          boxes [left, top, right, bottom] in pixels and scores of every frame
  OUT.png, OUT.jpg  a sheet of up to 24 frames that lie evenly among all, or the one image
  OUT.mp4           a video
  any other name    a folder: one picture per frame, and detections.json

measuring:
  --truth takes data sets (JPEGImages/ and Annotations/, pixel = object) and tells average precision
  at an IoU of 0.5, and precision and recall at --min-score, of boxes and of masks; --tissue takes
  folders of pictures without instruments and tells how many are found in 200 of them.

examples:
  surgsam2 detect --input endoscopy.mp4 --output found.png
  surgsam2 detect --truth endovis18/valid --tissue tissue --json detector.json
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        'detect',
        help='find instruments without a prompt in images, and measure that',
        description='Find instruments frame by frame, without a prompt and without memory.',
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--input', help='image, folder of images, video file or bag to look at')
    parser.add_argument('--topic', help='image topic of a bag that has several')
    parser.add_argument('--output', metavar='OUT', help='what to write, see below')
    parser.add_argument('--truth', nargs='+', default=[], metavar='DIR', help='see below')
    parser.add_argument('--tissue', nargs='+', default=[], metavar='DIR', help='see below')
    parser.add_argument('--json', metavar='FILE', help='file for what --truth and --tissue tell')
    parser.add_argument(
        '--every', type=int, default=1, metavar='N', help='look at every N-th frame alone'
    )
    parser.add_argument(
        '--detector',
        default='auto',
        metavar='FILE',
        help='weights of the detector; auto takes those beside the model (default: %(default)s)',
    )
    parser.add_argument(
        '--min-score',
        type=float,
        metavar='SCORE',
        help="least score of an instrument, 0 to 1 (default: the detector's own)",
    )
    add_model_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show or measure; returns 0.

    Raises:
        CommandError: for arguments that do not go together.
    """
    measures = bool(arguments.truth or arguments.tissue)
    if bool(arguments.input) == measures:
        raise CommandError('give either --input, or --truth and --tissue')
    if arguments.every < 1:
        raise CommandError(f'--every {arguments.every} must be at least 1')
    return _measure(arguments) if measures else _show(arguments)


def _load(arguments: argparse.Namespace, min_score: float | None) -> tuple[Any, Detector]:
    from surgsam2_ros.network.instrument_decoding import DecodingRule
    from surgsam2_ros.network.instrument_detector import detector_beside, load_detector
    from surgsam2_ros.tracking import Detector

    network = load_tracker_network(arguments)
    path = arguments.detector
    if path == 'auto':
        path = detector_beside(find_model(arguments.model))
    rule = DecodingRule() if min_score is None else DecodingRule(min_score)
    return network.prepare_inference(), Detector(load_detector(path, network), rule)


def _show(arguments: argparse.Namespace) -> int:
    output = None if arguments.output is None else Path(arguments.output)
    number, frames, names, rate = _open(arguments)
    if (
        output is not None
        and output.exists()
        and output.resolve() == Path(arguments.input).resolve()
    ):
        raise CommandError(f'--output {output} is the input; name another')
    from surgsam2_ros.commands.detect.output import DetectionWriter

    network, detector = _load(arguments, arguments.min_score)
    found = 0
    writer = DetectionWriter(output, -(-number // arguments.every), rate)
    with Progress(number, 'detecting') as progress, writer:
        for index, rgb in enumerate(frames):
            if index % arguments.every == 0:
                proposals = detector.detect(network, rgb)
                found += len(proposals)
                writer.add(names[index], rgb, proposals)
            progress.update(index + 1)
    where = '' if output is None else f'; {output}'
    print(f'{writer.frames} frames, {found} instruments, {network.config.name}{where}')
    return 0


def _open(
    arguments: argparse.Namespace,
) -> tuple[int, Iterator[np.ndarray], Sequence[str], float]:
    """Return the number of frames, the frames, their names, and how many come in a second."""
    import cv2

    from surgsam2_ros.sources import open_source
    from surgsam2_ros.sources.frame_source import DEFAULT_RATE_HZ
    from surgsam2_ros.sources.image_folder import IMAGE_SUFFIXES

    path = Path(arguments.input)
    if path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES:
        rgb = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
        if rgb is None:
            raise CommandError(f'{path} is no readable image')
        return 1, iter([rgb]), [path.stem], DEFAULT_RATE_HZ
    source = open_source(path, topic=arguments.topic)
    names = [source.stem(index) for index in range(len(source))]
    return len(source), (frame.rgb for frame in source), names, source.rate_hz


def _measure(arguments: argparse.Namespace) -> int:
    from surgsam2_ros.evaluation.detector_scores import (
        count_frames,
        score_detector,
        tissue_pictures,
    )
    from surgsam2_ros.network.instrument_decoding import DecodingRule

    counts = [count_frames(root, arguments.every) for root in arguments.truth]
    counts += [len(tissue_pictures(folder)) for folder in arguments.tissue]
    min_score = arguments.min_score
    if min_score is None:
        min_score = DecodingRule().min_score
    network, detector = _load(arguments, min(min_score, _DOUBTFUL))
    detect = partial(detector.detect, network)
    done = count(1)
    with Progress(sum(counts), 'detecting') as progress:
        scores = score_detector(
            detect,
            min_score,
            truth=arguments.truth,
            tissue=arguments.tissue,
            every=arguments.every,
            progress=lambda: progress.update(next(done)),
        )
    report = {
        'command': command_line(),
        'model': network.config.name,
        'min_score': min_score,
        'every': arguments.every,
        **scores,
    }
    print('\n'.join(_table(report)))
    if arguments.json:
        text = json.dumps(_rounded(report), indent=2) + '\n'
        Path(arguments.json).write_text(text, encoding='utf-8')
    return 0


def _table(report: dict[str, Any]) -> Iterator[str]:
    yield f'instruments of score {report["min_score"]:.2f} or more, at an IoU of 0.5'
    for name, scores in report['truth'].items():
        yield f'{name}: {scores["frames"]} frames, IoU of all {scores["foreground_iou"]:.3f}'
        for kind in ('boxes', 'masks'):
            row = scores[kind]
            values = ((title, row[key]) for title, key in _COLUMNS)
            told = ', '.join(f'{t} {"-" if v is None else f"{v:.3f}"}' for t, v in values)
            yield f'  {kind}: {told}; {row["found"]} of {row["instruments"]}, {row["false"]} false'
    for name, scores in report['tissue'].items():
        yield (
            f'{name}: {scores["false"]} false in {scores["pictures"]} pictures without instruments '
            f'({scores["false_per_200"]:.1f} in 200)'
        )


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return round(value, 4) if isinstance(value, float) else value
