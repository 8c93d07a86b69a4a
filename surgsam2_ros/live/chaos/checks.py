# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is checked after each fault: it is up, has its objects, answered, and told the truth."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from surgsam2_ros.live.chaos.expectations import BrokenPromiseError
from surgsam2_ros.live.chaos.fault import Fault, Objects
from surgsam2_ros.live.chaos.stage import INPUT_TIMEOUT_S, STATUS_PERIOD_S, Stage
from surgsam2_ros.live.chaos.truth import (
    find_lies,
    find_lost_objects,
    find_miscounts,
    is_settled,
    rules,
)

_SETTLED_S = 30.0  # images in work when the camera goes off, on a machine under load
_FIRST_MOMENTS = 5  # tries until a new process has found those that call it
RULES = rules(INPUT_TIMEOUT_S, STATUS_PERIOD_S)


@dataclass(frozen=True)
class Mark:
    """A moment: how much had been seen by then."""

    facts: int
    statuses: int
    diagnostics: int
    answers: int

    @classmethod
    def of(cls, stage: Stage) -> Mark:
        """Return the present moment."""
        return cls(
            len(stage.facts.facts),
            len(stage.watcher.statuses),
            len(stage.watcher.diagnostics),
            len(stage.answers),
        )


def check(stage: Stage, fault: Fault, since: Mark) -> list[str]:
    """Return what the node did wrong in a fault and after it; empty when all is well.

    In the end the node is up, with the promised objects alone, whatever was found.

    Args:
        stage: where it happened.
        fault: what was done.
        since: the moment before it.
    """
    from surgsam2_ros.nodes.client import SurgSam2Error

    found: list[str] = []
    with _noting(found):
        _check_process(stage, fault)
    with _noting(found):
        if fault.restarts:
            stage.bring_up()
        stage.require_results(f'after "{fault.name}"')
    found += _told(stage, since)
    try:
        found += _check_objects(stage, fault)
        found += _check_counters(stage)
        _restore(stage)
    except SurgSam2Error as error:
        found.append(f'after "{fault.name}" a call failed: {error}')
    return found


def make_sound(stage: Stage) -> None:
    """Bring the node up and give it its objects, for the first time or after a failure.

    Raises:
        BrokenPromiseError: it does not come up.
    """
    if stage.node.exit_status is not None:
        stage.node.respawn()
    stage.bring_up()
    stage.require_results('at the start')
    stage.client.reset()
    stage.add_objects()


@contextlib.contextmanager
def _noting(found: list[str]) -> Iterator[None]:
    """Note a violation in the block."""
    from surgsam2_ros.nodes.client import SurgSam2Error

    try:
        yield
    except (BrokenPromiseError, SurgSam2Error) as violation:
        found.append(str(violation))


def _check_process(stage: Stage, fault: Fault) -> None:
    status = stage.node.exit_status
    if status is not None:
        log = stage.node.describe_log()
        stage.node.respawn()
        if not fault.restarts:
            raise BrokenPromiseError(f'the process ended with status {status}; {log}')
    elif fault.restarts:
        raise BrokenPromiseError(f'the process goes on after "{fault.name}"')


def _told(stage: Stage, since: Mark) -> list[str]:
    """Return the lies, miscounts and lost answers since a moment."""
    statuses = stage.watcher.statuses[since.statuses :]
    diagnostics = stage.watcher.diagnostics[since.diagnostics :]
    found = find_lies(stage.facts.facts[since.facts :], statuses, diagnostics, RULES)
    found += find_miscounts(statuses)
    for answers in stage.answers[since.answers :]:
        if answers.lost:
            found.append(
                f'{answers.lost} of {answers.sent} requests to {answers.service} were not answered'
            )
    return found


def _check_objects(stage: Stage, fault: Fault) -> list[str]:
    from surgsam2_ros.nodes.faults.fuzz import may_exist

    expected = fault.objects_after(stage.parameters)
    seen = _listed(stage, tries=_FIRST_MOMENTS if fault.restarts else 1)
    if expected is Objects.EITHER:
        return []
    promised = {} if expected is Objects.FORGOTTEN else stage.promised

    def allowed(object_id: str) -> bool:
        # What was asked for in the moment of the kill may have been taken.
        return may_exist(object_id) or (fault.restarts and object_id == 'late')

    return find_lost_objects(promised, seen, allowed)


def _check_counters(stage: Stage) -> list[str]:
    """Return how the counters disagree when no image is on its way."""
    with stage.camera.off():
        settled = stage.watcher.wait(stage.watcher.statuses, is_settled, _SETTLED_S)
    if settled is not None:
        return []
    last = stage.watcher.statuses[-1]
    return [
        f'{last.frames_received} images were received, and without more coming '
        f'{last.frames_processed} are processed and {last.frames_dropped} dropped'
    ]


def _restore(stage: Stage) -> None:
    """Have the promised objects alone again."""
    seen = _listed(stage)
    if any(seen.get(name) != instance for name, instance in stage.promised.items()):
        stage.client.reset()
        stage.add_objects()
        return
    for name in seen:
        if name not in stage.promised:
            stage.client.remove_object(name)


def _listed(stage: Stage, tries: int = 1) -> dict[str, int]:
    """Return object id -> instance of the living objects."""
    from surgsam2_ros.nodes.faults import storms

    # Repeated by hand: a node that has just started may answer before it has found who asked.
    for _ in range(tries - 1):
        service, name, requests = storms.lists(1)
        if not stage.caller.flood(service, name, requests, 3.0).lost:
            break
    return {item.object_id: item.instance for item in stage.client.list_objects()}
