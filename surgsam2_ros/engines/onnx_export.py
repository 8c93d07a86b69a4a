# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes a network as two ONNX files, made once and kept with the checksum of its weights."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import Dim

from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.tracking.engines import EngineError
from surgsam2_ros.tracking.tracking_step import EncodingStep, TrackingStep

ENCODER, STEP, MANIFEST = 'encoder.onnx', 'step.onnx', 'manifest.json'
INT8_ENCODER = 'encoder_int8.onnx'
FEATURES = ('stride4', 'stride8', 'stride16')
READ = ('memories', 'pointers', 'encoding', 'candidate', 'age', 'counts', 'survivors', 'cells')
HINT = ('hint', 'hint_given')
OUTPUTS = ('logits', 'iou', 'presence', 'pointer', 'memory')
_FORMAT = 3  # of the files; raise it when inputs, outputs or the way to 8 bits change
_OPSET = 18


@dataclass(frozen=True)
class StepKind:
    """What belongs to an exported step.

    Attributes:
        prunes_frames: efficient frame pruning.
        prunes_tokens: memories of which some tokens are read.
        takes_hints: masks of the frame before, moved to this one.
    """

    prunes_frames: bool
    prunes_tokens: bool = False
    takes_hints: bool = False


@dataclass(frozen=True)
class ExportedNetwork:
    """A folder with `encoder.onnx`, `step.onnx` and `manifest.json`."""

    folder: Path

    @property
    def encoder(self) -> Path:
        """From uint8 [1, 3, S, S] to the features at strides 4, 8 and 16."""
        return self.folder / ENCODER

    @property
    def step(self) -> Path:
        """From features and memories to masks and new memories."""
        return self.folder / STEP

    @property
    def int8_encoder(self) -> Path:
        """The encoder in 8 bits, where it has been made."""
        return self.folder / INT8_ENCODER


class _FlexibleStep(nn.Module):
    """`TrackingStep` whose number of surviving memories is the length of an input."""

    def __init__(self, step: TrackingStep, kind: StepKind) -> None:
        super().__init__()
        self.step, self.kind = step, kind

    def forward(self, stride4, stride8, stride16, memories, pointers, *rest):
        encoding, candidate, age, counts, survivors, *optional = rest
        self.step.survivors = survivors.shape[0]
        cells = optional.pop(0) if self.kind.prunes_tokens else None
        plan = (encoding, candidate, age, counts, cells)
        return tuple(self.step(stride4, stride8, stride16, memories, pointers, *plan, *optional))


def weights_digest(network: SurgSAM2) -> str:
    """Checksum of what an export depends on: all weights and the network's configuration."""
    digest = hashlib.sha256()
    config = dataclasses.asdict(network.config)
    for field in ('name', 'checkpoint', 'checkpoint_sha256', 'weights_source', 'directory'):
        del config[field]
    digest.update(json.dumps(config, sort_keys=True).encode())
    for key, tensor in sorted(network.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def cache_folder() -> Path:
    """Where exports are kept: below $XDG_CACHE_HOME, else ~/.cache."""
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'surgsam2_ros' / 'onnx'


def export_once(network: SurgSAM2, kind: StepKind, folder: Path | None = None) -> ExportedNetwork:
    """Return the export of this network, which is made when there is none yet.

    Args:
        network: in evaluation mode, float32.
        kind: of the step.
        folder: where it lies; by default one in the cache, named by the weights.

    Raises:
        EngineError: when a library is missing, the folder cannot be written, or the export in a
            given folder is of other weights or damaged.
    """
    digest = weights_digest(network)
    given = folder is not None
    if folder is None:
        flags = ''.join(str(int(flag)) for flag in dataclasses.astuple(kind))
        folder = cache_folder() / f'{network.config.name}_{digest[:16]}_{flags}_v{_FORMAT}'
    exported = ExportedNetwork(folder)
    problem = _problem_of(exported, digest, kind)
    if problem is None:
        return exported
    if given and folder.exists() and any(folder.iterdir()):
        raise EngineError(
            f'the ONNX export in {folder} {problem}; delete that folder, and it is made anew'
        )
    _export(network, digest, kind, folder)
    return exported


def _problem_of(exported: ExportedNetwork, digest: str, kind: StepKind) -> str | None:
    """Say what is wrong with an export, to follow 'the export'; None when it is right."""
    try:
        manifest = json.loads((exported.folder / MANIFEST).read_text(encoding='utf-8'))
        if manifest['format'] != _FORMAT:
            return f'has format {manifest["format"]}, not {_FORMAT}'
        if manifest['weights'] != digest:
            return 'was made from other weights'
        if manifest['step'] != dataclasses.asdict(kind):
            return 'has another kind of pruning'
        for name, checksum in manifest['files'].items():
            if file_checksum(exported.folder / name) != checksum:
                return f'is damaged: {name} has changed'
    except OSError as error:
        return f'is not complete ({error.strerror}: {error.filename})'
    except (ValueError, KeyError, TypeError):
        return f'has no readable {MANIFEST}'
    return None


def file_checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def _export(network: SurgSAM2, digest: str, kind: StepKind, folder: Path) -> None:
    """Write all files beside the folder and put them in its place together."""
    _require_exporter()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix='unfinished_', dir=folder.parent))
    except OSError as error:
        raise EngineError(
            f'{folder.parent} cannot be written ({error.strerror}); name a folder that can with '
            'XDG_CACHE_HOME'
        ) from error
    try:
        _export_encoder(network, unfinished / ENCODER)
        _export_step(network, kind, unfinished / STEP)
        files = {name: file_checksum(unfinished / name) for name in (ENCODER, STEP)}
        manifest = {
            'format': _FORMAT,
            'weights': digest,
            'step': dataclasses.asdict(kind),
            'files': files,
        }
        (unfinished / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding='utf-8')
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.replace(folder)
    except OSError as error:
        raise EngineError(f'the ONNX export could not be written: {error}') from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _export_encoder(network: SurgSAM2, path: Path) -> None:
    size = network.image_size
    image = torch.zeros((1, 3, size, size), dtype=torch.uint8, device=network.device)
    export_graph(EncodingStep(network), (image,), path, ('image',), FEATURES)


