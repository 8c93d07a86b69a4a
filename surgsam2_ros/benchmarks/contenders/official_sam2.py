# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The video predictor of the `sam2` package, with this project's weights."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from surgsam2_ros.benchmarks.contenders.contender import STAGES, Box, Contender, ContenderError
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.tracking.preprocess import normalise_image, resize_image


class OfficialSam2(Contender):
    """The video predictor of the `sam2` package, with this project's weights.

    Args:
        network: whose weights it gets; also names the size and the device.
        clip: uint8 [T, H, W, 3].
        boxes: of the objects in frame 0.

    Raises:
        ContenderError: when the package is not installed or has no such network.
    """

    packages = ('sam2',)

    def __init__(self, network: SurgSAM2, clip: np.ndarray, boxes: Sequence[Box]) -> None:
        try:
            from sam2 import sam2_video_predictor
            from sam2.build_sam import build_sam2_video_predictor
            from sam2.utils import misc
        except ImportError as error:
            raise ContenderError(
                f'the official predictor needs {error.name}; install requirements/oracle.txt as '
                'its first lines say'
            ) from error
        for module in (sam2_video_predictor, misc):
            module.tqdm = lambda items, **_: items  # its bars would run through our table
        name = network.config.name.removesuffix(f'_{network.image_size}')
        family, _, size = name.partition('_hiera_')
        if network.config.trunk.type != 'hiera' or not size:
            raise ContenderError(f'the official code has no network like {network.config.name}')
        predictor = build_sam2_video_predictor(
            f'configs/{family}/{name}.yaml',
            None,
            device=str(network.device),
            hydra_overrides_extra=[f'++model.image_size={network.image_size}'],
        )
        predictor.fill_hole_area = 0  # filling needs a CUDA extension that is seldom there
        predictor.load_state_dict(network.state_dict(), strict=True)
        predictor.requires_grad_(False)
        self._prepare(predictor, network)
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
        self._state = _state_of_clip(predictor, clip, network)
        with torch.inference_mode():
            for number, box in enumerate(boxes):
                predictor.add_new_points_or_box(
                    self._state, 0, number, box=np.array(box, np.float32)
                )
        self._results = predictor.propagate_in_video(self._state)
        self._number = len(boxes)

    def _prepare(self, predictor: Any, network: SurgSAM2) -> None:
        """Change the predictor before it sees anything; for what is built on it."""

    def step(self) -> None:
        """Take the next frame."""
        with torch.inference_mode():
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


def _state_of_clip(predictor: Any, clip: np.ndarray, network: SurgSAM2) -> dict:
    """Open the clip with the predictor; its images are then replaced by those that ours sees."""
    with tempfile.TemporaryDirectory() as folder:
        for index, rgb in enumerate(clip):
            cv2.imwrite(str(Path(folder) / f'{index:05d}.jpg'), rgb[..., ::-1])
        state = predictor.init_state(folder)
    images = [
        normalise_image(resize_image(rgb, network.image_size), network.device) for rgb in clip
    ]
    state['images'] = torch.cat(images)
    state['cached_features'] = {}  # of the first frame as it was read
    return state
