# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 train`: train a network on clips of data sets, bags and rendered scenes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from surgsam2_ros.training.monitoring import Status

_LINE_STEPS = 20


class MissingPackageError(RuntimeError):
    """A package that training needs and the rest does not."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        'train',
        help='train a network on clips of data sets, bags and rendered scenes',
        description='Train on the sources of clips that a configuration names. OUTPUT gets best.* '
        'and last.* (.safetensors for the node, .pt for the official SAM 2 code too), log.jsonl, '
        'tensorboard/, validation/ with pictures of predictions, and state.pt to resume from. '
        'Several GPUs: torchrun --nproc-per-node N -m surgsam2_ros.cli train …',
    )
    parser.add_argument('--config', type=Path, help='YAML, such as those of config/training/')
    parser.add_argument(
        '--output',
        type=Path,
        help="folder of this training (default: build/training/ and the configuration's name)",
    )
    parser.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='KEY=VALUE',
        dest='overrides',
        help='override a field of the configuration, for example steps=100, loss.dice=2 or '
        'data.0.path=/data/endovis18/train',
    )
    parser.add_argument('--resume', action='store_true', help='go on from OUTPUT/state.pt')
    parser.add_argument(
        '--replay',
        type=Path,
        metavar='FILE',
        help='compute the losses of a step again that a training saved when it stopped',
    )
    parser.set_defaults(run=run, fail=parser.error)


def run(args: argparse.Namespace) -> int:
    """Train; returns 0, or 1 when a replayed loss is not finite.

    Raises:
        MissingPackageError: naming a package that is not installed.
    """
    if args.config is None and args.replay is None:
        args.fail('the following arguments are required: --config (or --replay)')
    try:
        return _train(args) if args.replay is None else _replay(args.replay)
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f'training needs the package {error.name}, which is not installed; install what it '
            'needs with: pip install --no-deps -r requirements/train.txt'
        ) from error


def _train(args: argparse.Namespace) -> int:
    from surgsam2_ros.training.config import read_settings, training_config
    from surgsam2_ros.training.detector.config import TASK, detector_config
    from surgsam2_ros.training.detector.loop import train_detector
    from surgsam2_ros.training.loop import train

    values, root = read_settings(args.config, args.overrides)
    output = args.output or Path('build/training') / args.config.stem
    with _Display() as display:
        if values.get('task') == TASK:
            train_detector(
                detector_config(values, root), output, resume=args.resume, report=display
            )
            return 0
        config = training_config(values, root)
        train(config, output, resume=args.resume, report=display)
    return 0


def _replay(path: Path) -> int:
    from surgsam2_ros.training.reproduction import is_finite, replay

    finite = True
    for titles, terms in replay(path):
        finite = finite and is_finite(terms)
        print('; '.join(titles))
        print('  ' + ' '.join(f'{name} {value:.6g}' for name, value in terms.items()))
    return 0 if finite else 1


class _Display:
    """A bar with losses, scores and the time left on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._bar = None
        self._untold: list[Mapping[str, float]] = []

    def __call__(self, status: Status) -> None:
        """Show how far the training is."""
        from tqdm import tqdm

        if status.message:
            tqdm.write(status.message, file=sys.stdout)
            sys.stdout.flush()
        if not sys.stderr.isatty():
            if status.terms:
                self._untold.append(status.terms)
            if len(self._untold) == _LINE_STEPS:
                status = replace(status, terms=mean_terms(self._untold))
                print(f'{100 * status.progress:.1f} % {describe(status)}', flush=True)
                self._untold = []
            return
        if self._bar is None:
            form = '{percentage:5.1f}% {bar:20} {desc}'
            self._bar = tqdm(total=1.0, bar_format=form, dynamic_ncols=True, file=sys.stderr)
        if status.terms:
            self._bar.set_description_str(describe(status), refresh=False)
            self._bar.update(status.progress - self._bar.n)

    def __enter__(self) -> _Display:
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave the line of the bar."""
        if self._bar is not None:
            self._bar.close()


def mean_terms(steps: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each term over steps, those of single images among them."""
    return {name: sum(terms[name] for terms in steps) / len(steps) for name in steps[0]}


def describe(status: Status) -> str:
    """Say in a line what step it is, its losses, the last scores and the time left."""
    words = [f'step {status.step}', f'loss {status.loss:.3f}']
    terms = [f'{name} {value:.3f}' for name, value in status.terms.items()]
    words.append(f'({" ".join(terms)})')
    words += [f'{name} {value:.3f}' for name, value in status.scores.items() if name == 'J']
    if status.seconds_left is not None:
        minutes, seconds = divmod(round(status.seconds_left), 60)
        words.append(f'{minutes // 60}:{minutes % 60:02d}:{seconds:02d} left')
    return ' '.join(words)
