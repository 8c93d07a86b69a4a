# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The steady state of tracking as one function of tensors: no prompt, no branch, no waiting.

It is what every frame without prompts runs, and what can be captured or exported whole.
"""

from __future__ import annotations

from torch import Tensor, nn

from surgsam2_ros.network import ImageFeatures, MaskHint, SurgSAM2
from surgsam2_ros.network.memory_assembly import MemoryTable, assemble_memory
from surgsam2_ros.tracking.preprocess import imagenet_statistics, normalise


class EncodingStep(nn.Module):
    """From the pixels of an image to its features."""

    def __init__(self, network: SurgSAM2) -> None:
        super().__init__()
        self.network = network
        # A buffer: making it anew would wait for the device.
        self.register_buffer('statistics', imagenet_statistics().to(network.device))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode uint8 [1, 3, S, S] into features at strides 4, 8 and 16."""
        return tuple(self.network.encode_image(normalise(image, self.statistics)))


class TrackingStep(nn.Module):
    """From features and memories to masks and new memories.

    Args:
        network: in evaluation mode.
        survivors: memories that an object keeps after pruning, at most.
        prunes: whether any memory is pruned.
        masked: whether there may be padding among the memories.
        leaves_memories: leave the memories of the frame to a call of `memories`.
    """

    def __init__(
        self,
        network: SurgSAM2,
        *,
        survivors: int,
        prunes: bool,
        masked: bool = True,
        leaves_memories: bool = False,
    ) -> None:
        super().__init__()
        self.network = network
        self.survivors, self.prunes, self.masked = survivors, prunes, masked
        self.leaves_memories = leaves_memories

    def forward(
        self,
        stride4: Tensor,
        stride8: Tensor,
        stride16: Tensor,
        memories: Tensor,
        pointers: Tensor,
        encoding: Tensor,
        candidate: Tensor,
        age: Tensor,
        counts: Tensor,
        cells: Tensor | None = None,
        hint: Tensor | None = None,
        hint_given: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """Track N objects.

        Args:
            stride4, stride8, stride16: features of the frame, batch 1.
            memories: [N, E, L, Dm] spatial memories before pruning.
            pointers: [N, P, D] object pointers.
            encoding, candidate, age, counts: of a `MemoryTable`.
            cells: int64 [N, E, T], the tokens of each memory attended to; all when None.
            hint, hint_given: of a `MaskHint`, or both None.

        Returns:
            mask logits, predicted IoU, presence logits and object pointers as in `Decoded`, and,
            unless they are left, the spatial memories [N, Dm, m, m] of this frame.
        """
        network = self.network
        memory = assemble_memory(
            network,
            memories.to(network.attention_dtype),
            pointers,
            MemoryTable(encoding, candidate, age, counts),
            cells,
            survivors=self.survivors,
            prunes=self.prunes,
            masked=self.masked,
        )
        _, decoded = network.track(
            ImageFeatures(stride4, stride8, stride16),
            memory,
            None if hint is None else MaskHint(hint, hint_given),
        )
        found = tuple(decoded.chosen[:4])
        if self.leaves_memories:
            return found
        return (*found, self.memories(stride16, decoded.mask_logits, decoded.presence_logits))

    def memories(self, stride16: Tensor, mask_logits: Tensor, presence_logits: Tensor) -> Tensor:
        """Encode the spatial memories of a frame, on which only later frames depend."""
        network = self.network
        return network.encode_memory(
            stride16, network.masks_to_remember(mask_logits), presence_logits, from_prompt=False
        )
