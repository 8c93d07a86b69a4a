# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Building networks and loading checkpoints of SAM 2, SAM 2.1, SurgSAM2 and nano."""

from __future__ import annotations

import hashlib
import pickle
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from surgsam2_ros.network.config import ConfigError, NetworkConfig, load_config
from surgsam2_ros.network.surgsam2 import SurgSAM2
from surgsam2_ros.network.torch_version import require_torch

PRECISIONS = {'fp32': None, 'bf16': torch.bfloat16, 'fp16': torch.float16}

_KIND_TITLES = {'sam2': 'SAM 2', 'sam2.1': 'SAM 2.1'}
# Channels and number of blocks of the Hiera trunks, and what SAM 2 calls them.
_HIERA_SIZES = {
    (96, 12): ('tiny', 't'),
    (96, 16): ('small', 's'),
    (112, 24): ('base plus', 'b+'),
    (144, 48): ('large', 'l'),
}
_NANO_SIZES = {16: 'nano', 14: 'nano_320'}  # by the blocks of the trunk
_PATCH_KEY = 'image_encoder.trunk.patch_embed.proj.weight'
_STEM_KEY = 'image_encoder.trunk.stem.weight'
_BLOCK_KEY = re.compile(r'image_encoder\.trunk\.blocks\.(\d+)\.')


class CheckpointError(RuntimeError):
    """A checkpoint that is missing, unreadable, or belongs to another network."""


@dataclass(frozen=True)
class NetworkFamily:
    """Which network a state dict belongs to, as far as its keys and shapes tell.

    Attributes:
        title: name for people, such as ``SAM 2.1 Hiera small``.
        config: file name of the configuration that belongs to it, or None when there is none.
    """

    title: str
    config: str | None


def network_family(state: Mapping[str, Tensor]) -> NetworkFamily | None:
    """Tell which network a state dict belongs to; None when it is none of ours."""
    kind = 'sam2.1' if 'no_obj_embed_spatial' in state else 'sam2'
    if _STEM_KEY in state:
        blocks = len({match[1] for match in map(_BLOCK_KEY.match, state) if match})
        name = _NANO_SIZES.get(blocks)
        return NetworkFamily(
            f'{_KIND_TITLES[kind]} EfficientNet-Lite0 ({name or f"{blocks} blocks"})',
            f'surgsam2_{name}.yaml' if name and kind == 'sam2.1' else None,
        )
    if _PATCH_KEY not in state:
        return None
    channels = state[_PATCH_KEY].shape[0]
    blocks = len({match[1] for match in map(_BLOCK_KEY.match, state) if match})
    size, letter = _HIERA_SIZES.get((channels, blocks), (None, None))
    if size is None:
        return NetworkFamily(
            f'{_KIND_TITLES[kind]} Hiera of {blocks} blocks and {channels} channels', None
        )
    return NetworkFamily(f'{_KIND_TITLES[kind]} Hiera {size}', f'{kind}_hiera_{letter}.yaml')


def build_network(config: NetworkConfig | str | Path) -> SurgSAM2:
    """Build a network with random weights, in training mode.

    Raises:
        ConfigError: when the configuration cannot be read or is impossible.
    """
    if not isinstance(config, NetworkConfig):
        config = load_config(config)
    return SurgSAM2(config)


def load_network(
    config: NetworkConfig | str | Path,
    *,
    checkpoint: str | Path | None = None,
    device: str | torch.device = 'cpu',
    precision: str = 'fp32',
) -> SurgSAM2:
    """Build a network and load its weights, in evaluation mode and prepared for inference.

    Args:
        config: NetworkConfig or path of a YAML file.
        checkpoint: weights; None means the file that the YAML file names, beside it.
        device: where the network runs.
        precision: ``fp32``, or ``bf16`` / ``fp16`` for mixed precision: matrix products and
            convolutions run in it with weights stored in it, everything else in float32. CPUs
            run fp32 alone: it is faster there, and some promise half precision but lack it.

    Raises:
        ConfigError: when the configuration or the precision is wrong.
        CheckpointError: when the weights are missing, unreadable or those of another network.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f'precision {precision!r} is unknown; use one of {", ".join(PRECISIONS)}')
    dtype, device = PRECISIONS[precision], torch.device(device)
    if dtype is not None and device.type == 'cpu':
        raise ConfigError(f'precision {precision!r} needs a GPU; use fp32 on a CPU')
    if not isinstance(config, NetworkConfig):
        config = load_config(config)
    state = read_state_dict(checkpoint_path(config, checkpoint))
    network = SurgSAM2(config)
    load_weights(network, state, name=str(checkpoint or config.checkpoint))
    network.eval().to(device=device, memory_format=torch.channels_last)
    if dtype is not None:
        use_mixed_precision(network, dtype)
    return network.prepare_inference()


def checkpoint_path(config: NetworkConfig, checkpoint: str | Path | None = None) -> Path:
    """Return the path of the weights, given or default.

    Raises:
        CheckpointError: when there is no such file; says where the weights can be obtained.
    """
    default = None
    if config.checkpoint is not None and config.directory is not None:
        default = config.directory / config.checkpoint
    path = default if checkpoint is None else Path(checkpoint).expanduser()
    if path is not None and path.is_file():
        return path
    if path is None:
        problem = f'network {config.name!r} names no default weights; give a checkpoint'
    else:
        problem = f'the weights {str(path)!r} of network {config.name!r} do not exist'
    remedy = f'; they can be obtained from {config.weights_source}' if config.weights_source else ''
    if default is not None:
        remedy += f'; put them at {str(default)!r} or give the path of another checkpoint'
    raise CheckpointError(problem + remedy)


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with Path(path).open('rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read the weights in a checkpoint without running code that it may contain.

    Understands safetensors, and PyTorch files that hold the state dict bare, under ``model`` or
    under ``state_dict``, each with or without the prefix ``module.`` of data-parallel training.

    Raises:
        CheckpointError: when the file is missing, corrupt, or holds no state dict.
        TorchVersionError: when the PyTorch that is installed is too old to read it safely.
    """
    require_torch()
    path = Path(path)
    try:
        if path.suffix == '.safetensors':
            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location='cpu', weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f'the checkpoint {str(path)!r} does not exist') from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, SafetensorError) as error:
        raise _unreadable(path, 'it is corrupt, incomplete or not a checkpoint', error) from error
    except pickle.UnpicklingError as error:
        reason = 'it is corrupt, or holds more than weights, which may run code and is refused'
        raise _unreadable(path, reason, error) from error
    for wrapper in ('model', 'state_dict'):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(
            f'the checkpoint {str(path)!r} holds no state dict; '
            "expected one, bare or under 'model' or 'state_dict'"
        )
    strange = [key for key, value in content.items() if not isinstance(value, Tensor)]
    if strange:
        raise CheckpointError(
            f'the checkpoint {str(path)!r} holds no state dict: {strange[0]!r} is not a tensor'
        )
    return {str(key).removeprefix('module.'): value for key, value in content.items()}


