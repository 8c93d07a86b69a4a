# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether what a node said of itself was true when it said it.

The harness notes facts, such as that the camera was off, and everything that the node told; here
the two are compared. Pure: values in, sentences about lies out.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ERROR_LEVEL = 2
INACTIVE, ACTIVE = 2, 3


@dataclass
class Fact:
    """What was so, from one moment to another.

    Attributes:
        kind: one of RULES.
        begin_s, end_s: monotonic clock [s]; it holds still while the end is None.
    """

    kind: str
    begin_s: float
    end_s: float | None = None


@dataclass(frozen=True)
class Rule:
    """What a node has to say while a fact holds.

    Attributes:
        known_after_s: how long it may take to find out [s].
        is_true: whether a status agrees with the fact.
        expected: what it should have said.
        level: least level of its reports on /diagnostics.
    """

    known_after_s: float
    is_true: Callable[[Any], bool]
    expected: str
    level: int = 0


SLACK_S = 2.0
"""Time that is granted beyond the promises of the parameters, for machines under load [s]."""


def rules(timeout_s: float, period_s: float) -> Mapping[str, Rule]:
    """Return what a node has to say by the kind of fact.

    Args:
        timeout_s: input.timeout_s of the node.
        period_s: diagnostics.period_s of the node.
    """
    soon_s = period_s + SLACK_S
    return {
        'camera silent': Rule(
            timeout_s + soon_s,
            lambda status: not status.message.startswith('tracking'),
            'that no image comes',
            ERROR_LEVEL,
        ),
        'paused': Rule(
            soon_s,
            lambda status: not status.enabled and not status.message.startswith('tracking'),
            'that it is paused',
            1,
        ),
        'inactive': Rule(
            soon_s, lambda status: status.lifecycle_state == INACTIVE, 'that it is inactive'
        ),
        'tracking': Rule(
            soon_s,
            lambda status: status.lifecycle_state == ACTIVE and status.enabled,
            'that it is active and enabled',
        ),
    }


class FactLog:
    """The facts of a run, as they come and go."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.facts: list[Fact] = []

    @contextlib.contextmanager
    def hold(self, kind: str) -> Iterator[Fact]:
        """Note that something is so in the block."""
        fact = Fact(kind, self._clock())
        self.facts.append(fact)
        try:
            yield fact
        finally:
            fact.end_s = self._clock()


def find_lies(
    facts: Sequence[Fact],
    statuses: Sequence[Any],
    diagnostics: Sequence[Any],
    rules_by_kind: Mapping[str, Rule],
) -> list[str]:
    """Return a sentence about each fact that the node had to know and denied.

    Args:
        facts: what was so.
        statuses, diagnostics: StatusSeen and DiagnosticSeen in the order in which they came.
        rules_by_kind: see `rules`.
    """
    lies = []
    for fact in facts:
        rule = rules_by_kind[fact.kind]
        untrue = [status for status in _within(statuses, fact, rule) if not rule.is_true(status)]
        if untrue:
            first = untrue[0]
            lies.append(
                f'{first.at_s - fact.begin_s:.1f} s into "{fact.kind}" the status said '
                f'{first.message!r} (state {first.lifecycle_state}, enabled {first.enabled}), and '
                f'{len(untrue) - 1} more did; they should have said {rule.expected}'
            )
        calm = [one for one in _within(diagnostics, fact, rule) if one.level < rule.level]
        if calm:
            first = calm[0]
            lies.append(
                f'{first.at_s - fact.begin_s:.1f} s into "{fact.kind}" the level of /diagnostics '
                f'was {first.level} ({first.message!r}), and of {len(calm) - 1} more reports; at '
                f'least {rule.level} was expected'
            )
    return lies


def find_miscounts(statuses: Sequence[Any]) -> list[str]:
    """Return a sentence about each status whose frame counters cannot be.

    Images are processed or dropped once, after they were received, and counters only go back to
    zero together, at an activation.
    """
    wrong, before = [], None
    for status in statuses:
        received, processed, dropped = _counters(status)
        if processed + dropped > received:
            wrong.append(
                f'{processed} processed and {dropped} dropped images are more than the {received} '
                'received'
            )
        if before is not None and received >= _counters(before)[0] > 0:
            for name, now, then in zip(
                ('processed', 'dropped'), (processed, dropped), _counters(before)[1:], strict=True
            ):
                if now < then:
                    wrong.append(f'frames_{name} went from {then} back to {now}')
        before = status
    return wrong


def find_lost_objects(
    promised: Mapping[str, int], seen: Mapping[str, int], may_exist: Callable[[str], bool]
) -> list[str]:
    """Return a sentence about each object that is not as promised.

    Args:
        promised, seen: object id -> instance.
        may_exist: whether an id that nothing was promised of may have come.
    """
    wrong = [
        f'object {name!r} is {"gone" if name not in seen else f"instance {seen[name]}"}, promised '
        f'was instance {instance}'
        for name, instance in promised.items()
        if seen.get(name) != instance
    ]
    unasked = [name for name in seen if name not in promised and not may_exist(name)]
    return wrong + [f'object {name!r} is there and nobody added it' for name in unasked]


def is_settled(status: Any) -> bool:
    """Whether every image that was received is processed or dropped."""
    received, processed, dropped = _counters(status)
    return received == processed + dropped


def _counters(status: Any) -> tuple[int, int, int]:
    return status.frames_received, status.frames_processed, status.frames_dropped


def _within(seen: Sequence[Any], fact: Fact, rule: Rule) -> Iterator[Any]:
    """Yield what was told while the node had to know of the fact."""
    for one in seen:
        ended = fact.end_s is not None and one.at_s > fact.end_s
        if fact.begin_s + rule.known_after_s <= one.at_s and not ended:
            yield one
