# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The arguments of `surgsam2 evaluate`, from the command line and from a file, and their sense."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.evaluate.config import read_config
from surgsam2_ros.commands.evaluate.discovery import NO_PROMPT, check_promptless
from surgsam2_ros.commands.evaluate.parameters import (
    network_changes,
    node_schema,
    tracker_changes,
)
from surgsam2_ros.commands.model_loading import DEFAULT_MODEL

if TYPE_CHECKING:
    from surgsam2_ros.evaluation.runs.settings import NetworkChoice
    from surgsam2_ros.tracking import TrackerConfig

THROUGH = ('tracker', 'node', 'both')
PROMPTS = ('mask', 'box', 'click', '1-point', '5-points', NO_PROMPT)
BEHAVIOURS = ('node', 'published')

DEFAULTS: dict[str, Any] = {
    'config': None,
    'input': None,
    'truth': None,
    'image_topic': None,
    'truth_topic': None,
    'tolerance_ms': 5.0,
    'videos': [],
    'output': None,
    'name': None,
    'overwrite': False,
    'through': 'tracker',
    'rate': None,
    'prompt': 'mask',
    'seed': 0,
    'correct_every': 0,
    'correct_below': 0.75,
    'objects': [],
    'one_at_a_time': False,
    'model': DEFAULT_MODEL,
    'checkpoint': None,
    'device': 'auto',
    'precision': 'fp32',
    'behaviour': 'node',
    'set': [],
    'jobs': None,
    'threads': 1,
    'ray': None,
    'skip_ends': True,
    'overlay': False,
    'hard_clips': 0,
    'baselines': False,
    'failures': None,
    'board': False,
    'corrections': 12,
    'json': None,
}
_BOARD_ONLY = ('corrections', 'json')
_NOT_OF_BOARDS = (
    'output',
    'name',
    'overwrite',
    'through',
    'rate',
    'prompt',
    'correct_every',
    'correct_below',
    'objects',
    'one_at_a_time',
    'ray',
    'skip_ends',
    'overlay',
    'failures',
)
_HARD_CLIPS = Path('build') / 'evaluation'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add all arguments; those not given are absent afterwards, so that a file can fill in.

    Args:
        parser: made with `argument_default=argparse.SUPPRESS`.
    """
    add = parser.add_argument_group('what is evaluated').add_argument
    add('--input', nargs='+', type=Path, help='data sets, bags, folders of bags (see below)')
    add('--truth', type=Path, metavar='PATH', help='label images: a folder, or bags (see below)')
    add('--image-topic', metavar='TOPIC', help='image topic of bags that have several')
    add('--truth-topic', metavar='TOPIC', help='topic of label images (mono8, mono16)')
    add(
        '--tolerance-ms',
        type=float,
        metavar='MS',
        help='most that the stamps of an image and its label image may differ (default: 5)',
    )
    add(
        '--hard-clips',
        type=int,
        metavar='N',
        help='also N rendered clips of each hard kind (smoke, failing light, look-alikes that '
        f'cross, leaving and returning), which are kept in {_HARD_CLIPS}/hard_clips_N',
    )
    add('--videos', nargs='+', metavar='NAME', help='evaluate these videos alone')
    add('--config', type=Path, metavar='YAML', help='arguments from a file; these here go first')

    add = parser.add_argument_group('how it is tracked').add_argument
    add('--through', choices=THROUGH, help='the tracker (default), the real node, or both')
    add(
        '--rate', type=float, metavar='HZ', help="images per second for the node (the bag's, or 15)"
    )
    add(
        '--prompt',
        choices=PROMPTS,
        help='what an object is shown by, once (default: mask); none: nothing is shown, the '
        "network's detector finds instruments, and tracks are paired with the truth afterwards",
    )
    add('--seed', type=int, metavar='N', help='of the points (default: 0)')
    add(
        '--correct-every',
        type=int,
        metavar='N',
        help='correct each object by a click every N frames (default: 0, never)',
    )
    add(
        '--correct-below',
        type=float,
        metavar='IOU',
        help='correct only masks with less overlap than this (default: 0.75; 1 corrects always)',
    )
    add('--objects', nargs='+', metavar='ID', help='ids to track, as 3 or 1-10 (default: all)')
    add(
        '--one-at-a-time',
        action=argparse.BooleanOptionalAction,
        help='one object after the other, as the tool of the authors does, instead of jointly',
    )
    add(
        '--baselines',
        action=argparse.BooleanOptionalAction,
        help='put trackers without learning beside the network, from first masks: the mask copied, '
        'optical flow, with GrabCut, and CSRT where OpenCV has it',
    )
    add('--model', metavar='YAML', help='network: a file, or a name in the package (default: nano)')
    add('--checkpoint', metavar='FILE', help='weights; by default those of the model')
    add('--device', help='auto (a GPU if there is one), cpu, cuda or cuda:N')
    add('--precision', choices=('fp32', 'fp16', 'bf16'), help='arithmetic (default: fp32)')
    add(
        '--behaviour',
        choices=BEHAVIOURS,
        help="memory and states as the node's parameters are by default, or as in the published "
        'SurgSAM2 (default: node)',
    )
    add(
        '--set',
        action='append',
        metavar='KEY=VALUE',
        help="a parameter of the node's, such as memory.num_frame_to_prune=0 or "
        'tracking.presence_threshold=0.7, with --prompt none also discovery.min_score=0.3, or '
        'network.KEY=VALUE; can be repeated',
    )

    add = parser.add_argument_group('where it goes').add_argument
    add('--output', type=Path, metavar='DIR', help='results; a run that is there goes on')
    add('--overwrite', action='store_true', help='remove the run in the output folder')
    add('--name', help="of the run, for comparisons (default: the output folder's)")
    add(
        '--skip-ends',
        action=argparse.BooleanOptionalAction,
        help="leave each object's first and last frame out of the scores, as the authors' "
        'evaluator does (default: yes)',
    )
    add('--overlay', action=argparse.BooleanOptionalAction, help='also write a video per video')
    add(
        '--failures',
        type=Path,
        metavar='FILE',
        help='also draw prompt, truth and track of the worst frames (.jpg or .png)',
    )

    add = parser.add_argument_group('boards, see below').add_argument
    add(
        '--board',
        action=argparse.BooleanOptionalAction,
        help='measure a network on data sets of videos instead: from masks, boxes and clicks, '
        'its promises and corrections; prints tables',
    )
    add('--json', type=Path, metavar='FILE', help='also write the figures of the boards')
    add(
        '--corrections',
        type=int,
        metavar='N',
        help='correct at most N bad object-frames per video of a board (default: 12; 0: none)',
    )

    add = parser.add_argument_group('how fast').add_argument
    add('--jobs', type=int, metavar='N', help='videos at once (default: cores, 1 on a GPU)')
    add('--threads', type=int, metavar='N', help='of the network in each job (default: 1)')
    add('--ray', metavar='ADDRESS', help='spread the videos over a Ray cluster')


def complete(given: argparse.Namespace) -> argparse.Namespace:
    """Fill arguments that were not given from --config, then from DEFAULTS.

    Raises:
        CommandError: when the file cannot be read, or what is needed is missing or impossible.
    """
    values = dict(DEFAULTS)
    if getattr(given, 'config', None) is not None:
        values.update(read_config(given.config, add_arguments, DEFAULTS.keys() - {'config'}))
    added = [*values['set'], *getattr(given, 'set', [])]
    values.update(vars(given) | {'set': added})
    options = argparse.Namespace(**values)
    _check_board(options)
    if options.input is None and not options.hard_clips:
        raise CommandError('--input is missing: name what to evaluate, or give --hard-clips N')
    if options.output is None and not options.board:
        raise CommandError('--output is missing: name a folder for the results')
    least_of = {'jobs': 1, 'threads': 1, 'correct_every': 0, 'corrections': 0, 'seed': 0}
    least_of['hard_clips'] = 0
    for name, least in least_of.items():
        value = getattr(options, name)
        if value is not None and value < least:
            raise CommandError(f'--{name.replace("_", "-")} is {value}; give at least {least}')
    if not 0 < options.correct_below <= 1:
        raise CommandError(f'--correct-below {options.correct_below} is no IoU above 0, up to 1')
    if options.rate is not None and not 0 < options.rate < math.inf:
        raise CommandError(f'--rate {options.rate} is impossible; give images per second')
    if options.failures is not None and options.failures.suffix not in ('.jpg', '.png'):
        raise CommandError(f'--failures {options.failures} must end with .jpg or .png')
    read_object_ids(options.objects)
    check_promptless(options)
    return options


def find_inputs(options: argparse.Namespace) -> list[Path]:
    """Return what --input names, and the hard clips, which are rendered where they are missing."""
    inputs = list(options.input or ())
    if options.hard_clips:
        from surgsam2_ros.evaluation.hard_clips import write_hard_clips

        inputs.append(_HARD_CLIPS / f'hard_clips_{options.hard_clips}')
        write_hard_clips(inputs[-1], options.hard_clips)
    return inputs


def _check_board(options: argparse.Namespace) -> None:
    """Refuse arguments that would be without effect."""
    names = _NOT_OF_BOARDS if options.board else _BOARD_ONLY
    for name in names:
        if getattr(options, name) != DEFAULTS[name]:
            option = f'--{name.replace("_", "-")}'
            if not options.board:
                raise CommandError(f'{option} is of boards; add --board, or leave it out')
            raise CommandError(
                f'{option} has no effect on a board, which measures masks, boxes, clicks and '
                'corrections through the tracker and writes --json; leave it out'
            )


def read_object_ids(entries: Sequence[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Read what --objects says: ids and ranges of ids.

    Returns:
        all ids, ascending, and those that were named one by one.

    Raises:
        CommandError: for what is no id.
    """
    ids: set[int] = set()
    named: set[int] = set()
    for entry in entries:
        first, dash, last = str(entry).partition('-')
        last = last if dash else first
        if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last) <= 254):
            raise CommandError(f'--objects {entry} is no object id (1 to 254), nor a range as 1-10')
        ids.update(range(int(first), int(last) + 1))
        named.update(() if dash else {int(first)})
    return tuple(sorted(ids)), tuple(sorted(named))


