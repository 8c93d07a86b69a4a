# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The video predictor of the `sam2` package, with this project's weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from surgsam2_ros.benchmarks.contenders.contender import STAGES, Box, Contender, ContenderError
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.tracking.preprocess import normalise_image, resize_image


class OfficialSam2(Contender):
    """The video predictor of the `sam2` package, with this project's weights.

    Args:
        network: whose weights it gets; also names the size, the device and the precision. In half
            precision it runs under autocast as its authors run it, its large weights stored in it
            once, so that no frame converts them.
        clip: uint8 [T, H, W, 3].
        boxes: of the objects in frame 0.
        predictor: that of an earlier contender of this class for this network; a new one when None.

    Attributes:
        predictor: the official video predictor.

    Raises:
        ContenderError: when the package is not installed or has no such network.
    """

    packages = ('sam2',)
    vos_optimized: ClassVar[bool] = False

    def __init__(
        self,
        network: SurgSAM2,
        clip: np.ndarray,
        boxes: Sequence[Box],
        predictor: Any | None = None,
    ) -> None:
        self._device, self._dtype = network.device, network.autocast_dtype
        if predictor is None:
            predictor = _build_predictor(network, self.vos_optimized)
            self._prepare(predictor, network)
        self.predictor = predictor
        self.stages = dict(
            zip(
                STAGES,
                (
                    (predictor, 'forward_image'),
                    (predictor.memory_attention, 'forward'),
                    (predictor, '_forward_sam_heads'),
                    (predictor.memory_encoder, 'forward'),
                ),
                strict=True,
            )
        )
        with self._arithmetic():
            self._state = _state_of_clip(predictor, clip, network)
            for number, box in enumerate(boxes):
                predictor.add_new_points_or_box(
                    self._state, 0, number, box=np.array(box, np.float32)
                )
        self._results = predictor.propagate_in_video(self._state)
        self._number = len(boxes)

    def _prepare(self, predictor: Any, network: SurgSAM2) -> None:
        """Change the predictor before it sees anything; for what is built on it."""

    @contextlib.contextmanager
    def _arithmetic(self) -> Iterator[None]:
        """Compute without gradients, in the network's precision."""
        kind, dtype = self._device.type, self._dtype
        with torch.inference_mode(), torch.autocast(kind, dtype, enabled=dtype is not None):
            yield

    def step(self) -> None:
        """Take the next frame."""
        with self._arithmetic():
            self._frame, _, logits = next(self._results)
            (logits > 0).cpu()  # the masks that a consumer asks for

    def logits(self) -> torch.Tensor:
        """Mask logits of the newest frame."""
        newest = []
        for number in range(self._number):
            outputs = self._state['output_dict_per_obj'][number]
            kind = 'cond_frame_outputs' if self._frame == 0 else 'non_cond_frame_outputs'
            newest.append(outputs[kind][self._frame]['pred_masks'][0, 0])
        return torch.stack(newest).float().cpu()


class OfficialSam2Vos(OfficialSam2):
    """The same with its components compiled, `build_sam2_video_predictor(vos_optimized=True)`.

    Its first frames take minutes, in which PyTorch compiles and tries out kernels.
    """

    vos_optimized = True

    def plain_step(self) -> None:
        """Take the next frame uncompiled, so that its operations can be counted."""
        with torch.compiler.set_stance('force_eager'):
            self.step()


def _build_predictor(network: SurgSAM2, vos_optimized: bool) -> Any:
    """Build the official predictor of a network, with its weights, on its device."""
    try:
        from sam2 import sam2_video_predictor
        from sam2.build_sam import build_sam2_video_predictor
    except ImportError as error:
        raise ContenderError(
            f'the official predictor needs {error.name}; install requirements/oracle.txt as '
            'its first lines say'
        ) from error
    sam2_video_predictor.tqdm = lambda items, **_: items  # its bars would run through our table
    name = network.config.name.removesuffix(f'_{network.image_size}')
    family, _, size = name.partition('_hiera_')
    if network.config.trunk.type != 'hiera' or not size:
        raise ContenderError(f'the official code has no network like {network.config.name}')
    predictor = build_sam2_video_predictor(
        f'configs/{family}/{name}.yaml',
        None,
        device=str(network.device),
        hydra_overrides_extra=[f'++model.image_size={network.image_size}'],
        vos_optimized=vos_optimized,
    )
    predictor.fill_hole_area = 0  # filling needs a CUDA extension that is seldom there
    predictor.load_state_dict(network.state_dict(), strict=True)
    predictor.requires_grad_(False)
    if network.autocast_dtype is not None:
        for module in predictor.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
                module.to(network.autocast_dtype)
    return predictor


def _state_of_clip(predictor: Any, clip: np.ndarray, network: SurgSAM2) -> dict:
    """Open a clip that the predictor need not read: it gets the images that ours sees."""
    from sam2 import sam2_video_predictor

    images = torch.cat(
        [normalise_image(resize_image(rgb, network.image_size), network.device) for rgb in clip]
    )
    read = sam2_video_predictor.load_video_frames
    sam2_video_predictor.load_video_frames = lambda **_: (images, *clip.shape[1:3])
    try:
        return predictor.init_state('')
    finally:
        sam2_video_predictor.load_video_frames = read
