# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What has changed about a node, in sentences for operators."""

from __future__ import annotations

from surgsam2_ros.nodes.client.node_watch import NodeReport
from surgsam2_ros.nodes.client.results import NodeState

_ERROR = 2

Sentence = tuple[str, bool]
"""A sentence, and whether something needs attention."""


def changes(name: str, before: NodeReport, after: NodeReport) -> list[Sentence]:
    """Return what operators are told when a node's report changes.

    Args:
        name: what the node is called.
        before, after: the reports.
    """
    if not after.is_there:
        gone = 'gone: it ended, or its machine cannot be reached; the page goes on when it is back'
        return [(f'{name} is {gone}', True)] if before.is_there else []
    told: list[Sentence] = []
    restarted = before.process and after.process - before.process
    if restarted:
        told.append((f'{name} was started anew; look whether all instruments are there', True))
    elif not before.is_there:
        told.append((f'{name} is {"back" if before.process else "there"}', False))
    told += _lifecycle_changes(name, before, after)
    if before.enabled != after.enabled:
        paused = f'{name} was paused: it looks at no images'
        told.append((f'{name} goes on' if after.enabled else paused, not after.enabled))
    told += _trouble(name, before, after)
    return told


def _lifecycle_changes(name: str, before: NodeReport, after: NodeReport) -> list[Sentence]:
    if before.lifecycle == after.lifecycle:
        return []
    left_active = before.lifecycle is NodeState.ACTIVE
    if before.lifecycle is NodeState.UNKNOWN and after.lifecycle is NodeState.ACTIVE:
        return []
    state = after.lifecycle.name.lower()
    does = '' if after.lifecycle is NodeState.ACTIVE else ', and does not track'
    return [(f'{name} is now {state}{does}', left_active)]


def _trouble(name: str, before: NodeReport, after: NodeReport) -> list[Sentence]:
    told = [
        (f'{name} cannot keep up: {text}', True)
        for text in after.degraded
        # Its reason tells figures that change all the time.
        if _subject(text) not in map(_subject, before.degraded)
    ]
    if before.degraded and not after.degraded:
        told.append((f'{name} keeps up again', False))
    if after.level >= _ERROR > before.level:
        told.append((f'{name}: {after.diagnosis}', True))
    if before.level >= _ERROR > after.level:
        told.append((f'{name} is well again', False))
    return told


def _subject(text: str) -> str:
    return text.partition(':')[0]
