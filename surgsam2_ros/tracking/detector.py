# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Finds instruments in the features of a frame: proposals at the size of the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
import torch

from surgsam2_ros.network.instrument_decoding import (
    DecodingRule,
    FoundInstruments,
    decode_instruments,
)
from surgsam2_ros.tracking.box_resize import resize_above
from surgsam2_ros.tracking.preprocess import check_image, normalise_image, resize_image
from surgsam2_ros.tracking.proposal import Proposal
from surgsam2_ros.tracking.view import Region, ViewFinder

if TYPE_CHECKING:
    from surgsam2_ros.network import ImageFeatures, SurgSAM2
    from surgsam2_ros.network.instrument_detector import DetectorMaps, InstrumentDetector

DEFAULT_RULE = DecodingRule()


class HeadRunner(Protocol):
    """Runs the head of a detector.

    Attributes:
        name: what users know it by.
    """

    name: str

    def look(self, features: ImageFeatures) -> DetectorMaps:
        """Run the head on the features of a frame, batch 1."""


class Detector:
    """Looks for instruments, frame by frame and without memory.

    Args:
        head: of the network whose features it will see, in evaluation mode.
        rule: which instruments count.
        runner: what runs the head, see `engines.detection`; plain PyTorch when None.

    Example:
        >>> network = load_network('models/surgsam2_nano_320.yaml')
        >>> head = load_detector('models/surgsam2_nano_320_detector.safetensors', network)
        >>> tracker = StreamingTracker(network, detector=Detector(head))
        >>> tracker.track(np.zeros((512, 640, 3), np.uint8)).proposals
        ()
    """

    def __init__(
        self,
        head: InstrumentDetector,
        rule: DecodingRule = DEFAULT_RULE,
        runner: HeadRunner | None = None,
    ) -> None:
        if head.training:
            raise ValueError('the detector is in training mode; call eval() first')
        self._run, self._rule, self._runner = runner.look if runner else head, rule, runner

    def warm_up(self, features: ImageFeatures) -> None:
        """Make ready what any later frame may need, given the features of an image."""
        if getattr(self._runner, 'needs_warm_up', False):
            self._runner.warm_up(features)

    def look(self, features: ImageFeatures, region: Region) -> PendingProposals:
        """Run the head on the features of a frame.

        Args:
            features: batch 1.
            region: what of the image the network saw.
        """
        return PendingProposals(self._run(features), region, self._rule)

    @torch.inference_mode()
    def detect(self, network: SurgSAM2, rgb: np.ndarray) -> tuple[Proposal, ...]:
        """Find instruments in one image that is part of no stream, uint8 [H, W, 3].

        Raises:
            ValueError: when the image is not of that kind.
        """
        check_image(rgb)
        region = ViewFinder(on=True).region(rgb)
        image = resize_image(rgb[region.slices], network.image_size)
        features = network.encode_image(normalise_image(image, network.device))
        return self.look(features, region).finish()


@dataclass(frozen=True, eq=False)
class PendingProposals:
    """What the head says about a frame, before it is decoded.

    Attributes:
        maps: batch 1, on the network's device.
        region: what of the image the network saw.
        rule: which instruments count.
    """

    maps: DetectorMaps
    region: Region
    rule: DecodingRule

    def finish(self) -> tuple[Proposal, ...]:
        """Wait for the device and make proposals, the most certain first."""
        return to_proposals(decode_instruments(self.maps, self.rule), self.region)


def to_proposals(found: FoundInstruments, region: Region) -> tuple[Proposal, ...]:
    """Bring instruments to the size of the image.

    A box is the mean of the one that the peak gives and the one around the mask, which was more
    accurate on held-out clips than either. Instruments whose masks have no pixel are left out.

    Args:
        found: in what the network saw.
        region: of the image, that the network saw.
    """
    proposals = []
    offset = np.array([region.x, region.y, region.x, region.y])
    sides = np.array([region.width, region.height, region.width, region.height])
    for row in range(len(found)):
        mask = np.zeros(region.image_size, bool)
        drawn = resize_above(found.mask_logits[row], region.size, 0.0)
        if drawn is None:
            continue
        shown = drawn.logits > 0
        x, y, width, height = cv2.boundingRect(shown.view(np.uint8))
        if not width:
            continue
        shown = shown[y : y + height, x : x + width]
        x, y = x + region.x + drawn.x, y + region.y + drawn.y
        mask[y : y + height, x : x + width] = shown
        bounds = np.array([x, y, x + width, y + height])
        box = (found.boxes[row] * sides + offset + bounds) / 2
        proposals.append(
            Proposal(
                box=tuple(box.tolist()),
                score=float(found.scores[row]),
                mask=mask,
                descriptor=found.descriptors[row],
            )
        )
    return tuple(proposals)
