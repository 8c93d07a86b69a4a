# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What each object looks like, learned while it is followed: what the network was never shown.

For every object a linear function of the features of the image tells its pixels from those around
it, fitted by weighted ridge regression to the masks that were found so far. It is the target model
of FRTM (Robinson et al., CVPR 2020) and LWL (Bhat et al., ECCV 2020) in closed form: what a frame
adds are two moments, so that nothing of old frames has to be kept. Features of a network that never
saw an instrument of this kind still tell this one from this tissue.

Its limits were chosen on the hold-out of the default network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from surgsam2_ros.network.frame_tensors import Decoded, ImageFeatures
from surgsam2_ros.network.surgsam2 import SurgSAM2

_REGULARISATION = 3e-4  # of the ridge, beside features of mean square 1 per part
_NEWEST = 0.1  # share of the newest frame in the moments
_CORRECTED = 0.5  # share of a frame that was corrected
_GIVEN = 0.7  # share of the frames whose mask was given, however long ago
_FAR = 0.3  # weight of what is far from the object, beside 1 of what is near it and 1 of itself
_LEAST_IOU = 0.5  # predicted, to learn from a tracked frame
_EVERY = 7  # a tracked frame is learned from every so many-th place
_CELL = 4  # px of a mask per cell in which nearness is told
_NEAR = 3  # cells
_LARGEST = 1.5  # evidence: the object is at 1, what is around it at -1
_ON_MASK, _ON_HINT = 2.0, 6.0  # logits of the mask and of the hint per unit of evidence
_CLICK = 0.2  # weight of a clicked place, beside 1 of all the object
_CLICKED = 1.5  # places around a click that are taken for it
_GUESSED = 0.9  # of the predicted IoU of a first guess is believed
_DOUBTED, _BELIEVED = 0.4, 0.8  # mean predicted IoU from which guessed masks count a little, fully


class Appearance(NamedTuple):
    """What is known of an object's looks; nobody writes to its tensors.

    D features and a constant, then the label that the regression is after.
    """

    given: Tensor  # [D, D + 1] moments of the newest frame whose mask was given; 0 without one
    seen: Tensor  # [D, D + 1] moments of all frames, newer ones weigh more
    weights: Tensor  # [D]
    quality: Tensor  # [] mean predicted IoU of the masks that it was learned from
    prompted: Tensor  # [] predicted IoU in the newest frame that it was prompted in
    frames: int  # that it was learned from
    sure: bool  # whether a mask was given


APPEARANCE_TENSORS = ('given', 'seen', 'weights', 'quality', 'prompted')
"""Fields of an `Appearance` that are tensors."""


