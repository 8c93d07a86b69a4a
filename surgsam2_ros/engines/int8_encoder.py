# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The exported image encoder in 8 bits, calibrated on images that the caller gives."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from surgsam2_ros.engines.onnx_export import MANIFEST, ExportedNetwork, file_checksum
from surgsam2_ros.tracking.engines import EngineError

CALIBRATION_FRAMES = 32
INT8 = 'int8'
"""What users know it by, and its place in the manifest."""


def int8_encoder_once(exported: ExportedNetwork, images: Iterable[np.ndarray]) -> Path:
    """Return the encoder in 8 bits, which is made when the export has none yet.

    Weights become signed integers with a scale per output channel, activations unsigned 8-bit ones
    with a scale per tensor, from the ranges seen in the calibration images. It is for processors
    with VNNI: on others sums of two products may overflow.

    Args:
        exported: of the network.
        images: uint8 [1, 3, S, S] each; read only when the encoder is made.

    Raises:
        EngineError: when a library is missing, or the file there is damaged.
    """
    manifest_file = exported.folder / MANIFEST
    manifest = json.loads(manifest_file.read_text(encoding='utf-8'))
    path = exported.int8_encoder
    if INT8 in manifest and path.is_file():
        if file_checksum(path) != manifest[INT8]:
            raise EngineError(f'{path} has changed; delete it, and it is made anew')
        return path
    with tempfile.TemporaryDirectory(dir=exported.folder) as folder:
        unfinished = Path(folder) / path.name
        _quantize(exported.encoder, unfinished, images)
        manifest[INT8] = file_checksum(unfinished)
        unfinished.replace(path)
        unfinished = Path(folder) / MANIFEST
        unfinished.write_text(json.dumps(manifest, indent=2), encoding='utf-8')
        unfinished.replace(manifest_file)
    return path


def _quantize(encoder: Path, output: Path, images: Iterable[np.ndarray]) -> None:
    try:
        from onnxruntime import quantization
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise EngineError(
            f'an encoder in 8 bits needs {error.name}; install requirements/onnx.txt'
        ) from error

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self._images: Iterator[np.ndarray] = iter(images)

        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(self._images, None)
            return None if image is None else {'image': image}

    prepared = output.with_suffix('.prepared.onnx')
    quant_pre_process(str(encoder), str(prepared), skip_symbolic_shape=True)
    quantization.quantize_static(
        str(prepared),
        str(output),
        Reader(),
        quant_format=quantization.QuantFormat.QDQ,
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
        op_types_to_quantize=_operations_in_8_bits(prepared),
        extra_options={'ActivationSymmetric': False, 'WeightSymmetric': True},
    )
    prepared.unlink()


def _operations_in_8_bits(encoder: Path) -> list[str]:
    """Return the ONNX operations of a trunk that most of the work is in.

    Those of a transformer are its linear layers: its few convolutions stay in float32, with half
    the error of the features in the same time. Sums of shortcuts do so everywhere.
    """
    import onnx

    graph = onnx.load(encoder, load_external_data=False).graph
    has_linear_layers = any(node.op_type in ('MatMul', 'Gemm') for node in graph.node)
    return ['MatMul', 'Gemm'] if has_linear_layers else ['Conv', 'Clip']
