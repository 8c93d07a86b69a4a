# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Strikes with one fault after the other, checks the node after each and notes how it went."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from surgsam2_ros.live.chaos.checks import Mark, check, make_sound
from surgsam2_ros.live.chaos.expectations import KNOWN_LIMITS, BrokenPromiseError
from surgsam2_ros.live.chaos.fault import Fault
from surgsam2_ros.live.chaos.plan import Planned, plan
from surgsam2_ros.live.chaos.stage import Stage
from surgsam2_ros.live.chaos.table import FAULTS

FAULTS_PER_MINUTE = 6


@dataclass(frozen=True)
class Outcome:
    """How the node took a fault; times count from the begin of the run [s].

    Attributes:
        index: its place in the plan; with the seed it repeats the fault.
        fault: its name.
        began_s, struck_s, ended_s: when it began, was over, and was checked.
        skipped: why it was left out; empty when it was not.
        findings: what the node did wrong.
        known: why that is known and does not fail the run; empty when it is not.
    """

    index: int
    fault: str
    began_s: float
    struck_s: float
    ended_s: float
    skipped: str = ''
    findings: tuple[str, ...] = ()
    known: str = ''

    @property
    def failed(self) -> bool:
        """Whether the node did something wrong that is not known."""
        return bool(self.findings) and not self.known


def planned_faults(seed: int, first: int, count: int) -> Iterator[Planned[Fault]]:
    """Yield so many faults of a seed's plan, from a place on."""
    return islice(plan(FAULTS, seed), first, first + count)


def run_chaos(
    stage: Stage,
    seed: int,
    *,
    first: int,
    count: int,
    minutes: float = 0.0,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Go through a plan, at least `count` faults and for at least so many minutes.

    Args:
        stage: with a node that was just started.
        seed, first: which plan, and where in it to begin.
        count, minutes: how long to go on.
        on_outcome: called after each fault.

    Raises:
        BrokenPromiseError: the node cannot be brought up, at the start or after a failure.
    """
    begin = time.monotonic()
    make_sound(stage)
    outcomes: list[Outcome] = []
    for planned in islice(plan(FAULTS, seed), first, None):
        struck = sum(not outcome.skipped for outcome in outcomes)
        if struck >= count and time.monotonic() - begin >= 60 * minutes:
            break
        outcome = _strike(stage, planned, begin)
        outcomes.append(outcome)
        on_outcome(outcome)
        if outcome.findings:
            make_sound(stage)
    return outcomes


def _strike(stage: Stage, planned: Planned[Fault], begin: float) -> Outcome:
    from surgsam2_ros.nodes.client import SurgSam2Error

    fault = planned.item
    began_s = time.monotonic() - begin
    if fault.needs and fault.needs not in stage.parameters:
        reason = f'the node has no parameter {fault.needs}'
        return Outcome(planned.index, fault.name, began_s, began_s, began_s, skipped=reason)
    since = Mark.of(stage)
    findings: list[str] = []
    try:
        fault.strike(stage, planned.random())
    except (BrokenPromiseError, SurgSam2Error) as error:
        findings.append(str(error))
    struck_s = time.monotonic() - begin
    findings += check(stage, fault, since)
    return Outcome(
        planned.index,
        fault.name,
        began_s,
        struck_s,
        time.monotonic() - begin,
        findings=tuple(findings),
        known=KNOWN_LIMITS.get(fault.name, '') if findings else '',
    )


def summary(stage: Stage, seed: int, outcomes: list[Outcome]) -> dict[str, Any]:
    """Return what a run tells, ready for JSON."""
    return {
        'schema': 1,
        'seed': seed,
        'duration_s': round(outcomes[-1].ended_s, 1) if outcomes else 0.0,
        'faults': sum(not outcome.skipped for outcome in outcomes),
        'failed': sum(outcome.failed for outcome in outcomes),
        'known': sum(bool(outcome.known) for outcome in outcomes),
        'skipped': sum(bool(outcome.skipped) for outcome in outcomes),
        'fuzzed_messages': stage.fuzzed,
        'flooded_requests': sum(answers.sent for answers in stage.answers),
        'lost_answers': sum(answers.lost for answers in stage.answers),
        'process_starts': stage.node.lives,
        'statuses_judged': len(stage.watcher.statuses),
        'results': len(stage.watcher.tracks),
        'images_sent': stage.camera.published,
        'outcomes': [
            {
                'index': outcome.index,
                'fault': outcome.fault,
                'began_s': round(outcome.began_s, 2),
                'struck_s': round(outcome.struck_s, 2),
                'ended_s': round(outcome.ended_s, 2),
                'skipped': outcome.skipped,
                'findings': list(outcome.findings),
                'known': outcome.known,
            }
            for outcome in outcomes
        ],
    }
