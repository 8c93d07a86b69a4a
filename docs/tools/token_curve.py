# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What attending to a part of each memory costs in accuracy and saves in time, on rendered clips.

The profile `fast` as a whole is measured besides: with an encoder in 8 bits where it takes one.

    python docs/tools/token_curve.py --json OUT --plot OUT.png

Accuracy is measured on held-out clips of the hard kinds, from first-frame masks, cost on a clip of
moving bars once all memories are full.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import shlex
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from surgsam2_ros.benchmarks.token_chart import write_curve
from surgsam2_ros.benchmarks.token_cost import all_tokens, token_costs
from surgsam2_ros.benchmarks.token_table import markdown_table
from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.model_loading import add_model_arguments, load_tracker_network
from surgsam2_ros.datasets.vos_folder import VosFolder, VosVideo
from surgsam2_ros.engines.settings import EngineSettings, build_engine
from surgsam2_ros.evaluation.hard_clips import write_hard_clips
from surgsam2_ros.evaluation.runs.frame_scores import FrameScores, ObjectResult
from surgsam2_ros.evaluation.runs.run_description import describe_hardware, describe_versions
from surgsam2_ros.evaluation.runs.video import object_ids
from surgsam2_ros.evaluation.scores import later_frames, mean_scores
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.sources import open_source, read_label_png
from surgsam2_ros.tracking import Engine, StreamingTracker, TrackerConfig

TOKENS = (32, 48, 64, 96, 128, 192, 256)
OBJECTS = 2


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog='python docs/tools/token_curve.py', description=__doc__.split('\n')[0]
    )
    parser.add_argument(
        '--hard-clips', type=int, default=10, metavar='N', help='clips of each kind (%(default)s)'
    )
    parser.add_argument(
        '--tokens', type=int, nargs='+', default=list(TOKENS), metavar='K',
        help='tokens of each memory; all of them are measured besides '
        f'(default: {" ".join(map(str, TOKENS))})',
    )  # fmt: skip
    parser.add_argument('--rounds', type=int, default=30, help='timed frames of each (%(default)s)')
    parser.add_argument('--json', type=Path, metavar='OUT', help='write all that was measured')
    parser.add_argument('--plot', type=Path, metavar='OUT.png', help='draw it')
    parser.add_argument(
        '--clips', type=Path, default=Path('build/evaluation'), metavar='FOLDER',
        help='where the clips are rendered (%(default)s)',
    )  # fmt: skip
    add_model_arguments(parser)
    parsed = parser.parse_args(arguments)
    for name, least in (('hard_clips', 1), ('rounds', 1)):
        if getattr(parsed, name) < least:
            option = name.replace('_', '-')
            parser.error(f'--{option} {getattr(parsed, name)} must be at least {least}')
    if parsed.plot is not None and parsed.plot.suffix != '.png':
        parser.error(f'--plot {parsed.plot} must be a PNG; give it the ending .png')
    return parsed


def measure(
    network: SurgSAM2, videos: Iterable[VosVideo], tokens: Iterable[int], rounds: int
) -> dict[str, Any]:
    """Measure accuracy and cost for every number of tokens, and accuracy of the fast profile.

    Args:
        network: in evaluation mode.
        videos: every frame of them labelled.
        tokens: of each memory, 1 to all of them.
        rounds: timed frames of each.

    Raises:
        CommandError: for a number of tokens that a memory does not have.
    """
    whole = all_tokens(network)
    choices = sorted({*tokens, whole})
    if choices[0] < 1 or choices[-1] > whole:
        wrong = choices[0] if choices[0] < 1 else choices[-1]
        raise CommandError(f'--tokens {wrong} is not possible; a memory has 1 to {whole} tokens')
    videos = list(videos)
    fast = EngineSettings(profile='fast')
    fast_config = fast.tracker_config(network, TrackerConfig())
    fast_engine = build_engine(network, fast, fast_config, _tell)
    exact = [TrackerConfig(memory_tokens=choice) for choice in choices]
    tracks: dict[int, list[float]] = {choice: [] for choice in choices}
    fast_tracks: list[float] = []
    for video in videos:
        _tell(f'tracking {video.name}')
        for choice, overlaps in zip(choices, _overlaps(network, video, exact), strict=True):
            tracks[choice] += overlaps
        (overlaps,) = _overlaps(network, video, [fast_config], fast_engine)
        fast_tracks += overlaps
    _tell('measuring times')
    costs = token_costs(network.requires_grad_(False), choices, OBJECTS, rounds)
    rows = []
    for choice in choices:
        accuracy = _accuracy(tracks[choice], tracks[whole])
        cost = dataclasses.asdict(costs[choice])
        cost = {name: round(value, 4) for name, value in cost.items()}
        rows.append({'tokens': choice, **accuracy, **cost})
    return {
        'all_tokens': whole,
        'chosen_tokens': fast_config.memory_tokens,
        'clips': len(videos),
        'tracks': len(tracks[whole]),
        'objects_timed': OBJECTS,
        'rounds': rounds,
        'rows': rows,
        'fast': {
            'encoder': fast_engine.encoder.name,
            **_accuracy(fast_tracks, tracks[whole]),
        },
    }


