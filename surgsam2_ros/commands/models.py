# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 models list|info|verify|convert|average`: networks and their weights."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.model_loading import find_model

if TYPE_CHECKING:
    from torch import Tensor

    from surgsam2_ros.network import NetworkConfig

DTYPES = ('keep', 'fp32', 'fp16', 'bf16')
_SUFFIXES = ('.safetensors', '.pt', '.pth')
_CONVERT_HELP = """\
The suffix of DST decides: .safetensors for the node, .pt or .pth for the official SAM 2 code
({'model': …}). SRC is any checkpoint that the node reads; a training state is stripped to its
weights. --dtype fp16 halves the file; the network computes in fp32 all the same on a CPU.
"""

_AVERAGE_HELP = """\
Take the mean of weights, tensor by tensor (a model soup, Wortsman et al., ICML 2022). It is often
better than each of them when one training started from the other. SHARE is a number, 1 unless
given; shares are divided by their sum:
  surgsam2 models average nano.safetensors before.safetensors:0.3 after.safetensors:0.7
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command and its sub-commands to the command line."""
    parser = subparsers.add_parser(
        'models',
        help='list, check, convert and average networks and their weights',
        description='List, check, convert and average networks and their weights.',
    )
    actions = parser.add_subparsers(metavar='ACTION', required=True)
    listing = actions.add_parser('list', help='list the networks and which weights are there')
    listing.set_defaults(run=run_list)

    info = actions.add_parser('info', help='describe a network or a file of weights')
    info.add_argument('name', metavar='MODEL|FILE', help='a name of the list, a YAML, or weights')
    info.set_defaults(run=run_info)

    verify = actions.add_parser(
        'verify',
        help='check weights: checksum, shapes, numbers',
        description='Check weights: the checksum where it is known, that they fit their network, '
        'that all numbers are finite. Without arguments, all weights that are there.',
    )
    verify.add_argument('names', metavar='MODEL|FILE', nargs='*')
    verify.set_defaults(run=run_verify)

    convert = actions.add_parser(
        'convert',
        help='convert weights between .pt and .safetensors',
        description=_CONVERT_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    convert.add_argument('source', metavar='SRC', type=Path)
    convert.add_argument('target', metavar='DST', type=Path)
    convert.add_argument('--dtype', choices=DTYPES, default='keep', help='%(default)s')
    convert.add_argument('--overwrite', action='store_true', help='replace DST')
    convert.set_defaults(run=run_convert)

    average = actions.add_parser(
        'average',
        help='average weights of several trainings of a network',
        description=_AVERAGE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    average.add_argument('target', metavar='DST', type=Path)
    average.add_argument('sources', metavar='SRC[:SHARE]', nargs='+')
    average.add_argument('--dtype', choices=DTYPES, default='fp16', help='%(default)s')
    average.add_argument('--overwrite', action='store_true', help='replace DST')
    average.set_defaults(run=run_average)


def run_list(arguments: argparse.Namespace) -> int:
    """Print a line per network; returns 0."""
    rows = [('MODEL', 'KIND', 'INPUT', 'WEIGHTS', '')]
    for config in _all_configs():
        path = _weights_path(config)
        there = _megabytes(path) if path is not None and path.is_file() else 'not here'
        kind = {'sam2': 'SAM 2', 'sam2.1': 'SAM 2.1'}[config.kind]
        size = f'{config.image_size} px'
        rows.append((config.name, kind, size, config.checkpoint or 'none', there))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print('  '.join(cells).rstrip())
    print(
        f'\nWeights that are not here go into {_models_folder()}; '
        '`surgsam2 models info MODEL` tells where to get them.'
    )
    return 0


def run_info(arguments: argparse.Namespace) -> int:
    """Describe one network or one file of weights; returns 0."""
    path = Path(arguments.name).expanduser()
    facts = (
        _describe_weights(path)
        if path.suffix in _SUFFIXES
        else _describe_network(_load_config(arguments.name))
    )
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        print(f'{name.ljust(width)}  {value}')
    return 0


def run_verify(arguments: argparse.Namespace) -> int:
    """Check weights; returns 0, or 1 when any are wrong or a named one is missing."""
    from surgsam2_ros.network import CheckpointError
    from surgsam2_ros.network.weights_check import check_weights

    if arguments.names:
        pairs = [_pair(name) for name in arguments.names]
    else:
        pairs = [(config, _weights_path(config)) for config in _all_configs()]
        pairs = [(config, path) for config, path in pairs if path is not None and path.is_file()]
    wrong = 0
    for config, path in pairs:
        try:
            checked = check_weights(config, path)
            known = 'checksum right'
            if not checked.checksum_known:
                known = f'sha256 {checked.sha256}, none known to compare with'
            report = f'{checked.path}: {known}, {checked.tensors} tensors fit, all numbers finite'
        except CheckpointError as error:
            wrong += 1
            report = f'wrong: {error}'
        print(f'{config.name}: {report}')
    return 1 if wrong else 0


def run_convert(arguments: argparse.Namespace) -> int:
    """Convert weights; returns 0."""
    from surgsam2_ros.network.checkpoint import read_state_dict

    source = arguments.source.expanduser()
    _write(arguments, read_state_dict(source), [source])
    return 0


def run_average(arguments: argparse.Namespace) -> int:
    """Average weights; returns 0."""
    from surgsam2_ros.network.checkpoint import average_states, read_state_dict

    paths, shares = zip(*(_path_and_share(text) for text in arguments.sources), strict=True)
    try:
        state = average_states([read_state_dict(path) for path in paths], shares)
    except ValueError as error:
        raise CommandError(f'{", ".join(str(path) for path in paths)}: {error}') from error
    _write(arguments, state, paths)
    return 0


def _path_and_share(text: str) -> tuple[Path, float]:
    name, colon, share = text.rpartition(':')
    if not colon:
        return Path(text).expanduser(), 1.0
    try:
        return Path(name).expanduser(), float(share)
    except ValueError as error:
        raise CommandError(f'{text}: {share!r} is no number; write FILE:SHARE') from error


def _write(
    arguments: argparse.Namespace, state: dict[str, Tensor], sources: Sequence[Path]
) -> None:
    """Write weights to `arguments.target` in the format of its suffix and say so."""
    import torch

    from surgsam2_ros.network.checkpoint import network_family
    from surgsam2_ros.training.export import cast_state, export_official, export_safetensors

    target = arguments.target.expanduser()
    if target.suffix not in _SUFFIXES:
        raise CommandError(f'{target} must end in one of {", ".join(_SUFFIXES)}')
    if target.exists() and (
        not arguments.overwrite or any(target.samefile(source) for source in sources)
    ):
        raise CommandError(f'{target} exists; name another file or give --overwrite')
    names = ', '.join(str(source) for source in sources)
    family = network_family(state)
    if family is None:
        raise CommandError(f'{names} holds no SAM 2 network (first key {next(iter(state))!r})')
    dtype = {'fp32': torch.float32, 'fp16': torch.float16, 'bf16': torch.bfloat16}.get(
        arguments.dtype
    )
    if dtype is not None:
        try:
            state = cast_state(state, dtype)
        except ValueError as error:
            raise CommandError(str(error)) from error
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == '.safetensors':
        origin = ', '.join(source.name for source in sources)
        export_safetensors(state, target, {'source': origin}, dtype=None)
    else:
        export_official(state, target)
    print(f'{names} ({family.title}) written to {target}, {_megabytes(target)}')


def _models_folder() -> Path:
    from surgsam2_ros.share import share_file

    return share_file('models')


def _all_configs() -> Iterator[NetworkConfig]:
    """Yield the networks of the package, nano first."""
    from surgsam2_ros.network import load_config

    paths = sorted(_models_folder().glob('*.yaml'))
    for path in sorted(paths, key=lambda p: not p.stem.startswith('surgsam2')):
        yield load_config(path)


def _load_config(name: str) -> NetworkConfig:
    from surgsam2_ros.network import load_config

    return load_config(find_model(name))


def _weights_path(config: NetworkConfig) -> Path | None:
    if config.checkpoint is None or config.directory is None:
        return None
    return config.directory / config.checkpoint


def _pair(name: str) -> tuple[NetworkConfig, Path | None]:
    """Find network and weights of a model's name or of a file of weights."""
    from surgsam2_ros.network.checkpoint import network_family, read_state_dict

    path = Path(name).expanduser()
    if path.suffix not in _SUFFIXES:
        config = _load_config(name)
        return config, _weights_path(config)
    for config in _all_configs():
        if config.checkpoint == path.name:
            return config, path
    family = network_family(read_state_dict(path))
    if family is None or family.config is None:
        title = 'no SAM 2 network' if family is None else family.title
        raise CommandError(f'{path} holds {title}; none of the networks in models/ belongs to it')
    return _load_config(family.config), path


def _describe_network(config: NetworkConfig) -> list[tuple[str, Any]]:
    from surgsam2_ros.network import build_network

    path = _weights_path(config)
    parameters = sum(p.numel() for p in build_network(config).parameters())
    facts = [
        ('model', config.name),
        ('kind', f'{config.kind}, trunk {config.trunk.type}'),
        ('input', f'{config.image_size} x {config.image_size} px'),
        ('parameters', f'{parameters / 1e6:.2f} M'),
        ('memory', f'{config.num_maskmem} frames, {config.num_frame_to_prune} of them pruned'),
        ('weights', 'no default' if path is None else path),
    ]
    if path is not None and path.is_file():
        facts += _file_facts(path)
    else:
        facts.append(('file', 'not here'))
    facts.append(('expected sha256', config.checkpoint_sha256 or 'not known'))
    if config.weights_source:
        facts.append(('source', config.weights_source))
    return facts


def _describe_weights(path: Path) -> list[tuple[str, Any]]:
    from surgsam2_ros.network.checkpoint import network_family, read_state_dict

    state = read_state_dict(path)
    family = network_family(state)
    dtypes = sorted({str(tensor.dtype).removeprefix('torch.') for tensor in state.values()})
    facts = [
        ('weights', path),
        ('kind', 'no SAM 2 network' if family is None else family.title),
        ('model', 'none in models/' if family is None or not family.config else family.config),
        ('parameters', f'{_count(state) / 1e6:.2f} M in {len(state)} tensors, {", ".join(dtypes)}'),
        *_file_facts(path),
    ]
    if path.suffix == '.safetensors':
        from safetensors import safe_open

        with safe_open(path, 'pt') as file:
            facts += sorted((file.metadata() or {}).items())
    return facts


def _count(state: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() for tensor in state.values())


def _file_facts(path: Path) -> list[tuple[str, str]]:
    from surgsam2_ros.network.checkpoint import file_sha256

    return [('file', _megabytes(path)), ('sha256', file_sha256(path))]


def _megabytes(path: Path) -> str:
    return f'{path.stat().st_size / 1e6:.1f} MB'
