# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Files of a training: always whole, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor


class OutputError(OSError):
    """A file of the output that could not be written."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to, and put what was written in place of `path` at once, at the end.

    The file is on the disk before it gets its name. When the body fails, `path` stays as it was.

    Raises:
        OutputError: naming the file and the remedy when it could not be written.
    """
    unfinished = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        yield unfinished
        with unfinished.open('rb') as file:
            os.fsync(file.fileno())
        unfinished.chmod(0o644)  # safetensors makes files that only their owner can read
        unfinished.replace(path)
    except (OSError, RuntimeError, SafetensorError) as error:  # each says 'disk full' in its way
        raise OutputError(
            f'{path} could not be written ({error}); make room or name another '
            'folder. What was there before is still whole'
        ) from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def export_safetensors(
    state: Mapping[str, Tensor],
    path: Path,
    metadata: Mapping[str, str] | None = None,
    dtype: torch.dtype | None = torch.float16,
) -> None:
    """Save a network's state dict as safetensors, for the node.

    Args:
        state: of a SurgSAM2 network.
        path: file to write.
        metadata: short facts for the file's header, such as how it was trained.
        dtype: of the numbers in the file; None keeps theirs.
    """
    weights = {
        name: tensor.detach().to('cpu', dtype).contiguous() for name, tensor in state.items()
    }
    with replacing(path) as unfinished:
        save_file(weights, unfinished, metadata={'format': 'pt', **(metadata or {})})


def cast_state(state: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Convert the tensors of floating-point numbers; others stay.

    Raises:
        ValueError: naming a tensor whose numbers would become infinite.
    """
    return {name: _cast(name, tensor, dtype) for name, tensor in state.items()}


def _cast(name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    cast = tensor.to(dtype)
    if not cast.isfinite().all() and tensor.isfinite().all():
        raise ValueError(f'{name} holds numbers up to {tensor.abs().max():.3g}, more than {dtype}')
    return cast


def export_official(state: Mapping[str, Tensor], path: Path) -> None:
    """Save a network's state dict as the official SAM 2 code reads it, {'model': …}.

    Args:
        state: of a SurgSAM2 network; its names are SAM 2's, its numbers are kept as they are.
        path: file to write.
    """
    weights = {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
    with replacing(path) as unfinished:
        torch.save({'model': weights}, unfinished)
