# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The SurgSAM2 network: the steps that a tracker takes within a frame, from tensors to tensors."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from surgsam2_ros.network import onednn
from surgsam2_ros.network.config import NetworkConfig
from surgsam2_ros.network.derived import keep_derived
from surgsam2_ros.network.efficientnet_lite import EfficientNetLite0
from surgsam2_ros.network.frame_tensors import Decoded, ImageFeatures, MaskHint, MemoryTokens
from surgsam2_ros.network.hiera import Hiera
from surgsam2_ros.network.image_encoder import ImageEncoder
from surgsam2_ros.network.layers import MLP
from surgsam2_ros.network.mask_decoder import MaskDecoder, take_mask
from surgsam2_ros.network.memory_attention import MemoryAttention
from surgsam2_ros.network.memory_encoder import MemoryEncoder
from surgsam2_ros.network.position_encoding import sine_wavelengths
from surgsam2_ros.network.prompt_encoder import PromptEncoder

ABSENT_LOGIT = -1024.0  # mask logits of an absent object
LARGEST_PREVIOUS_LOGIT = 32.0
"""Previous mask logits are clamped to +-32 before they go in with a correction (official code)."""
_MASK_SCALE, _MASK_BIAS = 20.0, -10.0  # from mask values 0 to 1 to the range of logits


def clamp_previous(mask_logits: Tensor) -> Tensor:
    """Limit previous mask logits before they go in with a correction or as a hint."""
    return mask_logits.clamp(-LARGEST_PREVIOUS_LOGIT, LARGEST_PREVIOUS_LOGIT)


def build_trunk(config: NetworkConfig) -> nn.Module:
    """Return the trunk that the configuration names, randomly initialised."""
    trunk = config.trunk
    if trunk.type == 'efficientnet_lite0':
        return EfficientNetLite0(trunk.expansion, trunk.repeats)
    return Hiera(
        trunk.embed_dim,
        trunk.num_heads,
        trunk.stages,
        trunk.global_blocks,
        trunk.window_sizes,
        trunk.position_size,
    )


