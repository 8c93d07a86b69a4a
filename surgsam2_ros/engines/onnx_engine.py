# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs an exported network with ONNX Runtime, on whatever its execution providers reach."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from surgsam2_ros.engines.onnx_export import FEATURES, HINT, OUTPUTS, READ
from surgsam2_ros.network import Decoded, ImageFeatures, MaskHint, SurgSAM2
from surgsam2_ros.network.device_transfer import upload
from surgsam2_ros.tracking.engines import EngineError
from surgsam2_ros.tracking.memory_bank import MemoryBank
from surgsam2_ros.tracking.memory_selection import ObjectMemory

_PROVIDERS = {'cpu': 'CPUExecutionProvider', 'cuda': 'CUDAExecutionProvider'}
AUTO = 'auto'
# The key by which ONNX names an external file, as protobuf writes it: field 1, 8 bytes; both may be
# written longer than they need be.
_EXTERNAL_FILE = re.compile(rb'(?:\x0a|\x8a\x80*\x00)(?:\x08|\x88\x80*\x00)location')


class OnnxEncoder:
    """The image encoder in ONNX Runtime.

    Args:
        network: that the file was exported from.
        file: `encoder.onnx`, or a variant of it.
        provider: execution provider of ONNX Runtime by its name; `auto` is the one of the
            network's device.
        variant: what users know a variant by.

    Raises:
        EngineError: when ONNX Runtime or the provider is missing, or the file cannot be read.
    """

    def __init__(
        self, network: SurgSAM2, file: Path, provider: str = AUTO, variant: str = ''
    ) -> None:
        self._session = OnnxSession(file, network.device, provider)
        self._shapes = shapes_of(network)
        title = f'ONNX Runtime {variant}'.rstrip()
        self.name = f'{title} ({self._session.provider})'

    def encode(self, image: torch.Tensor) -> ImageFeatures:
        """Encode an image."""
        image = upload(image, self._session.device)
        shapes = {name: (1, *self._shapes[name]) for name in FEATURES}
        return ImageFeatures(**self._session.run({'image': image}, shapes))


class OnnxStepper:
    """All that comes after the image encoder in ONNX Runtime.

    Args and errors are those of `OnnxEncoder`, for `step.onnx`, of which there is no variant.
    """

    def __init__(self, network: SurgSAM2, file: Path, provider: str = AUTO) -> None:
        self._session = OnnxSession(file, network.device, provider)
        self._shapes = shapes_of(network)
        self.name = f'ONNX Runtime ({self._session.provider})'

    def track(
        self,
        features: ImageFeatures,
        bank: MemoryBank,
        memories: Sequence[ObjectMemory],
        frame: int,
        hint: MaskHint | None = None,
    ) -> tuple[Decoded, torch.Tensor]:
        """Track N objects."""
        plan, _ = bank.plan(memories, frame)
        survivors = torch.arange(plan.survivors, device=self._session.device)
        read = (*bank.gather(plan), *plan.table, survivors, bank.gather_cells(plan))
        inputs = dict(zip(FEATURES, features, strict=True)) | dict(zip(READ, read, strict=True))
        if hint is not None:
            inputs |= dict(zip(HINT, hint, strict=True))
        shapes = {name: (len(memories), *self._shapes[name]) for name in OUTPUTS}
        found = self._session.run(inputs, shapes)
        *decoded, memory = (found[name] for name in OUTPUTS)
        return Decoded(*decoded), memory


class OnnxSession:
    """A file in ONNX Runtime that works on the memory of tensors, without copies.

    Attributes:
        device: of the tensors.
        provider: execution provider in use.
    """

    def __init__(self, file: Path, device: torch.device, provider: str) -> None:
        self.device = device
        self.provider = _PROVIDERS[device.type] if provider == AUTO else provider
        self._session = _open(file, self.provider, device)
        self._inputs = [argument.name for argument in self._session.get_inputs()]

    def run(
        self, inputs: Mapping[str, torch.Tensor | None], shapes: Mapping[str, tuple[int, ...]]
    ) -> dict[str, torch.Tensor]:
        """Run on these inputs; what the file does not ask for is left out.

        Args:
            inputs: by name.
            shapes: of all outputs, which are float32.
        """
        binding = self._session.io_binding()
        given = {name: inputs[name].contiguous() for name in self._inputs}
        made = {name: torch.empty(shape, device=self.device) for name, shape in shapes.items()}
        for bind, tensors in ((binding.bind_input, given), (binding.bind_output, made)):
            for name, tensor in tensors.items():
                bind(
                    name,
                    self.device.type,
                    self.device.index or 0,
                    _ELEMENT_TYPES[tensor.dtype],
                    tuple(tensor.shape),
                    tensor.data_ptr(),
                )
        if self.device.type == 'cuda':  # ONNX Runtime works on a stream of its own
            torch.cuda.current_stream(self.device).synchronize()
        self._session.run_with_iobinding(binding)
        return made


# Numbers of the element types in the ONNX format; their names would need NumPy scalars.
_ELEMENT_TYPES = {torch.float32: 1, torch.uint8: 2, torch.int64: 7}


def shapes_of(network: SurgSAM2) -> dict[str, tuple[int, ...]]:
    """Shapes of the outputs without their first axis."""
    side, width = network.feature_size, network.config.hidden_dim
    return {
        'stride4': (width // 8, 4 * side, 4 * side),
        'stride8': (width // 4, 2 * side, 2 * side),
        'stride16': (width, side, side),
        'logits': (1, 4 * side, 4 * side),
        'iou': (),
        'presence': (),
        'pointer': (width,),
        'memory': (network.config.memory_dim, network.memory_size, network.memory_size),
    }


def _refuse_other_files(path: Path) -> None:
    """Refuse a network whose weights lie elsewhere: ONNX Runtime would read any file it names.

    Raises:
        EngineError: the file names another one, or cannot be read.
    """
    try:
        names_another = _EXTERNAL_FILE.search(path.read_bytes()) is not None
    except OSError as error:
        raise EngineError(f'{path} cannot be read: {error.strerror}') from error
    if names_another:
        raise EngineError(
            f'{path} names another file for its weights, which exports of this package never do; '
            'delete it, and it is exported anew'
        )


def _open(path: Path, provider: str, device: torch.device) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(
            f'ONNX Runtime needs {error.name}; install requirements/onnx.txt, or set the backend '
            'to torch'
        ) from error
    there = onnxruntime.get_available_providers()
    if provider not in there:
        raise EngineError(
            f'this ONNX Runtime has no {provider}; it has {", ".join(there)}. Name one of these, '
            'or install the build of ONNX Runtime that has it'
        )
    _refuse_other_files(path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    # Idle threads that spin would take the cores of the other stages of the pipeline.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    chosen: list = [provider]
    if device.type == 'cuda':
        chosen = [(provider, {'device_id': device.index or 0})]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=chosen)
    except Exception as error:  # of a C++ library that has no common class of errors
        raise EngineError(f'{path} cannot be opened by ONNX Runtime: {error}') from error