def average_states(
    states: Sequence[Mapping[str, Tensor]], shares: Sequence[float]
) -> dict[str, Tensor]:
    """Average the weights of several trainings of one network (Wortsman et al., ICML 2022).

    Args:
        states: state dicts with the same names and shapes.
        shares: of each state; divided by their sum.

    Returns:
        A state dict of float32 tensors; what is not floating-point is that of the first state.

    Raises:
        ValueError: when the states differ in a name or a shape, or the shares are not positive.
    """
    if min(shares) <= 0:
        raise ValueError(f'shares {list(shares)} must be above 0')
    first = states[0]
    for other in states[1:]:
        if names := sorted(first.keys() ^ other.keys()):
            raise ValueError(f'weights of different networks: {names[0]} is in one of them alone')
        for name, tensor in first.items():
            if tensor.shape != other[name].shape:
                raise ValueError(
                    f'weights of different networks: {name} has the shapes '
                    f'{list(tensor.shape)} and {list(other[name].shape)}'
                )
    total = sum(shares)
    averaged = {}
    for name, tensor in first.items():
        if tensor.is_floating_point():
            parts = (
                state[name].double() * (share / total)
                for state, share in zip(states, shares, strict=True)
            )
            tensor = sum(parts).float()
        averaged[name] = tensor
    return averaged


def _unreadable(path: Path, reason: str, error: Exception) -> CheckpointError:
    detail = str(error).strip().splitlines()
    return CheckpointError(
        f'the checkpoint {str(path)!r} cannot be read: {reason} '
        f'({detail[0] if detail else type(error).__name__}); obtain it again'
    )


def load_weights(network: SurgSAM2, state: Mapping[str, Tensor], name: str = 'given') -> None:
    """Load a state dict that must fit exactly.

    Args:
        network: the network to fill.
        state: the weights, of any floating-point type.
        name: what to call the checkpoint in errors.

    Raises:
        CheckpointError: when the weights belong to another network; says to which one and which
            configuration it has.
    """
    own = network.state_dict()
    family, expected = network_family(state), network_family(own)
    if family is None:
        raise CheckpointError(
            f'the checkpoint {name!r} holds no SAM 2 network (first key {next(iter(state))!r}); '
            f'network {network.config.name!r} needs weights of {expected.title}'
        )
    if family != expected:
        belongs = 'none of those in models/'
        if family.config is not None:
            belongs = f'models/{family.config} or its variant for another image size'
        raise CheckpointError(
            f'the checkpoint {name!r} is {family.title}, but network {network.config.name!r} is '
            f'{expected.title}; the configuration that belongs to this checkpoint is {belongs}'
        )
    differences = [f'{key} is missing' for key in own if key not in state]
    differences += [f'{key} is unknown' for key in state if key not in own]
    differences += [
        f'{key} has shape {list(state[key].shape)} instead of {list(own[key].shape)}'
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    if differences:
        more = f' and {len(differences) - 1} more' if len(differences) > 1 else ''
        raise CheckpointError(
            f'the checkpoint {name!r} is {family.title} but does not fit network '
            f'{network.config.name!r}: {differences[0]}{more}'
        )
    network.load_state_dict(state, strict=True)


def use_mixed_precision(network: SurgSAM2, dtype: torch.dtype) -> None:
    """Run under autocast with large weights stored in ``dtype``, so that no frame converts them."""
    network.autocast_dtype = dtype
    # These are multiplied with each other at each frame, which is to happen in float32.
    decoder = network.sam_mask_decoder
    kept = {*network.image_encoder.neck.modules(), decoder.conv_s0, decoder.conv_s1}
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)) and module not in kept:
            module.to(dtype)
