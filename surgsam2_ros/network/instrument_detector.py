# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A head on the image features that finds instruments without a prompt, whatever their class.

It says at stride 8 where instruments are, where the centre of each is, and how far the sides of its
box are. `instrument_decoding` makes instances of that.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from surgsam2_ros.network.checkpoint import CheckpointError
from surgsam2_ros.network.frame_tensors import ImageFeatures
from surgsam2_ros.network.surgsam2 import SurgSAM2

TRUNK_KEY = 'trunk_sha256'
"""Where the header of a file of weights says which trunk they were trained on."""

STRIDE = 8
_WIDE, _NARROW = 80, 48  # channels at strides 16 and 8
_REACH = 10.0  # cells that an extent of 1 is worth
_RARE = -4.0  # logits that an untrained head begins with: most cells are no centre


class DetectorMaps(NamedTuple):
    """What the head says about B images; h = w = S / 8 cells."""

    mask_logits: Tensor  # [B, 1, h, w], > 0 = an instrument covers most of the cell
    centre_logits: Tensor  # [B, 1, h, w], peaks at the centres of instruments
    extents: Tensor  # [B, 4, h, w], from the middle of a cell to left, top, right, bottom, in cells
    features: Tensor  # [B, D, h / 2, w / 2], normalised, from which descriptors are taken


class _Block(nn.Module):
    """Depthwise and pointwise convolution, added to what comes in."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False
        )
        self.norm = nn.BatchNorm2d(channels)
        self.pointwise = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.pointwise(F.relu(self.norm(self.depthwise(x)))))


class InstrumentDetector(nn.Module):
    """Finds instruments in the features of a network that is not changed for it.

    Args:
        dim: hidden channels D of the network.
    """

    def __init__(self, dim: int = 128) -> None:
        super().__init__()
        self.dim = dim
        self.input16 = nn.BatchNorm2d(dim, affine=False)
        self.input8 = nn.BatchNorm2d(dim // 4, affine=False)
        self.reduce = nn.Conv2d(dim, _WIDE, 1)
        self.scene = nn.Linear(_WIDE, _WIDE)
        self.context = nn.Sequential(_Block(_WIDE, 5), _Block(_WIDE, 5))
        self.refine = nn.Conv2d(_WIDE, _NARROW, 1)
        self.lateral = nn.Conv2d(dim // 4, _NARROW, 1)
        self.detail = nn.Sequential(_Block(_NARROW, 3), _Block(_NARROW, 3))
        self.predict = nn.Conv2d(_NARROW, 6, 1)
        with torch.no_grad():
            self.predict.bias[1] = _RARE

    def forward(self, features: ImageFeatures) -> DetectorMaps:
        """Look at the features of B images."""
        return self.look(features.stride8, features.stride16)

    def look(self, stride8: Tensor, stride16: Tensor) -> DetectorMaps:
        """Do the same with the two maps that are needed, of any floating-point type."""
        stride8, stride16 = stride8.float(), stride16.float()
        normalised = self.input16(stride16)
        x = self.reduce(normalised)
        x = F.relu(x + self.scene(F.relu(x.mean(dim=(2, 3))))[..., None, None])
        x = self.refine(self.context(x))
        x = F.interpolate(x, scale_factor=2.0, mode='nearest')
        x = self.detail(F.relu(x + self.lateral(self.input8(stride8))))
        mask, centre, extents = self.predict(x).split((1, 1, 4), dim=1)
        return DetectorMaps(mask, centre, _REACH * F.softplus(extents), normalised)


def trunk_digest(network: SurgSAM2) -> str:
    """SHA-256 of the weights that the head's features come from, rounded to float16."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        if name.startswith(('image_encoder.', 'sam_mask_decoder.conv_s1.')):
            digest.update(name.encode())
            digest.update(tensor.detach().to('cpu', torch.float16).contiguous().numpy().tobytes())
    return digest.hexdigest()


def detector_beside(model: str | Path) -> Path:
    """Return where the detector of a network lies: beside its YAML, NAME_detector.safetensors."""
    model = Path(model)
    return model.with_name(f'{model.stem}_detector.safetensors')


def load_detector(path: str | Path, network: SurgSAM2) -> InstrumentDetector:
    """Load a head for a network, on its device and in evaluation mode.

    Args:
        path: weights that `surgsam2 train` made of a configuration with detector settings.
        network: with weights.

    Raises:
        CheckpointError: when the file is missing or unreadable, holds something else, or was
            trained on the features of another network.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f'detector weights {path} do not exist; check model.detector')
    try:
        with safe_open(path, 'pt') as file:
            known = (file.metadata() or {}).get(TRUNK_KEY)
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f'detector weights {path} cannot be read: {error}') from error
    if known is None:
        raise CheckpointError(
            f'{path} holds no detector: its header has no {TRUNK_KEY}; give a file that surgsam2 '
            'train made with config/training/nano_320_detector.yaml'
        )
    found = trunk_digest(network)
    if known != found:
        raise CheckpointError(
            f'detector {path} was trained on the features of another network (trunk '
            f'{known[:12]}, this one is {found[:12]}); use the network it belongs to, or train a '
            'detector for this one'
        )
    detector = InstrumentDetector(network.config.hidden_dim)
    missing, unknown = detector.load_state_dict(state, strict=False)
    missing = [name for name in missing if not name.endswith('num_batches_tracked')]
    if missing or unknown:
        raise CheckpointError(
            f'{path} fits no detector of this version: {", ".join([*missing, *unknown][:3])}'
        )
    return detector.to(network.device).eval()
