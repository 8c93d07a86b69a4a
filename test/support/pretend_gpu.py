# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A GPU that is not there: tensors that say they lie on it, while a CPU computes their values.

What reads them on the host, waits for them or mixes devices behaves as it would with a real one:
it is counted, or raises the error. Results are those of the CPU's kernels.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

# What cannot know its result, or the size of it, before the device is done.
_WAITING = {
    '_local_scalar_dense',
    'nonzero',
    'masked_select',
    'equal',
    '_unique2',
    'unique_dim',
    'bincount',
}
# In inference mode these come as they are, else as what they are made of.
_MADE_OF_OTHERS = {'to', 'item', 'pin_memory', 'is_nonzero'}
_CUDA, _META = 1, 14  # numbers of PyTorch's types of devices


@dataclass(frozen=True)
class Copy:
    """A copy between the host and the device.

    Attributes:
        bytes: of the tensor.
        pinned: whether the host's memory is pinned.
        waits: whether the host waits until it is done; from memory that is not pinned it may.
    """

    bytes: int
    pinned: bool
    waits: bool


@dataclass
class Traffic:
    """What went on between the host and the device."""

    uploads: list[Copy] = field(default_factory=list)
    downloads: list[Copy] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)  # names of operations, 'event' for an event
    devices: set[torch.device] = field(default_factory=set)
    operations: int = 0

    def clear(self) -> None:
        """Count from zero."""
        self.__init__()


class PretendTensor(torch.Tensor):
    """A tensor on a device that is not there; `values` are on the CPU."""

    @staticmethod
    def __new__(cls, values: torch.Tensor, device: torch.device) -> PretendTensor:
        with torch.inference_mode(False):  # views of tensors of other modes could not be made
            tensor = torch.Tensor._make_wrapper_subclass(
                cls,
                values.size(),
                strides=values.stride(),
                storage_offset=values.storage_offset(),
                dtype=values.dtype,
                device=device,
            )
        tensor.values = values
        return tensor

    __torch_function__ = torch._C._disabled_torch_function_impl

    # Python refuses these to subclasses.
    def tolist(self) -> list:
        return self.cpu().tolist()

    def numpy(self, *_: Any, **__: Any) -> None:
        raise TypeError(f"can't convert {self.device} device type tensor to numpy")

    def __repr__(self) -> str:
        return f'PretendTensor({self.values}, device={self.device})'

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        raise AssertionError(f'{func} on a pretended device outside of its mode')


class _Mode(TorchDispatchMode):
    """Sends operations of pretended tensors to the CPU, and notes what crosses over."""

    def __init__(self, device: torch.device, traffic: Traffic) -> None:
        super().__init__()
        self.device, self.traffic = device, traffic
        self._pinned: set[int] = set()  # addresses

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name = func.overloadpacket.__name__
        if name in _MADE_OF_OTHERS:
            with self:
                return func.decompose(*args, **kwargs)
        if name in ('_pin_memory', 'is_pinned'):
            return self._pin(name, args[0])
        if kwargs.pop('pin_memory', None):
            return self._note_pinned(func(*args, **kwargs))
        tensors = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, torch.Tensor)]
        on_device = [x for x in tensors if isinstance(x, PretendTensor)]
        wanted = kwargs.get('device')
        wanted = None if wanted is None else self._with_index(torch.device(wanted))
        if not on_device and (wanted is None or wanted.type == 'cpu'):
            return func(*args, **kwargs)
        if name == '_to_copy' and wanted is not None:
            return self._copied(func, args, kwargs, wanted)
        if name == 'copy_':
            return self._copied_into(func, args, kwargs)
        self._check_devices(func, name, tensors, on_device)
        device = wanted or on_device[0].device
        self.traffic.devices.add(device)
        self.traffic.operations += 1
        if name in _WAITING or (name.startswith('index') and _by_flags(args)):
            self.traffic.waits.append(name)
        if wanted is not None:
            kwargs['device'] = torch.device('cpu')
        wrappers = {id(x.values): x for x in on_device}
        found = func(*tree_map(_values, args), **tree_map(_values, kwargs))

        def wrap(x: Any) -> Any:
            if not isinstance(x, torch.Tensor):
                return x
            return wrappers.get(id(x)) if id(x) in wrappers else PretendTensor(x, device)

        return tree_map(wrap, found)

    def _with_index(self, device: torch.device) -> torch.device:
        if device.type == 'cuda' and device.index is None:
            return torch.device('cuda', 0)  # of a thread that never chose one
        return device

    def _check_devices(self, func, name, tensors, on_device) -> None:
        here = {x.device for x in on_device}
        host = [x for x in tensors if not isinstance(x, PretendTensor) and x.dim() > 0]
        if host and name in ('index', 'index_put', 'index_put_', '_index_put_impl_'):
            # Indices may lie on the host: each is copied, from memory that is not pinned.
            self.traffic.uploads += [Copy(x.nbytes, False, True) for x in host]
            host = []
        if len(here) > 1 or host:
            raise RuntimeError(
                'Expected all tensors to be on the same device, but found at least two devices, '
                f'{sorted(map(str, here | {x.device for x in host}))}, in {func}'
            )

    def _copied(self, func, args, kwargs, wanted):
        source = args[0]
        to_device = wanted.type == 'cuda'
        kwargs['device'] = torch.device('cpu')
        values = func(_values(source), *args[1:], **kwargs)
        self._note(source, to_device, isinstance(source, PretendTensor), kwargs, source)
        if not to_device:
            return values
        self.traffic.devices.add(wanted)
        return PretendTensor(values, wanted)

    def _copied_into(self, func, args, kwargs):
        target, source = args[0], args[1]
        to, of = (isinstance(x, PretendTensor) for x in (target, source))
        options = {'non_blocking': len(args) > 2 and args[2], **kwargs}
        if source.dim() or not to:
            self._note(source if to else target, to, of, options, source)
        func(_values(target), _values(source), *args[2:], **kwargs)
        return target

    def _note(self, host, to_device: bool, from_device: bool, options, source) -> None:
        if to_device == from_device:
            return
        pinned = host.device.type == 'cpu' and host.data_ptr() in self._pinned
        waits = not options.get('non_blocking', False)
        into = self.traffic.uploads if to_device else self.traffic.downloads
        into.append(Copy(source.nbytes, pinned, waits))
        if waits:
            self.traffic.waits.append('upload' if to_device else 'download')

    def _pin(self, name: str, tensor: torch.Tensor):
        if name == 'is_pinned':
            return tensor.data_ptr() in self._pinned
        return self._note_pinned(tensor.clone())

    def _note_pinned(self, tensor: torch.Tensor) -> torch.Tensor:
        self._pinned.add(tensor.data_ptr())
        return tensor


