# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 train`: train a network on rendered clips."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        'train',
        help='train a network on rendered clips',
        description='Render clips where they are missing, train on them and export the averaged '
        'weights. OUTPUT gets weights.safetensors, log.jsonl and state.pt.',
    )
    parser.add_argument('--config', type=Path, required=True, help='YAML of config/training/')
    parser.add_argument('--output', type=Path, required=True, help='folder of this training')
    parser.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='KEY=VALUE',
        dest='overrides',
        help='override a field of the configuration, for example minutes=10 or loss.dice=2',
    )
    parser.add_argument('--resume', action='store_true', help='go on from OUTPUT/state.pt')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train; returns 0."""
    from surgsam2_ros.training.config import load_training_config
    from surgsam2_ros.training.loop import train

    config = load_training_config(args.config, args.overrides)
    report = functools.partial(print, flush=True)
    train(config, args.output, resume=args.resume, report=report)
    return 0