class AppearanceModel:
    """Learns the looks of objects and finds them again in the next frame.

    Args:
        network: it is of use to those whose configuration says so.
        wanted: whether the user wants it.

    Attributes:
        on: whether it is of use.
    """

    def __init__(self, network: SurgSAM2, wanted: bool) -> None:
        self.on = wanted and network.config.appearance_model
        self._size = network.config.hidden_dim * 11 // 8 + 1  # D: strides 16, 8, 4, a constant
        self._ridge: Tensor | None = None

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each tensor of an `Appearance`, by its name."""
        moments = self._size, self._size + 1
        shapes = {'given': moments, 'seen': moments, 'weights': (self._size,)}
        return {**shapes, 'quality': (), 'prompted': ()}

    def describe(self, features: ImageFeatures) -> Tensor:
        """Return the features of each place of an image, float32 [D, S/8, S/8].

        Args:
            features: of the frame, batch 1.
        """
        stride4, stride8, stride16 = (part.float() for part in features)
        parts = (
            _standardise(stride16),
            _standardise(stride8),
            _standardise(F.avg_pool2d(stride4, 2)),
        )
        size = stride8.shape[-2:]
        enlarged = F.interpolate(parts[0], size, mode='bilinear', align_corners=False)
        constant = torch.ones_like(enlarged[:, :1])
        return torch.cat((enlarged, *parts[1:], constant), dim=1)[0]

    def look(self, described: Tensor, known: Sequence[Appearance | None]) -> Tensor:
        """Say where N objects are by their looks alone.

        Args:
            described: [D, S/8, S/8], see `describe`.
            known: of each object.

        Returns:
            float32 [N, 1, S/4, S/4] evidence: positive on the object, negative beside it, 0 for
            objects that nothing is known of.
        """
        none = torch.zeros_like(described[:, 0, 0])
        weights = torch.stack([none if one is None else one.weights for one in known])
        strength = torch.stack([none[0] if one is None else _strength(one) for one in known])
        return _evidence(described, weights, strength)

    def look_again(
        self, described: Tensor, known: Appearance, click: tuple[float, float]
    ) -> Tensor:
        """Say where an object is by its looks, and by a click on it.

        Args:
            described: [D, S/8, S/8], see `describe`.
            known: of the object.
            click: x and y in pixels of the network's input, 0 to S.

        Returns:
            float32 [1, 1, S/4, S/4] evidence; that without the click is what `look` says.
        """
        height, width = described.shape[1:]
        rows = torch.arange(height, device=described.device)[:, None] - (click[1] / 8 - 0.5)
        columns = torch.arange(width, device=described.device) - (click[0] / 8 - 0.5)
        clicked = (rows.square() + columns.square() <= _CLICKED**2).flatten().float()
        x = described.flatten(1)
        weighted = x * (_CLICK * clicked / clicked.sum().clamp(min=1))
        moments = _moments(known) + weighted @ torch.cat((x, torch.ones_like(x[:1]))).T
        return _evidence(described, self._solve(moments[None]), _strength(known)[None])

    def learn(
        self,
        described: Tensor,
        known: Sequence[Appearance | None],
        decoded: Decoded,
        prompted: Sequence[bool],
        masks_given: Sequence[bool],
    ) -> list[Appearance]:
        """Learn from a frame that N objects went through; does not wait for the device.

        Args:
            described: [D, S/8, S/8], see `describe`.
            known: of each object before it.
            decoded: what was found.
            prompted: whether the object was prompted or corrected in it.
            masks_given: whether it was by a mask.

        Returns:
            what is known of each object then.
        """
        objects = (decoded.mask_logits > 0).float()
        labels = F.avg_pool2d(objects, 2) * 2.0 - 1.0
        importance = _importance(objects, labels).flatten(1)
        found = (decoded.presence_logits > 0) & (objects.flatten(1).amax(dim=1) > 0)
        iou = torch.where(found, decoded.iou.float(), 0.0)
        learned = []
        for row, before in enumerate(known):
            whole = before is None or prompted[row]
            # Other places in every frame; they stand for those between.
            first, step = (0, 1) if whole else (before.frames % _EVERY, _EVERY)
            x = described.flatten(1)[:, first::step]
            y = labels[row].flatten(1)[:, first::step]
            weighted = x * (importance[row, first::step] * step)
            moments = weighted @ torch.cat((x, y)).T
            if masks_given[row]:
                one = _begin(moments, iou[row], before, sure=True)
            elif before is None:
                one = _begin(moments, iou[row], before, sure=False)
            else:
                one = _go_on(before, moments, iou[row], corrected=prompted[row])
            learned.append(one)
        solved = self._solve(torch.stack([_moments(one) for one in learned]))
        return [one._replace(weights=weights) for one, weights in zip(learned, solved, strict=True)]

    def _solve(self, moments: Tensor) -> Tensor:
        """Return the weights [N, D] that fit moments [N, D, D + 1] best."""
        if self._ridge is None:
            self._ridge = _REGULARISATION * torch.eye(self._size, device=moments.device)
        root, failed = torch.linalg.cholesky_ex(moments[:, :, :-1] + self._ridge)
        weights = torch.cholesky_solve(moments[:, :, -1:], root)[:, :, 0]
        return torch.where(failed[:, None] == 0, weights, 0.0)


def _moments(one: Appearance) -> Tensor:
    """Return the moments [D, D + 1] that count; a mask that was given keeps its share."""
    return one.seen.lerp(one.given, _GIVEN) if one.sure else one.seen


def _evidence(described: Tensor, weights: Tensor, strength: Tensor) -> Tensor:
    """Return evidence [N, 1, S/4, S/4] by the weights [N, D] and the strength [N] of each."""
    evidence = (weights @ described.flatten(1)).clamp(-_LARGEST, _LARGEST) * strength[:, None]
    return F.interpolate(
        evidence.view(len(weights), 1, *described.shape[1:]),
        scale_factor=2.0,
        mode='bilinear',
        align_corners=False,
    )


def _begin(moments: Tensor, iou: Tensor, before: Appearance | None, *, sure: bool) -> Appearance:
    """Begin with the mask of a prompt, also anew; the weights are still to be solved for."""
    return Appearance(
        given=moments if sure else torch.zeros_like(moments),
        seen=moments,
        weights=moments[:, 0],
        quality=iou,
        prompted=iou,
        frames=1 if before is None else before.frames + 1,
        sure=sure,
    )


def _go_on(before: Appearance, moments: Tensor, iou: Tensor, *, corrected: bool) -> Appearance:
    """Add a frame; one that is poor, or where the object is not seen, adds nothing."""
    share = _NEWEST if before.sure else max(_NEWEST, 1.0 / (before.frames + 1))
    if corrected:
        share = max(_CORRECTED, share)
    seen, quality = before.seen.lerp(moments, share), before.quality.lerp(iou, share)
    if not corrected:
        seen = torch.where(iou > _LEAST_IOU, seen, before.seen)
        quality = torch.where(iou > _LEAST_IOU, quality, before.quality)
    return before._replace(
        seen=seen,
        quality=quality,
        prompted=iou if corrected else before.prompted,
        frames=before.frames + 1,
    )


def _strength(one: Appearance) -> Tensor:
    """Return how much what was learned counts, 0 to 1: fully where it began with a given mask."""
    if one.sure:
        return torch.ones_like(one.quality)
    return ((one.quality - _DOUBTED) / (_BELIEVED - _DOUBTED)).clamp(0.0, 1.0)


def add_to_mask(decoded: Decoded, evidence: Tensor, moved: Tensor | None) -> Decoded:
    """Correct masks by what the objects look like, near where they are.

    Args:
        decoded: of N objects.
        evidence: [N, 1, S/4, S/4], see `AppearanceModel.look`.
        moved: [N, 1, S/4, S/4] logits of the masks of the frame before; None where unknown.

    Returns:
        the same with other mask logits; an absent object stays absent, and a mask of which nothing
        would be left stays as it is.
    """
    logits = decoded.mask_logits
    near = near_masks(logits > 0 if moved is None else (logits > 0) | (moved > 0))
    near = near * (decoded.presence_logits > 0).view(-1, 1, 1, 1)
    corrected = logits + _ON_MASK * evidence * near
    left = (corrected > 0).flatten(1).any(dim=1).view(-1, 1, 1, 1)
    return decoded._replace(mask_logits=torch.where(left, corrected, logits))


def add_to_hint(moved: Tensor, evidence: Tensor) -> Tensor:
    """Correct the moved masks of the frame before likewise, before the network sees them."""
    return moved + _ON_HINT * evidence * near_masks(moved > 0)


def agreement(masks: Tensor, evidence: Tensor) -> Tensor:
    """IoU of each mask and the positive evidence near it.

    Args:
        masks: bool [N, 1, S/4, S/4].
        evidence: [N, 1, S/4, S/4].

    Returns:
        float32 [N]; 0 for empty masks.
    """
    alike = (evidence > 0) & (near_masks(masks) > 0)
    either = (masks | alike).sum(dim=(1, 2, 3)).clamp(min=1)
    return (masks & alike).sum(dim=(1, 2, 3)) / either


def judge(decoded: Decoded, evidence: Tensor, known: Sequence[Appearance | None]) -> Decoded:
    """Say how good masks are, by more than the network's word about this frame.

    Where a mask was given, the predicted IoU becomes its geometric mean with the IoU of the mask
    and the positive evidence near it: both must agree for a mask to be good. What was learned from
    guesses agrees with itself; there it becomes that with nine tenths of the predicted IoU of the
    newest prompt, since a mask of what was never understood is not good, however well it is
    followed.

    Args:
        decoded: of N objects, after `add_to_mask`.
        evidence: [N, 1, S/4, S/4].
        known: of each object; None leaves its predicted IoU as it is.
    """
    mask = decoded.mask_logits > 0
    agreed = agreement(mask, evidence)
    # An empty mask agrees with nothing; its quality stays what the network says.
    agreed = torch.where(mask.flatten(1).any(dim=1), agreed, decoded.iou)
    others = [
        own if one is None else looks if one.sure else _GUESSED * one.prompted
        for one, own, looks in zip(known, decoded.iou.unbind(), agreed.unbind(), strict=True)
    ]
    return decoded._replace(iou=(decoded.iou * torch.stack(others)).sqrt())


def _standardise(part: Tensor) -> Tensor:
    """Shift the channels of [1, C, h, w] to mean 0 and scale them to a mean square of 1 / C."""
    centred = part - part.mean(dim=(2, 3), keepdim=True)
    return centred / (centred.square().mean().mul(part.shape[1]).sqrt() + 1e-6)


def _importance(objects: Tensor, labels: Tensor) -> Tensor:
    """Weigh each place: as much for the object as for what is near it, less for the rest.

    Args:
        objects: [N, 1, S/4, S/4] of 0 and 1.
        labels: [N, 1, S/8, S/8], -1 to 1.
    """
    inside = (labels + 1.0) / 2.0
    near = F.avg_pool2d(near_masks(objects > 0), 2)
    beside, far = (1.0 - inside) * near, (1.0 - inside) * (1.0 - near)
    return _share(inside) + _share(beside) + _FAR * _share(far)


def _share(weights: Tensor) -> Tensor:
    return weights / weights.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1.0)


def near_masks(masks: Tensor) -> Tensor:
    """Return 1 within some cells of the masks, bool [N, 1, S/4, S/4], else 0."""
    cells = F.max_pool2d(masks.float(), _CELL)
    cells = F.max_pool2d(cells, 2 * _NEAR + 1, stride=1, padding=_NEAR)
    return F.interpolate(cells, scale_factor=float(_CELL), mode='nearest')
