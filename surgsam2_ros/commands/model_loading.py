# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Loads the network that command-line arguments name, for commands that track without ROS."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from surgsam2_ros.commands import CommandError

DEFAULT_MODEL = 'models/surgsam2_nano_320.yaml'


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --model, --checkpoint and --device."""
    parser.add_argument(
        '--model',
        metavar='YAML',
        default=DEFAULT_MODEL,
        help='network configuration: a file, or a name in the package (default: %(default)s)',
    )
    parser.add_argument(
        '--checkpoint',
        metavar='FILE',
        help='weights; by default those that the configuration names',
    )
    parser.add_argument(
        '--device', default='auto', help='auto (a GPU if there is one), cpu, cuda or cuda:N'
    )


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --backend and --profile."""
    parser.add_argument(
        '--backend',
        choices=('torch', 'onnx'),
        default='torch',
        help='what runs the network in frames without prompts; onnx is faster with nano on a '
        'CPU, needs requirements/onnx.txt and exports each network once (default: %(default)s)',
    )
    parser.add_argument(
        '--profile',
        choices=('exact', 'fast'),
        default='exact',
        help='fast gives a little accuracy for speed, see docs/engines.md (default: %(default)s)',
    )


def find_model(name: str) -> Path:
    """Return the file that --model names: as it stands, in the package, or in its models/.

    Raises:
        CommandError: when there is no such file; the message lists the package's models.
    """
    from surgsam2_ros.share import share_file

    path = Path(name).expanduser()
    if path.is_file():
        return path
    for candidate in (name, f'models/{name}', f'models/{name}.yaml'):
        try:
            return share_file(candidate)
        except FileNotFoundError:
            continue
    models = sorted(p.stem for p in share_file('models').glob('*.yaml'))
    raise CommandError(f"there is no model '{name}'; the package has {', '.join(models)}")


def choose_device(device: str) -> str:
    """Return the device that --device names; 'auto' is a GPU if there is one.

    Raises:
        CommandError: when there is no GPU and one is asked for.
    """
    import torch

    has_cuda = torch.cuda.is_available()
    if device == 'auto':
        device = 'cuda' if has_cuda else 'cpu'
    if device.startswith('cuda') and not has_cuda:
        raise CommandError(f"device '{device}' is not available here; use --device cpu")
    return device


def use_arithmetic(arguments: argparse.Namespace) -> str:
    """Have a GPU round as the node does, for `add_engine_arguments`; returns the precision.

    Nothing is captured: most files are over before all captures are made.
    """
    from surgsam2_ros.engines import DeviceDescription, choose_arithmetic
    from surgsam2_ros.network.current_device import use_device

    device = choose_device(arguments.device)
    use_device(device)
    described = DeviceDescription.of(device)
    chosen = choose_arithmetic(described, profile=arguments.profile, backend=arguments.backend)
    chosen.apply(described)
    return chosen.precision


def load_tracker_network(arguments: argparse.Namespace, precision: str = 'fp32') -> Any:
    """Load the network for `add_model_arguments`.

    Args:
        arguments: given on the command line.
        precision: see `network.load_network`.

    Raises:
        CommandError: when the model, the checkpoint or the device is not there.
    """
    from surgsam2_ros.network import load_network

    device = choose_device(arguments.device)
    if arguments.checkpoint is not None and not Path(arguments.checkpoint).is_file():
        raise CommandError(f'checkpoint {arguments.checkpoint} does not exist')
    model = find_model(arguments.model)
    return load_network(model, checkpoint=arguments.checkpoint, device=device, precision=precision)


def build_tracker(network: Any, arguments: argparse.Namespace) -> Any:
    """Make the tracker for `add_engine_arguments`; what it cannot do fast is told on stderr."""
    from surgsam2_ros.engines import EngineSettings, build_engine
    from surgsam2_ros.tracking import StreamingTracker, TrackerConfig

    settings = EngineSettings(backend=arguments.backend, profile=arguments.profile)
    config = settings.tracker_config(network, TrackerConfig())

    def warn(text: str) -> None:
        print(f'surgsam2: warning: {text}', file=sys.stderr)

    return StreamingTracker(network, config, build_engine(network, settings, config, warn))
