# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The trackers that are compared, each driven frame by frame on one clip."""

import contextlib
import importlib.metadata
from collections.abc import Iterable

from surgsam2_ros.benchmarks.contenders.contender import STAGES, Box, Contender, ContenderError
from surgsam2_ros.benchmarks.contenders.edgetam import EdgeTam
from surgsam2_ros.benchmarks.contenders.official_sam2 import OfficialSam2, OfficialSam2Vos
from surgsam2_ros.benchmarks.contenders.ours import Ours, OursDetecting, SwitchableEngine
from surgsam2_ros.benchmarks.contenders.pruning_sam2 import PruningSam2
from surgsam2_ros.benchmarks.contenders.transformers_sam2 import TransformersSam2

CONTENDERS = {
    'sam2': OfficialSam2,
    'sam2-vos-optimized': OfficialSam2Vos,
    'surgsam2': PruningSam2,
    'transformers-sam2': TransformersSam2,
    'edgetam': EdgeTam,
    'with-detector': OursDetecting,
}
"""By the name that `--against` takes."""


def versions_of(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of what contenders come from, as far as it is installed."""
    versions = {}
    for package in (package for name in names for package in CONTENDERS[name].packages):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions


__all__ = [
    'CONTENDERS',
    'STAGES',
    'Box',
    'Contender',
    'ContenderError',
    'OfficialSam2',
    'OfficialSam2Vos',
    'Ours',
    'OursDetecting',
    'SwitchableEngine',
    'versions_of',
]