class SurgSAM2(nn.Module):
    """SAM 2 / SAM 2.1 as SurgSAM2 uses it, with the state-dict keys of the official code.

    N is the number of objects, S the image size, h = w = S / 16, D and Dm the hidden and memory
    channels. All methods are differentiable, run without host synchronisation and share image
    features between objects.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        dim, memory_dim, grid = config.hidden_dim, config.memory_dim, config.feature_size
        self.autocast_dtype: torch.dtype | None = None
        self.image_encoder = ImageEncoder(build_trunk(config), dim)
        self.memory_attention = MemoryAttention(
            dim,
            memory_dim,
            config.memory_attention_feedforward,
            config.memory_attention_heads,
            config.memory_attention_layers,
            grid,
            self_attention_layers=config.self_attention_layers,
            pool=config.memory_pool,
        )
        self.memory_encoder = MemoryEncoder(
            dim,
            memory_dim,
            config.fuser_layers,
            grid,
            fuser_expansion=config.fuser_expansion,
            pool=config.memory_pool,
            mask_stride=config.memory_mask_stride,
        )
        self.sam_prompt_encoder = PromptEncoder(dim, config.image_size, grid)
        self.sam_mask_decoder = MaskDecoder(
            dim, config.decoder_heads, config.decoder_feedforward, config.decoder_iou_hidden
        )
        self.mask_downsample = nn.Conv2d(1, 1, 4, stride=4)
        self.obj_ptr_proj = MLP(dim, dim, dim, 3)

        def embedding(*shape):
            return nn.Parameter(nn.init.trunc_normal_(torch.empty(*shape), std=0.02))

        self.maskmem_tpos_enc = embedding(config.num_maskmem, 1, 1, memory_dim)
        self.no_mem_embed = embedding(1, 1, dim)
        # Unused, since no_mem_embed is added directly; it has its place in the checkpoints.
        self.no_mem_pos_enc = embedding(1, 1, dim)
        self.no_obj_ptr = embedding(1, dim)
        if config.is_sam21:
            self.no_obj_embed_spatial = embedding(1, memory_dim)
            self.obj_ptr_tpos_proj = nn.Linear(dim, memory_dim)
            self.register_buffer('time_wavelengths', sine_wavelengths(dim // 2), persistent=False)

    def prepare_inference(self) -> SurgSAM2:
        """Have weights joined, stretched and packed once, at their first use; returns the network.

        After parameters were written in place call it again; `train` and `eval` end it.
        """
        onednn.works()
        keep_derived(self, True)
        return self

    @property
    def image_size(self) -> int:
        """Side of the input in pixels."""
        return self.config.image_size

    @property
    def feature_size(self) -> int:
        """Cells per side of the stride-16 features."""
        return self.config.feature_size

    @property
    def memory_size(self) -> int:
        """Cells per side of a spatial memory, m."""
        return self.config.memory_size

    @property
    def temporal_encoding(self) -> Tensor:
        """Learned encodings of the age of a memory, [num_maskmem, 1, 1, Dm].

        Index ``num_maskmem - 1`` belongs to prompted frames, ``k - 1`` to the frame k steps ago.
        """
        return self.maskmem_tpos_enc

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return self.no_mem_embed.device

    @property
    def attention_dtype(self) -> torch.dtype:
        """Type in which memories go into the attention."""
        return self.no_mem_embed.dtype if self.autocast_dtype is None else self.autocast_dtype

    def _precision(self) -> AbstractContextManager:
        if self.autocast_dtype is None:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.autocast_dtype)

    def uses_multimask(self, num_points: int) -> bool:
        """Whether a prompt of so many points (0 = tracking) takes the best of three candidates."""
        config = self.config
        return config.multimask_min_points <= num_points <= config.multimask_max_points

    def encode_image(self, images: Tensor) -> ImageFeatures:
        """Encode images.

        Args:
            images: float [B, 3, S, S], RGB, normalised with ImageNet mean and deviation.

        Raises:
            ValueError: when the images have another size than the network.
        """
        if images.shape[1:] != (3, self.image_size, self.image_size):
            raise ValueError(
                f'images of shape {tuple(images.shape)} do not fit this network; '
                f'expected [B, 3, {self.image_size}, {self.image_size}]'
            )
        with self._precision():
            stride4, stride8, stride16, stride32 = self.image_encoder.trunk(images)
            neck, decoder = self.image_encoder.neck, self.sam_mask_decoder
            return ImageFeatures(
                neck.projected(3, stride4, decoder.conv_s0),
                neck.projected(2, stride8, decoder.conv_s1),
                neck.stride16(stride16, stride32),
            )

    def condition(self, stride16: Tensor, memory: MemoryTokens | None) -> Tensor:
        """Condition the features of a frame on the memory of N objects.

        Args:
            stride16: [1 | N, D, h, w].
            memory: tokens of N objects, or None for a frame that is prompted without memory.

        Returns:
            [N, D, h, w]; without memory the batch stays that of the input.
        """
        if memory is None:
            return stride16 + self.no_mem_embed.view(1, -1, 1, 1)
        with self._precision():
            return self.memory_attention(stride16, memory)

    def memory_position(self) -> Tensor:
        """Return the position encoding of a memory map, [m * m, Dm]."""
        return self.memory_encoder.position

    def pointer_tokens(
        self, pointers: Tensor, time: Tensor, max_time: float
    ) -> tuple[Tensor, Tensor]:
        """Split object pointers into memory tokens.

        Args:
            pointers: [N, P, D].
            time: float [N, P], frames from the pointer to now. SAM 2.1 takes the signed distance.
            max_time: distance that is encoded as 1, officially ``max_object_pointers - 1``.

        Returns:
            Tokens and their position, both [N, P * D / Dm, Dm]. The position is zero in SAM 2.0.
        """
        tokens = pointers.unflatten(2, (-1, self.config.memory_dim)).flatten(1, 2)
        if not self.config.is_sam21:
            return tokens, torch.zeros_like(tokens)
        phase = (time.float() / max_time)[..., None] / self.time_wavelengths
        with self._precision():
            position = self.obj_ptr_tpos_proj(torch.cat((phase.sin(), phase.cos()), dim=-1))
        return tokens, position.repeat_interleave(pointers.shape[2] // self.config.memory_dim, 1)

    def track(
        self, features: ImageFeatures, memory: MemoryTokens, hint: MaskHint | None = None
    ) -> tuple[Tensor, Decoded]:
        """Find N objects in a frame by their memory alone.

        Args:
            features: features of the frame, batch 1 (shared) or N.
            memory: tokens of N objects.
            hint: where they probably are, for a network that takes hints.

        Returns:
            The conditioned features [N, D, h, w], which a correction starts from, and the masks.
        """
        conditioned = self.condition(features.stride16, memory)
        decoded = self.decode(
            conditioned,
            features,
            mask_logits=None if hint is None else hint.mask_logits,
            mask_given=None if hint is None else hint.given > 0,
            multimask=self.uses_multimask(0),
        )
        return conditioned, decoded

    def decode(
        self,
        conditioned: Tensor,
        features: ImageFeatures,
        *,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        mask_logits: Tensor | None = None,
        mask_given: Tensor | None = None,
        multimask: bool,
    ) -> Decoded:
        """Decode the masks of N objects.

        Args:
            conditioned: [N, D, h, w].
            features: features of the frame, batch 1 (shared) or N.
            points: float [N, P, 2], x and y in pixels of the network's input, or None.
            labels: int [N, P]; 1 foreground, 0 background, 2 and 3 box corners, -1 no point.
                Padding with -1 is an own kind of token: it changes the result slightly.
            mask_logits: previous mask as a prompt, [N, 1, S / 4, S / 4], or None.
            mask_given: bool [N], which objects have such a mask; None: all.
            multimask: take the best of three candidates; see ``uses_multimask``.
        """
        prompts = (points, labels, mask_logits, mask_given)
        with self._precision():
            return self._decode(conditioned, features, prompts, multimask)

    def _decode(self, conditioned, features, prompts, multimask) -> Decoded:
        points, labels, mask_logits, mask_given = prompts
        prompt_encoder, objects = self.sam_prompt_encoder, conditioned.shape[0]
        if mask_logits is not None:
            objects = mask_logits.shape[0]
        raw = self.sam_mask_decoder(
            conditioned + prompt_encoder.dense(mask_logits, mask_given),
            prompt_encoder.pe_layer.grid,
            prompt_encoder.sparse(points, labels, objects),
            features.stride8,
            features.stride4,
            multimask=multimask,
            stabilise=self.config.dynamic_multimask and not self.training,
        )
        present = (raw.presence_logits > 0)[:, None]  # [N, 1]
        token, mask, iou = raw.mask_tokens[:, 0], raw.mask_logits, raw.iou[:, 0]
        if multimask:
            best = raw.iou.argmax(dim=1)
            mask = take_mask(mask, best)
            iou = raw.iou.gather(1, best[:, None])[:, 0]
            token = raw.mask_tokens.gather(
                1, (best + 1)[:, None, None].expand(-1, 1, token.shape[-1])
            )[:, 0]
        pointer = torch.where(present, self.obj_ptr_proj(token), self.no_obj_ptr)
        mask = torch.where(present[..., None, None], mask, ABSENT_LOGIT)
        return Decoded(mask, iou, raw.presence_logits, pointer, raw)

    def mask_as_output(self, features: ImageFeatures, mask: Tensor) -> Decoded:
        """Take given masks as the output of a frame; the decoder only makes the object pointers.

        Args:
            features: features of the frame, batch 1 (shared) or N.
            mask: float [N, 1, S, S] of 0 and 1.
        """
        with self._precision():
            prompt = self.mask_downsample(mask)
            decoded = self._decode(features.stride16, features, (None, None, prompt, None), False)
        logits = F.interpolate(
            mask * _MASK_SCALE + _MASK_BIAS,
            scale_factor=0.25,
            mode='bilinear',
            align_corners=False,
            antialias=True,
        )
        present = mask.flatten(1).amax(dim=1) > 0
        presence_logits = torch.where(present, _MASK_SCALE + _MASK_BIAS, _MASK_BIAS)
        pointer = torch.where(present[:, None], decoded.pointer, self.no_obj_ptr)
        return Decoded(logits, torch.ones_like(presence_logits), presence_logits, pointer)

    def masks_to_remember(self, mask_logits: Tensor) -> Tensor:
        """Bring mask logits [N, 1, H, W] to the size in which ``encode_memory`` reads them."""
        side = self.image_size // self.config.memory_mask_stride
        if mask_logits.shape[-1] == side:
            return mask_logits
        smaller = side < mask_logits.shape[-1]
        return F.interpolate(
            mask_logits, (side, side), mode='bilinear', align_corners=False, antialias=smaller
        )

    def encode_memory(
        self, stride16: Tensor, mask_logits: Tensor, presence_logits: Tensor, *, from_prompt: bool
    ) -> Tensor:
        """Encode the memory of a frame.

        Args:
            stride16: features of the frame, [1 | N, D, h, w], not conditioned.
            mask_logits: [N, 1, S / r, S / r], r being ``memory_mask_stride``.
            presence_logits: [N].
            from_prompt: whether the masks come from a prompt on this frame.

        Returns:
            [N, Dm, m, m].
        """
        if from_prompt and self.config.binarise_prompted_masks and not self.training:
            mask = (mask_logits > 0).to(mask_logits.dtype)
        else:
            mask = mask_logits.sigmoid()
        with self._precision():
            memory = self.memory_encoder(stride16, mask * _MASK_SCALE + _MASK_BIAS)
        if self.config.is_sam21:
            absent = (presence_logits <= 0)[:, None, None, None]
            memory = torch.where(
                absent, memory + self.no_obj_embed_spatial[..., None, None], memory
            )
        return memory
