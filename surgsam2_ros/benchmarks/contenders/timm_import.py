# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Imports timm without torchvision, which its networks do without."""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_NAME = 'torchvision'
_InterpolationMode = enum.Enum('InterpolationMode', 'NEAREST BILINEAR BICUBIC BOX HAMMING LANCZOS')


class _StandIn(ModuleType):
    """A module in which every name is an empty class."""

    def __getattr__(self, name: str) -> type:
        if name.startswith('__'):
            raise AttributeError(name)
        found = _InterpolationMode if name == 'InterpolationMode' else type(name, (), {})
        setattr(self, name, found)
        return found


class _Finder(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition('.')[0] != _NAME:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def import_timm() -> None:
    """Import timm, if that was not done.

    timm takes what loads images from torchvision, and names it while it is imported. torchvision
    has to be built for exactly the torch that is there: the one on PyPI is for its CUDA build, and
    beside a torch for CPUs it cannot even be imported. So empty classes stand in for it meanwhile.

    Raises:
        ImportError: when timm is not installed.
    """
    if 'timm' in sys.modules:
        return
    with _without_torchvision():
        import timm  # noqa: F401  # transformers builds the trunk by it


@contextmanager
def _without_torchvision() -> Iterator[None]:
    """Let imports of torchvision find the stand-in while the block runs."""
    before = {name: m for name, m in sys.modules.items() if name.partition('.')[0] == _NAME}
    for name in before:
        del sys.modules[name]
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition('.')[0] == _NAME]:
            del sys.modules[name]
        sys.modules.update(before)