def choose_network(options: argparse.Namespace) -> NetworkChoice:
    """Find the network, its weights and a device.

    Raises:
        CommandError: when one of them is not there.
    """
    from surgsam2_ros.commands.model_loading import choose_device, find_model
    from surgsam2_ros.evaluation.runs.settings import NetworkChoice

    device = choose_device(options.device)
    if device == 'cpu' and options.precision != 'fp32':
        raise CommandError(f'--precision {options.precision} needs a GPU; use fp32 on a CPU')
    checkpoint = None if options.checkpoint is None else Path(options.checkpoint)
    if checkpoint is not None and not checkpoint.is_file():
        raise CommandError(f'checkpoint {checkpoint} does not exist')
    return NetworkChoice(
        config=find_model(options.model),
        checkpoint=checkpoint,
        device=device,
        precision=options.precision,
        threads=options.threads,
        changes=tuple(sorted(network_changes(options.set).items())),
    )


def choose_tracker(options: argparse.Namespace, network: NetworkChoice) -> TrackerConfig:
    """Return the tracker's settings: --behaviour, changed by --set.

    Raises:
        CommandError: when a name or value is wrong, or does not fit the network.
    """
    from surgsam2_ros.evaluation.runs.settings import tracker_config
    from surgsam2_ros.tracking import memories_read

    parameters = _node_defaults() if options.behaviour == 'node' else {}
    try:
        config = tracker_config(parameters | tracker_changes(options.set))
        memories_read(network.network_config(), config)
    except ValueError as error:
        raise CommandError(f'--set: {error}') from error
    return config


def processes_for(options: argparse.Namespace, network: NetworkChoice, jobs: int) -> int:
    """How many videos at once: as many as asked for, else one per core, or one on a GPU."""
    if options.jobs is not None:
        return options.jobs
    if network.device != 'cpu':
        return 1
    return max(1, min(jobs, len(os.sched_getaffinity(0)) // options.threads))


def _node_defaults() -> dict[str, Any]:
    """Defaults of the node's parameters that are settings of the tracker."""
    from surgsam2_ros.evaluation.runs.settings import PARAMETERS

    entries = node_schema()
    return {name: entries[name]['default'] for name in PARAMETERS if name in entries}
