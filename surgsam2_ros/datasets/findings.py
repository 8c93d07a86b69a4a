# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is missing or odd in a data set, gathered so that a person can read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass
class Finding:
    """One thing that is missing or odd.

    Attributes:
        kind: short name for scripts, such as 'missing_labels'.
        where: file, or folder when it concerns several files of it.
        message: what is wrong, or what was done about it.
        frames: names of the frames concerned, in order; empty when it concerns no frames.
    """

    kind: str
    where: str
    message: str
    frames: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        frames = f' [{compress(self.frames)}]' if self.frames else ''
        return f'{self.kind}: {self.where}{frames}: {self.message}'


class Findings:
    """A list of findings in which those that differ in their frame alone are one."""

    def __init__(self) -> None:
        self._findings: dict[tuple[str, str, str], Finding] = {}

    def add(self, kind: str, where: object, message: str, frame: str | None = None) -> None:
        """Add a finding; see Finding for the arguments."""
        key = (kind, str(where), message)
        finding = self._findings.setdefault(key, Finding(*key))
        if frame is not None and frame not in finding.frames:
            finding.frames.append(frame)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._findings.values())

    def __len__(self) -> int:
        return len(self._findings)

    def as_json(self) -> list[dict[str, object]]:
        """Return the findings as plain dictionaries."""
        return [dict(vars(finding)) for finding in self]


def compress(names: Iterable[str]) -> str:
    """Write a list of names shortly: '00001-00003, 00007' for numbers, else one after the other."""
    parts: list[list[str]] = []
    for name in names:
        last = parts[-1][-1] if parts else ''
        if name.isdigit() and last.isdigit() and int(name) == int(last) + 1:
            parts[-1] = [parts[-1][0], name]
        else:
            parts.append([name])
    return ', '.join('-'.join(part) for part in parts)