def _overlaps(
    network: SurgSAM2,
    video: VosVideo,
    configs: Iterable[TrackerConfig],
    engine: Engine | None = None,
) -> Iterator[list[float]]:
    """Track a video with every configuration, encoded once; J of each of its objects."""
    truth = [read_label_png(frame.annotation) for frame in video.frames]
    values = object_ids(truth[0])
    encoder = StreamingTracker(network, engine=engine)
    source = open_source(video.frames[0].image.parent)
    frames = [encoder.prepare(frame.rgb) for frame in source]
    table = np.zeros(256, np.uint8)  # instance -> value in the truth
    table[1 : 1 + len(values)] = values
    for config in configs:
        tracker = StreamingTracker(network, config, engine)
        scores = FrameScores(dict.fromkeys(values, ''), len(frames))
        for value in values:
            tracker.add_object(str(value), mask=truth[0] == value)
            scores.note_prompt(0, value)
        for index, frame in enumerate(frames):
            labels = table[tracker.track(frame).label_image]
            scores.add(index, truth[index], {v: ObjectResult(labels == v) for v in values})
        yield [mean_scores(r, later_frames(r))['J'] for r in scores.records]


def _accuracy(overlaps: Sequence[float], reference: Sequence[float]) -> dict[str, float]:
    """Mean J of tracks and of its change from those of the reference, with standard errors."""
    mean, error = _mean(overlaps)
    change, change_error = _mean([a - b for a, b in zip(overlaps, reference, strict=True)])
    names = ('j', 'j_error', 'j_change', 'j_change_error')
    values = (mean, error, change, change_error)
    return {name: round(value, 4) for name, value in zip(names, values, strict=True)}


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _mean(values: Sequence[float]) -> tuple[float, float]:
    """Mean and its standard error, 0 for a single value."""
    if len(values) < 2:
        return values[0], 0.0
    return statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns 0, or 1 when it could not be measured."""
    parsed = parse_arguments(arguments)
    root = parsed.clips / f'hard_clips_{parsed.hard_clips}'
    write_hard_clips(root, parsed.hard_clips)
    try:
        network = load_tracker_network(parsed)
        measured = measure(network, VosFolder(root).videos, parsed.tokens, parsed.rounds)
    except CommandError as error:
        print(f'token_curve: error: {error}', file=sys.stderr)
        return 1
    given = sys.argv[1:] if arguments is None else arguments
    report = {
        'command': shlex.join(['python', 'docs/tools/token_curve.py', *given]),
        'model': network.config.name,
        'threads': torch.get_num_threads(),
        'hardware': describe_hardware(str(network.device)),
        'versions': describe_versions(),
        **measured,
    }
    print(markdown_table(report))
    if parsed.json is not None:
        parsed.json.parent.mkdir(parents=True, exist_ok=True)
        parsed.json.write_text(json.dumps(report, indent=2) + '\n', encoding='utf-8')
    if parsed.plot is not None:
        write_curve(parsed.plot, report)
    return 0


if __name__ == '__main__':
    sys.exit(main())
