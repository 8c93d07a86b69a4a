# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the video models of transformers have in common: a session that takes a stream of frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from surgsam2_ros.benchmarks.contenders.contender import STAGES, Box, Contender, ContenderError
from surgsam2_ros.tracking.preprocess import normalise_image, resize_image

_BOX_CORNERS = (2, 3)  # labels of the points that a box is given as


class TransformersStream(Contender):
    """A video model of transformers that is handed one frame after the other.

    Args:
        model: in evaluation mode, on its device.
        session: class of its inference session.
        clip: uint8 [T, H, W, 3].
        boxes: of the objects in frame 0, (x0, y0, x1, y1).
    """

    packages = ('transformers',)

    def __init__(self, model: Any, session: type, clip: np.ndarray, boxes: Sequence[Box]) -> None:
        self._model = model
        self._frames = iter(clip)
        self._image_size = clip.shape[1:3]
        height, width = self._image_size
        self._session = session(
            video_height=height,
            video_width=width,
            inference_device=model.device,
            inference_state_device=model.device,
            video_storage_device=model.device,
            dtype=model.dtype,
        )
        scale = model.image_size / torch.tensor([width, height])
        for number, box in enumerate(boxes):
            index = self._session.obj_id_to_idx(number)
            corners = torch.tensor(box).view(1, 1, 2, 2) * scale
            labels = torch.tensor(_BOX_CORNERS, dtype=torch.int32).view(1, 1, 2)
            prompt = {'point_coords': corners, 'point_labels': labels}
            self._session.add_point_inputs(index, 0, prompt)
        self._session.obj_with_new_inputs = list(range(len(boxes)))
        self.stages = dict(
            zip(
                STAGES,
                (
                    (model, 'get_image_features'),
                    (model.memory_attention, 'forward'),
                    (model, '_single_frame_forward'),
                    (model, '_encode_new_memory'),
                ),
                strict=True,
            )
        )

    def step(self) -> None:
        """Take the next frame."""
        image = resize_image(next(self._frames), self._model.image_size)
        pixels = normalise_image(image, self._model.device)
        with torch.inference_mode():
            self._logits = self._model(self._session, frame=pixels).pred_masks  # [N, 1, S/4, S/4]
            at_image_size = F.interpolate(self._logits, self._image_size, mode='bilinear')
            (at_image_size > 0).cpu()  # the masks that a consumer asks for

    def logits(self) -> torch.Tensor:
        """Mask logits of the newest frame."""
        return self._logits[:, 0].float().cpu()


def missing_library(error: ImportError) -> ContenderError:
    """Say what has to be installed for the models of transformers."""
    return ContenderError(
        f'the models of transformers need {error.name}; install them with '
        'pip install --no-deps -r requirements/bench.txt'
    )