def _values(x: Any) -> Any:
    return x.values if isinstance(x, PretendTensor) else x


def _by_flags(args) -> bool:
    """Whether an indexing operation is told the places by booleans, whose number is not known."""
    indices = args[1] if len(args) > 1 and isinstance(args[1], (list, tuple)) else ()
    return any(isinstance(x, torch.Tensor) and x.dtype == torch.bool for x in indices)


class _Event:
    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    def synchronize(self) -> None:
        self._traffic.waits.append('event')


class _Stream:
    def __init__(self, traffic: Traffic, device: torch.device) -> None:
        self._traffic, self.device = traffic, device

    def wait_stream(self, other: _Stream) -> None:
        assert other.device == self.device

    def record_event(self) -> _Event:
        return _Event(self._traffic)

    def synchronize(self) -> None:
        self._traffic.waits.append('stream')


@dataclass
class PretendGpu:
    """A GPU that is not there; use it in a `with` of `on`.

    Attributes:
        device: what it is called.
        traffic: what went on.
        current: devices that were made the current one, as (name of the thread, device).
    """

    device: torch.device
    traffic: Traffic = field(default_factory=Traffic)

    @contextlib.contextmanager
    def on(self) -> Iterator[Traffic]:
        """Let operations of this thread see the device."""
        with _Mode(self.device, self.traffic):
            yield self.traffic

    def move(self, module: torch.nn.Module) -> torch.nn.Module:
        """Bring the parameters and buffers of a module there; returns it."""
        for part in module.modules():
            for name, parameter in part._parameters.items():
                if parameter is not None:
                    there = PretendTensor(parameter.detach(), self.device)
                    part._parameters[name] = torch.nn.Parameter(there, requires_grad=False)
            for name, buffer in part._buffers.items():
                if buffer is not None:
                    part._buffers[name] = PretendTensor(buffer, self.device)
        return module


def _device_guards() -> ctypes.Array:
    """Return what PyTorch switches devices by, a pointer for each type of device.

    Without one for CUDA it refuses to index a tensor that says it lies there. That of the meta
    device does nothing.
    """
    library = ctypes.CDLL(str(Path(torch.__file__).with_name('lib') / 'libc10.so'))
    number = _META + 1
    return (ctypes.c_void_p * number).in_dll(library, '_ZN3c104impl26device_guard_impl_registryE')


@contextlib.contextmanager
def pretend_gpu(name: str = 'cuda:1') -> Iterator[PretendGpu]:
    """Let PyTorch believe that there is a GPU."""
    gpu = PretendGpu(torch.device(name))
    stream, guards = _Stream(gpu.traffic, gpu.device), _device_guards()
    guards[_CUDA] = guards[_META]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, '_lazy_init', lambda: None)
        patch.setattr(torch.cuda, 'is_available', lambda: True)
        patch.setattr(torch.cuda, 'is_bf16_supported', lambda *_, **__: True)
        patch.setattr(torch.cuda, 'set_device', lambda _: None)
        patch.setattr(torch.cuda, 'current_stream', lambda _=None: stream)
        patch.setattr(torch.cuda, 'Stream', lambda device: _Stream(gpu.traffic, device))
        patch.setattr(torch.cuda, 'stream', lambda _: contextlib.nullcontext())
        patch.setattr(torch.Tensor, 'record_stream', lambda *_: None)
        with gpu.on():
            yield gpu
    guards[_CUDA] = None
