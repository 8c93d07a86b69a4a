# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which way of running the network is asked for, and the chain of slower ones behind it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from surgsam2_ros.engines.arithmetic import OFF
from surgsam2_ros.engines.captured import CAPTURES, CapturedEncoder, CapturedStepper, LateFrames
from surgsam2_ros.engines.fallback import FirstThatWorks, reason
from surgsam2_ros.engines.int8_encoder import CALIBRATION_FRAMES, INT8, int8_encoder_once
from surgsam2_ros.engines.onnx_engine import AUTO, OnnxEncoder, OnnxStepper
from surgsam2_ros.engines.onnx_export import StepKind, export_once
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.tracking.config import TrackerConfig
from surgsam2_ros.tracking.engines import (
    EagerEncoder,
    EagerStepper,
    Engine,
    EngineError,
)
from surgsam2_ros.tracking.memory_bank import memories_read
from surgsam2_ros.tracking.preprocess import resize_image

BACKENDS = ('torch', 'onnx')
PROFILES = ('exact', 'fast')
COMPILE = (OFF, *CAPTURES)
FAST_SHARE_OF_TOKENS = 0.5
"""Tokens of each memory that the fast profile attends to."""
_CALIBRATION_SEED = 7_000_001
_FRAMES_PER_CLIP = 4


@dataclass(frozen=True)
class EngineSettings:
    """How the network is run in frames without prompts.

    Attributes:
        backend: 'torch', or 'onnx' for ONNX Runtime, which exports the network once.
        profile: 'exact', or 'fast': a part of each memory and, on a CPU that is made for these, an
            image encoder in 8 bits, by ONNX Runtime.
        compile: 'off', or how `torch.compile` captures the network; of no use with 'onnx'.
        provider: execution provider of ONNX Runtime; 'auto' is that of the device.
    """

    backend: str = 'torch'
    profile: str = 'exact'
    compile: str = OFF
    provider: str = AUTO

    def __post_init__(self) -> None:
        """Check the names.

        Raises:
            ValueError: naming the setting, its value and what is allowed.
        """
        for name, allowed in (
            ('backend', BACKENDS),
            ('profile', PROFILES),
            ('compile', COMPILE),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f'{name} is {getattr(self, name)!r}; it must be one of {", ".join(allowed)}'
                )

    def tracker_config(self, network: SurgSAM2, config: TrackerConfig) -> TrackerConfig:
        """Return the tracker's settings with those of the profile."""
        if self.profile != 'fast' or config.memory_tokens is not None:
            return config
        tokens = round(FAST_SHARE_OF_TOKENS * network.memory_size**2)
        return dataclasses.replace(config, memory_tokens=tokens)


def build_engine(
    network: SurgSAM2,
    settings: EngineSettings,
    config: TrackerConfig,
    on_failure: Callable[[str], None],
) -> Engine:
    """Make what runs the network, with the next slower way behind each fast one.

    Args:
        network: on its device, in evaluation mode.
        settings: what is asked for.
        config: of the tracker that will use it.
        on_failure: called with a sentence for people when a way cannot be taken, now or later.
    """
    encoders, steppers = [], []

    def add(choices: list, make: Callable[[], object]) -> None:
        try:
            choices.append(make())
        except Exception as error:  # libraries that export and compile raise all kinds
            on_failure(reason(error))

    on_cpu = network.device.type == 'cpu'
    in_8_bits = settings.profile == 'fast' and on_cpu and multiplies_8_bits_fast()
    if settings.backend == 'onnx' or in_8_bits:
        try:
            if network.autocast_dtype is not None:
                raise EngineError(
                    'ONNX Runtime runs the network in float32; set the precision to fp32'
                )
            exported = export_once(network, step_kind(network, config))
        except Exception as error:
            on_failure(f'{reason(error)}; plain PyTorch takes over')
        else:
            if in_8_bits:
                add(
                    encoders,
                    lambda: OnnxEncoder(
                        network,
                        int8_encoder_once(exported, calibration_images(network.image_size)),
                        settings.provider,
                        INT8,
                    ),
                )
            if settings.backend == 'onnx':
                add(encoders, lambda: OnnxEncoder(network, exported.encoder, settings.provider))
                add(steppers, lambda: OnnxStepper(network, exported.step, settings.provider))
    if settings.compile != OFF:
        late = LateFrames(on_failure)
        encoders.append(CapturedEncoder(network, settings.compile, late))
        steppers.append(CapturedStepper(network, settings.compile, late))
    encoders.append(EagerEncoder(network))
    steppers.append(EagerStepper(network))
    return Engine(FirstThatWorks(encoders, on_failure), FirstThatWorks(steppers, on_failure))


def multiplies_8_bits_fast() -> bool:
    """Whether the processor has dot products of 8-bit integers (VNNI, AMX or Arm's).

    Without them an encoder in 8 bits is hardly faster than one in float32, and its products may
    overflow.
    """
    try:
        features = Path('/proc/cpuinfo').read_text(encoding='ascii', errors='replace').split()
    except OSError:
        return False
    return not {'avx512_vnni', 'avx_vnni', 'amx_int8', 'asimddp'}.isdisjoint(features)


def step_kind(network: SurgSAM2, config: TrackerConfig) -> StepKind:
    """Return what the step of a tracker with these settings has to do."""
    tokens = config.memory_tokens
    return StepKind(
        prunes_frames=memories_read(network.config, config)[1] > 0,
        prunes_tokens=tokens is not None and tokens < network.memory_size**2,
        takes_hints=network.config.motion_hint and config.motion_hint,
    )


def calibration_images(size: int) -> Iterable[np.ndarray]:
    """Render everyday surgical scenes, uint8 [1, 3, size, size] each; the same every time."""
    from surgsam2_ros.synthesis import EVERYDAY_KINDS, render_clip

    for clip in range(CALIBRATION_FRAMES // _FRAMES_PER_CLIP):
        rng = np.random.default_rng([_CALIBRATION_SEED, clip])
        frames, _ = render_clip(rng, _FRAMES_PER_CLIP, size, kinds=EVERYDAY_KINDS)
        for rgb in frames:
            yield resize_image(rgb, size).numpy()