def export_graph(
    step: nn.Module,
    example: tuple[torch.Tensor, ...],
    path: Path,
    inputs: Sequence[str],
    outputs: Sequence[str],
    dynamic_shapes: Mapping[str, Any] | None = None,
) -> None:
    """Write a module as one ONNX file, weights and all.

    Args:
        step: in evaluation mode.
        example: inputs of the shapes that it will have.
        path: of the file.
        inputs, outputs: their names.
        dynamic_shapes: which axes may have other lengths, see `torch.onnx.export`.

    Raises:
        EngineError: when a library is missing.
    """
    _require_exporter()
    with torch.no_grad(), _quiet():
        torch.onnx.export(
            step,
            example,
            path,
            dynamo=True,
            verbose=False,
            optimize=False,  # ONNX Runtime does that when it opens the file
            opset_version=_OPSET,
            external_data=False,
            dynamic_shapes=dynamic_shapes,
            input_names=list(inputs),
            output_names=list(outputs),
        )


def _require_exporter() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise EngineError(
            f'exporting to ONNX needs {error.name}; install requirements/onnx.txt'
        ) from error


def _export_step(network: SurgSAM2, kind: StepKind, path: Path) -> None:
    """Export the step for any number of objects, memories and pointers."""
    objects, memories, pointers = Dim('objects'), Dim('memories'), Dim('pointers')
    tokens = 6 if kind.prunes_tokens else None
    example = example_of_step(
        network, objects=2, memories=7, pointers=16, survivors=5, tokens=tokens
    )
    if not kind.takes_hints:
        example = {name: value for name, value in example.items() if name not in HINT}
    shapes = dict.fromkeys(FEATURES)
    shapes['memories'] = {0: objects, 1: memories}
    shapes['pointers'] = {0: objects, 1: pointers}
    rest = (
        {0: objects, 1: memories},
        {0: objects, 1: memories},
        {0: objects, 1: pointers},
        {0: objects},
        {0: Dim('survivors')},
        *([{0: objects, 1: memories, 2: Dim('tokens')}] if kind.prunes_tokens else []),
        *([{0: objects}, {0: objects}] if kind.takes_hints else []),
    )
    step = _FlexibleStep(TrackingStep(network, survivors=5, prunes=kind.prunes_frames), kind)
    shapes['rest'] = rest
    export_graph(step, tuple(example.values()), path, tuple(example), OUTPUTS, shapes)


def example_of_step(
    network: SurgSAM2,
    *,
    objects: int,
    memories: int,
    pointers: int,
    survivors: int,
    tokens: int | None = None,
) -> dict[str, torch.Tensor]:
    """Make inputs of the exported step, by name; values are random, indices are in range."""
    config, side = network.config, network.feature_size
    width, device = config.hidden_dim, network.device

    def noise(*shape):
        return torch.randn(shape, device=device)

    def whole(*shape):
        return torch.zeros(shape, dtype=torch.int64, device=device)

    counts = torch.tensor([memories - 1, memories - survivors, survivors, pointers], device=device)
    example = {
        'stride4': noise(1, width // 8, 4 * side, 4 * side),
        'stride8': noise(1, width // 4, 2 * side, 2 * side),
        'stride16': noise(1, width, side, side),
        'memories': noise(objects, memories, network.memory_size**2, config.memory_dim),
        'pointers': noise(objects, pointers, width),
        'encoding': whole(objects, memories),
        'candidate': torch.ones_like(whole(objects, memories)),
        'age': whole(objects, pointers) + 1,
        'counts': counts.expand(objects, -1).contiguous(),
        'survivors': torch.arange(survivors, device=device),
    }
    if tokens is not None:
        example['cells'] = torch.arange(tokens, device=device).expand(objects, memories, -1).clone()
    if config.motion_hint:
        example['hint'] = noise(objects, 1, 4 * side, 4 * side)
        example['hint_given'] = torch.ones_like(whole(objects))
    return example


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's notes about libraries that it does not find to itself."""
    loggers = [logging.getLogger(name) for name in ('torch.onnx', 'onnxscript', 'torch.export')]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
