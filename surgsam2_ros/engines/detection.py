# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Ways to run the head of a detector, the same as those that the tracker's engine has."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from surgsam2_ros.engines.arithmetic import OFF
from surgsam2_ros.engines.captured import Captured, LateError, LateFrames, name_of
from surgsam2_ros.engines.fallback import FirstThatWorks, reason
from surgsam2_ros.engines.onnx_engine import AUTO, OnnxSession, shapes_of
from surgsam2_ros.engines.onnx_export import cache_folder, export_graph
from surgsam2_ros.engines.settings import EngineSettings
from surgsam2_ros.network import ImageFeatures, SurgSAM2
from surgsam2_ros.network.instrument_detector import DetectorMaps, InstrumentDetector
from surgsam2_ros.tracking.engines import EngineError

SEEN = ('stride8', 'stride16')
_FORMAT = 1  # of the file; raise it when its inputs or outputs change


class HeadStep(nn.Module):
    """The head as a function of tensors, which can be captured or exported whole.

    Args:
        head: in evaluation mode.
    """

    def __init__(self, head: InstrumentDetector) -> None:
        super().__init__()
        self.head = head

    def forward(self, stride8: Tensor, stride16: Tensor) -> tuple[Tensor, ...]:
        """Return the tensors of `DetectorMaps`."""
        return tuple(self.head.look(stride8, stride16))


class EagerHead:
    """Plain PyTorch, exact."""

    name = 'torch'

    def __init__(self, head: InstrumentDetector) -> None:
        self._head = head

    def look(self, features: ImageFeatures) -> DetectorMaps:
        """Run the head."""
        return self._head(features)


class CapturedHead:
    """The head as one graph.

    Args:
        head: in evaluation mode.
        how: see `captured.capture`.
        late: counts frames that do not fit what was captured in `warm_up`.
    """

    needs_warm_up = True

    def __init__(
        self, head: InstrumentDetector, how: str | dict[str, Any], late: LateFrames
    ) -> None:
        self._eager, self._late = EagerHead(head), late
        self._step = Captured(HeadStep(head).eval(), how)
        self.name = name_of(how)

    def warm_up(self, features: ImageFeatures) -> None:
        """Capture, for features like these; once."""
        if not self._step.warm:
            self._step.warm_up(features.stride8, features.stride16)

    def look(self, features: ImageFeatures) -> DetectorMaps:
        """Run the head."""
        try:
            # What a CUDA graph returns is overwritten when it runs again.
            return DetectorMaps(*(x.clone() for x in self._step(*features[1:])))
        except LateError:
            self._late.add('the detector')
            return self._eager.look(features)


class OnnxHead:
    """The head in ONNX Runtime.

    Args:
        head: that the file was exported from.
        network: whose features it sees.
        file: see `export_head_once`.
        provider: as of `OnnxEncoder`.

    Raises:
        EngineError: when ONNX Runtime or the provider is missing, or the file cannot be read.
    """

    def __init__(
        self, head: InstrumentDetector, network: SurgSAM2, file: Path, provider: str = AUTO
    ) -> None:
        self._session = OnnxSession(file, network.device, provider)
        _, height, width = shapes_of(network)['stride8']
        self._shapes = {
            'mask_logits': (1, 1, height, width),
            'centre_logits': (1, 1, height, width),
            'extents': (1, 4, height, width),
            'features': (1, head.dim, height // 2, width // 2),
        }
        self.name = f'ONNX Runtime ({self._session.provider})'

    def look(self, features: ImageFeatures) -> DetectorMaps:
        """Run the head."""
        seen = {name: getattr(features, name) for name in SEEN}
        return DetectorMaps(**self._session.run(seen, self._shapes))


def build_head(
    head: InstrumentDetector,
    network: SurgSAM2,
    settings: EngineSettings,
    on_failure: Callable[[str], None],
) -> FirstThatWorks:
    """Make what runs the head, with the next slower way behind each fast one.

    Args:
        head: in evaluation mode, on the network's device.
        network: whose features it sees.
        settings: those of the tracker's engine.
        on_failure: called with a sentence for people when a way cannot be taken, now or later.
    """
    ways: list[Any] = []
    if settings.backend == 'onnx' and network.autocast_dtype is None:
        try:
            file = export_head_once(head, network)
            ways.append(OnnxHead(head, network, file, settings.provider))
        except Exception as error:  # libraries that export raise all kinds
            on_failure(f'{reason(error)}; plain PyTorch runs the detector')
    if settings.compile != OFF:
        ways.append(CapturedHead(head, settings.compile, LateFrames(on_failure)))
    return FirstThatWorks([*ways, EagerHead(head)], on_failure)


def export_head_once(head: InstrumentDetector, network: SurgSAM2) -> Path:
    """Return the head as an ONNX file in the cache, made when there is none for its weights.

    Raises:
        EngineError: when a library is missing or the cache cannot be written.
    """
    shapes = shapes_of(network)
    digest = hashlib.sha256(str(shapes['stride8']).encode())
    for key, tensor in sorted(head.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    file = cache_folder() / f'detector_{digest.hexdigest()[:16]}_v{_FORMAT}.onnx'
    if file.exists():
        return file
    example = tuple(torch.randn((1, *shapes[name]), device=network.device) for name in SEEN)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix='unfinished_', dir=file.parent) as folder:
            made = Path(folder) / file.name
            export_graph(HeadStep(head), example, made, SEEN, DetectorMaps._fields)
            made.replace(file)
    except OSError as error:
        raise EngineError(
            f'{file.parent} cannot be written ({error.strerror}); name a folder that can with '
            'XDG_CACHE_HOME'
        ) from error
    return file
