# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Configuration of a network, read from the YAML files in ``models/``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

KINDS = ('sam2', 'sam2.1')
TRUNKS = ('hiera', 'efficientnet_lite0')


class ConfigError(ValueError):
    """A configuration that names an unknown field or an impossible value."""


@dataclass(frozen=True)
class TrunkConfig:
    """Trunk of the image encoder.

    Attributes:
        type: ``hiera`` or ``efficientnet_lite0``; the fields up to ``position_size`` concern Hiera
            alone, the others EfficientNet-Lite0.
        expansion: hidden channels of its blocks, as a multiple of what goes in; 6 is the original.
        repeats: blocks of its seven stages.
    """

    type: str = 'hiera'
    embed_dim: int = 96
    num_heads: int = 1
    stages: tuple[int, ...] = (1, 2, 11, 2)
    global_blocks: tuple[int, ...] = (7, 10, 13)
    window_sizes: tuple[int, ...] = (8, 4, 14, 7)
    position_size: int = 7
    expansion: int = 6
    repeats: tuple[int, ...] = (1, 2, 2, 3, 3, 4, 1)


@dataclass(frozen=True)
class NetworkConfig:
    """Everything needed to build a SurgSAM2 network.

    Attributes:
        name: name shown to users.
        kind: ``sam2`` or ``sam2.1``; the latter adds a spatial embedding for absent objects and a
            projected time encoding of the object pointers.
        image_size: side of the square input in pixels, divisible by 32.
        num_maskmem: memory frames an object attends to: prompted frames and the newest others.
        num_frame_to_prune: how many of these are left out as redundant (0 = SAM 2, 2 = SurgSAM2).
        max_object_pointers: frames whose object pointer is attended to.
        hidden_dim, memory_dim: channels of the features and of the memory.
        memory_attention_layers, memory_attention_heads: layers and heads of the memory attention.
        memory_attention_feedforward: hidden channels of its feed-forward part.
        self_attention_layers: how many of these layers, the first ones, attend to the frame itself
            as well; None: all.
        memory_pool: cells of the features, per side, that make one cell of a memory.
        memory_mask_stride: pixels of the input per pixel of the masks that the memory encoder
            reads: 1, or 4 for those that the decoder makes.
        decoder_heads, decoder_feedforward: heads and hidden channels of the mask decoder.
        decoder_iou_hidden: hidden channels of its quality head.
        fuser_layers, fuser_expansion: ConvNeXt blocks of the memory encoder, and how much wider
            they are inside.
        motion_hint: trained to read the mask of the frame before, moved by optical flow, as a
            prompt of tracked frames.
        appearance_model: what each object looks like is learned while it is followed, and corrects
            masks and hints (`tracking.appearance_model`); for networks that have seen little.
        correct_without_memory: a box on a tracked frame is decoded with the memory, as in the
            official code, and without it, and the higher predicted IoU counts; a click changes the
            part of the tracked mask that looks like the clicked place (`tracking.click_repair`).
            With any correction, memories but those of prompted frames are forgotten. A small
            network does not leave memories that have gone wrong because of a click.
        multimask_min_points, multimask_max_points: numbers of prompt points (a box counts as two,
            a tracked frame as none) for which the best of three candidates is taken.
        dynamic_multimask: while evaluating, replace an unstable single mask by the best candidate.
        binarise_prompted_masks: while evaluating, the memory of prompted frames sees 0 / 1 masks.
        checkpoint: file name of the default weights, beside the YAML file.
        checkpoint_sha256: of that file, where it is known.
        weights_source: where these weights can be obtained, shown when they are missing.
        directory: folder of the YAML file.
    """

    name: str = 'sam2.1_hiera_s'
    kind: str = 'sam2.1'
    image_size: int = 1024
    num_maskmem: int = 7
    num_frame_to_prune: int = 0
    max_object_pointers: int = 16
    trunk: TrunkConfig = TrunkConfig()
    hidden_dim: int = 256
    memory_dim: int = 64
    memory_attention_layers: int = 4
    memory_attention_heads: int = 1
    memory_attention_feedforward: int = 2048
    self_attention_layers: int | None = None
    memory_pool: int = 1
    memory_mask_stride: int = 1
    decoder_heads: int = 8
    decoder_feedforward: int = 2048
    decoder_iou_hidden: int = 256
    fuser_layers: int = 2
    fuser_expansion: int = 4
    motion_hint: bool = False
    appearance_model: bool = False
    correct_without_memory: bool = False
    multimask_min_points: int = 0
    multimask_max_points: int = 1
    dynamic_multimask: bool = True
    binarise_prompted_masks: bool = True
    checkpoint: str | None = None
    checkpoint_sha256: str | None = None
    weights_source: str | None = None
    directory: Path | None = dataclasses.field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigError: when a value is impossible.
        """

        def require(condition, message):
            if not condition:
                raise ConfigError(f'network config {self.name!r}: {message}')

        require(self.kind in KINDS, f'kind {self.kind!r} is unknown; use one of {", ".join(KINDS)}')
        require(
            self.trunk.type in TRUNKS,
            f'trunk type {self.trunk.type!r} is unknown; use one of {", ".join(TRUNKS)}',
        )
        size = self.image_size
        require(
            isinstance(size, int) and size > 0 and size % 32 == 0,
            f'image_size {size!r} must be a positive multiple of 32',
        )
        require(self.num_maskmem >= 1, f'num_maskmem {self.num_maskmem} must be at least 1')
        most = max(self.num_maskmem - 2, 0)
        require(
            0 <= self.num_frame_to_prune <= most,
            f'num_frame_to_prune {self.num_frame_to_prune} must be 0 to {most} (num_maskmem - 2)',
        )
        require(
            self.hidden_dim % self.memory_dim == 0,
            f'memory_dim {self.memory_dim} must divide hidden_dim {self.hidden_dim}',
        )
        require(
            self.memory_pool >= 1 and self.feature_size % self.memory_pool == 0,
            f'memory_pool {self.memory_pool} must divide the {self.feature_size} cells per side',
        )
        require(
            self.memory_mask_stride in (1, 4),
            f'memory_mask_stride {self.memory_mask_stride} must be 1 or 4',
        )
        require(
            len(self.trunk.repeats) == 7 and min(self.trunk.repeats) >= 1,
            f'trunk repeats {list(self.trunk.repeats)} must be seven numbers of at least 1',
        )
        require(
            1 <= self.trunk.expansion <= 6,
            f'trunk expansion {self.trunk.expansion} must be 1 to 6',
        )
        require(
            self.hidden_dim % (4 * self.memory_attention_heads) == 0
            and self.hidden_dim % (2 * self.decoder_heads) == 0
            and self.hidden_dim % 8 == 0,
            f'hidden_dim {self.hidden_dim} must be divisible by 8, by 4 memory_attention_heads '
            'and by 2 decoder_heads',
        )

    @property
    def is_sam21(self) -> bool:
        """Whether the network has the additions of SAM 2.1."""
        return self.kind == 'sam2.1'

    @property
    def feature_size(self) -> int:
        """Cells per side of the stride-16 features."""
        return self.image_size // 16

    @property
    def memory_size(self) -> int:
        """Cells per side of a spatial memory."""
        return self.feature_size // self.memory_pool


def _fields_from(cls: type, values: Mapping[str, Any], where: str) -> dict[str, Any]:
    known = {field.name for field in dataclasses.fields(cls)} - {'directory'}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(
            f'{where}: unknown field {unknown[0]!r}; the fields are {", ".join(sorted(known))}'
        )
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


def load_config(path: str | Path) -> NetworkConfig:
    """Read a network configuration.

    Args:
        path: YAML file with the fields of NetworkConfig; fields left out keep their defaults.

    Raises:
        ConfigError: when the file is missing or no YAML, or a field is unknown or impossible.
    """
    path = Path(path)
    try:
        values = yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise ConfigError(
            f'network config {str(path)!r} cannot be read ({error.strerror}); '
            'give the path of one of the YAML files in models/'
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f'network config {str(path)!r} is not valid YAML: {error}') from error
    if not isinstance(values, Mapping):
        raise ConfigError(f'network config {str(path)!r} must be a mapping of fields to values')
    values = _fields_from(NetworkConfig, {'name': path.stem, **values}, str(path))
    trunk = values.pop('trunk', {})
    if not isinstance(trunk, Mapping):
        raise ConfigError(f'{path}: field trunk must be a mapping')
    trunk = TrunkConfig(**_fields_from(TrunkConfig, trunk, f'{path}: trunk'))
    try:
        return NetworkConfig(**values, trunk=trunk, directory=path.parent)
    except TypeError as error:
        raise ConfigError(f'{path}: a field has a value of the wrong type ({error})') from error
