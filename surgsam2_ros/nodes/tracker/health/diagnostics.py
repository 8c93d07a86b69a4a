# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How the node is doing: counts, rates and times, judged against limits, as a DiagnosticArray."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from surgsam2_ros.nodes.tracker.health.quality_counts import QualityCounts

if TYPE_CHECKING:
    from surgsam2_ros.nodes.tracker.parameters import DiagnosticsParameters

OK = DiagnosticStatus.OK
WARN = DiagnosticStatus.WARN
ERROR = DiagnosticStatus.ERROR

# Rates and times are those of the last seconds, and an error is shown for as long.
WINDOW_S = 5.0
# The first rate is judged after this long.
SETTLED_S = 2.0
# Images further in the future than this were stamped by a clock that is not this node's.
CLOCK_AHEAD_MS = 100.0


@dataclass(frozen=True)
class Percentiles:
    """Distribution of a time over the window [ms]; zeros when nothing was measured."""

    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    max: float = 0.0

    @classmethod
    def of(cls, values: list[float]) -> Percentiles:
        """Return the percentiles of measured times."""
        if not values:
            return cls()
        return cls(*(float(value) for value in np.percentile(values, [50, 95, 99, 100])))


@dataclass(frozen=True)
class Snapshot:
    """The node's counts since activation and its rates over the last seconds.

    Attributes:
        frames_received: images that arrived.
        frames_processed: images whose result was published.
        frames_dropped: images that arrived and were not processed.
        input_rate_hz: images per second.
        rate_hz: results per second.
        latency_ms: age of an image when its result was published.
        inference_ms: time of network and tracker for an image.
        seconds_since_image: time since an image arrived or, before the first, since activation.
        seconds_active: time since activation.
        last_error: text of the last error, empty when there was none.
        seconds_since_error: time since then.
    """

    frames_received: int
    frames_processed: int
    frames_dropped: int
    input_rate_hz: float
    rate_hz: float
    latency_ms: Percentiles
    inference_ms: Percentiles
    seconds_since_image: float
    seconds_active: float
    last_error: str
    seconds_since_error: float


class NodeDescription(NamedTuple):
    """What the node says about itself in a report.

    Attributes:
        lifecycle: 'unconfigured', 'inactive', 'active' or 'finalized'.
        enabled: False while paused.
        input_topic: resolved name of the image topic.
        model, device, precision: the network, empty while none is loaded.
        num_objects: living objects.
        engine: what runs the network.
        engine_failures: why that is slower than asked for, a sentence each.
        uncertain: names of the objects that are UNCERTAIN.
        rivals: pairs of objects whose masks lie on one another, see `tracking.max_overlap`.
        publishers: how many publish on the image topic.
        publisher_names: of their nodes, where there are several.
        timeout_s: without an image for so long the camera counts as silent [s].
        checkpoint: file of the network's weights, empty while none is loaded.
        frame_id: of the last image whose result was published, empty before.
        underway: the transition under way, 'configuring', empty when there is none.
        hang: what hangs on the inference thread and for how long, empty when nothing does.
        quality: the middleware's events on the topics.
        degraded: what is left out because the node cannot keep up, and why, a sentence each.
        restored: what came back from a snapshot, until it is tracked again.
    """

    lifecycle: str
    enabled: bool
    input_topic: str
    model: str = ''
    device: str = ''
    precision: str = ''
    num_objects: int = 0
    engine: str = ''
    engine_failures: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()
    rivals: tuple[tuple[str, str], ...] = ()
    publishers: int = 0
    publisher_names: tuple[str, ...] = ()
    timeout_s: float = 2.0
    checkpoint: str = ''
    frame_id: str = ''
    underway: str = ''
    hang: str = ''
    quality: QualityCounts = QualityCounts()
    degraded: tuple[str, ...] = ()
    restored: str = ''


class Diagnostics:
    """Counts what happens to images; safe to call from any thread.

    Args:
        hardware_id: what the report is about, by convention the camera or the computer.
        clock: monotonic seconds.
    """

    def __init__(self, hardware_id: str = '', clock: Callable[[], float] = time.monotonic) -> None:
        self.hardware_id = hardware_id
        self._clock = clock
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Start anew, as on activation: counts at zero and no error."""
        with self._lock:
            self._started = self._clock()
            self._received = self._processed = self._dropped = 0
            self._last_image: float | None = None
            self._arrivals: deque[tuple[float, int]] = deque()
            self._results: deque[tuple[float, float, float]] = deque()
            self._last_error = ''
            self._error_time = self._started

    def resume(self) -> None:
        """Count the silence from now on, as after a pause."""
        with self._lock:
            if self._last_image is None:
                self._started = self._clock()
            else:
                self._last_image = self._clock()

    def frame_received(self, count: int = 1) -> None:
        """Count an image that arrived, and those before it that were lost on the way."""
        with self._lock:
            now = self._clock()
            self._received += count
            self._last_image = now
            self._arrivals.append((now, count))
            self._forget_old(now)

    def frame_dropped(self, count: int = 1) -> None:
        """Count images that arrived and will not be processed."""
        with self._lock:
            self._dropped += count

    def frame_published(self, latency_ms: float, inference_ms: float) -> None:
        """Count a published result."""
        with self._lock:
            now = self._clock()
            self._processed += 1
            self._results.append((now, latency_ms, inference_ms))
            self._forget_old(now)

    def error(self, text: str) -> None:
        """Keep an error for the reports of the next seconds; before activation, until a reset."""
        with self._lock:
            self._last_error = text
            self._error_time = self._clock()

    def snapshot(self) -> Snapshot:
        """Return the present numbers."""
        with self._lock:
            now = self._clock()
            self._forget_old(now)
            span = min(WINDOW_S, max(now - self._started, 1.0))
            last_image = self._started if self._last_image is None else self._last_image
            return Snapshot(
                frames_received=self._received,
                frames_processed=self._processed,
                frames_dropped=self._dropped,
                input_rate_hz=sum(count for _, count in self._arrivals) / span,
                rate_hz=len(self._results) / span,
                latency_ms=Percentiles.of([result[1] for result in self._results]),
                inference_ms=Percentiles.of([result[2] for result in self._results]),
                seconds_since_image=now - last_image,
                seconds_active=now - self._started,
                last_error=self._last_error,
                seconds_since_error=now - self._error_time,
            )

    def message(
        self, stamp: Time, node_name: str, state: NodeDescription, limits: DiagnosticsParameters
    ) -> DiagnosticArray:
        """Return the report for /diagnostics.

        Args:
            stamp: the present time.
            node_name: full name of the node; names the status.
            state: what the node says about itself.
            limits: when to warn.
        """
        snapshot = self.snapshot()
        level, text = assess(snapshot, state, limits)
        status = DiagnosticStatus(
            level=level, name=f'{node_name}: tracking', message=text, hardware_id=self.hardware_id
        )
        status.values = [
            KeyValue(key=key, value=value) for key, value in _values(snapshot, state).items()
        ]
        message = DiagnosticArray(status=[status])
        message.header.stamp = stamp
        return message

    def _forget_old(self, now: float) -> None:
        while self._arrivals and self._arrivals[0][0] <= now - WINDOW_S:
            self._arrivals.popleft()
        while self._results and self._results[0][0] <= now - WINDOW_S:
            self._results.popleft()


def assess(
    snapshot: Snapshot, state: NodeDescription, limits: DiagnosticsParameters
) -> tuple[bytes, str]:
    """Judge the numbers.

    Returns:
        level and text: ERROR when the inference thread hangs, when no images come, when something
        failed a short while ago and results do not go on, or when the node is not active and
        something failed before; WARN when results are slow or late, when objects are UNCERTAIN,
        when several cameras publish, when the node is paused, or when something failed and results
        go on; else OK.
    """
    active = state.lifecycle == 'active'
    if state.hang:
        return ERROR, state.hang
    if state.underway:
        return OK, f'{state.underway}; images are not tracked meanwhile'
    if snapshot.last_error and not active:
        return ERROR, snapshot.last_error
    silent = silence(snapshot, state) if active and state.enabled else ''
    if silent:  # before other problems, such as a rejected prompt, which would hide it
        return ERROR, silent
    if snapshot.last_error and snapshot.seconds_since_error <= WINDOW_S:
        return WARN if snapshot.rate_hz > 0 else ERROR, snapshot.last_error
    if not active:
        return OK, f'{state.lifecycle}; activate the node to track'
    if not state.enabled:
        return WARN, 'paused; call ~/enable to go on'
    warnings = _warnings(snapshot, state, limits)
    if warnings:
        return WARN, '; '.join(warnings)
    if not snapshot.frames_processed:
        return OK, 'waiting for the first image'
    return OK, (
        f'{state.num_objects} objects at {snapshot.rate_hz:.1f} Hz, latency '
        f'{snapshot.latency_ms.p50:.0f} ms (95%: {snapshot.latency_ms.p95:.0f} ms)'
    )


def silence(snapshot: Snapshot, state: NodeDescription) -> str:
    """Say that no images come to an active node, and what to check; empty when they do."""
    if snapshot.seconds_since_image <= state.timeout_s:
        return ''
    number = '1 publisher' if state.publishers == 1 else f'{state.publishers} publishers'
    if not state.publishers:
        check = 'nobody publishes it; check the camera, the topic name and input.transport'
    elif state.quality.incompatible_publishers:
        check = (
            f'{number}, whose quality of service does not fit what is asked for; set input.qos to '
            'SENSOR_DATA'
        )
    elif snapshot.frames_received:
        check = f'{number}, but nothing comes; check the camera'
    else:
        check = f'{number}, but nothing came yet; check the camera and input.qos'
    return f'no image on {state.input_topic} for {snapshot.seconds_since_image:.0f} s: {check}'


def _warnings(
    snapshot: Snapshot, state: NodeDescription, limits: DiagnosticsParameters
) -> list[str]:
    warnings = []
    if state.publishers > 1:
        warnings.append(
            f'{state.publishers} publishers on {state.input_topic} '
            f'({", ".join(state.publisher_names)}); images of several cameras are mixed up, let '
            'one publish'
        )
    if limits.min_rate_hz > 0 and snapshot.seconds_active > SETTLED_S:
        warnings += _rate_warnings(snapshot, limits.min_rate_hz)
    if snapshot.frames_processed:
        warnings += _latency_warnings(snapshot.latency_ms.p50, limits.max_latency_ms)
    if state.uncertain:
        warnings.append(
            f'UNCERTAIN: {", ".join(state.uncertain)}; the masks may be wrong, do not act on them '
            'before they are TRACKED again, or correct them by a prompt'
        )
    warnings += [
        f'{one} and {other} claim the same place (tracking.max_overlap); correct or remove the '
        'one that is not there'
        for one, other in state.rivals
    ]
    return [*warnings, *state.degraded, *state.quality.warnings, *state.engine_failures]


def _rate_warnings(snapshot: Snapshot, least: float) -> list[str]:
    if snapshot.rate_hz >= least:
        return []
    if snapshot.input_rate_hz < least:
        return [
            f'images arrive at {snapshot.input_rate_hz:.1f} Hz, below diagnostics.min_rate_hz '
            f'{least:g}; check the camera and the network'
        ]
    return [
        f'results at {snapshot.rate_hz:.1f} Hz, below diagnostics.min_rate_hz {least:g}; '
        'use a smaller model, a GPU or fewer objects'
    ]


def _latency_warnings(median_ms: float, most: float) -> list[str]:
    if median_ms < -CLOCK_AHEAD_MS:
        return [
            f'images are stamped {-median_ms:.0f} ms in the future; synchronise the clocks of the '
            'computers or, with a bag or a simulator, set use_sim_time'
        ]
    if most > 0 and median_ms > most:
        return [
            f'images are {median_ms:.0f} ms old when published, above diagnostics.max_latency_ms '
            f'{most:g}; use a smaller model or a GPU, or policy latest'
        ]
    return []


def diagnostics_keys() -> list[str]:
    """Return the keys of a report, in order."""
    return list(_values(Diagnostics('').snapshot(), NodeDescription('unconfigured', True, '')))


def _values(snapshot: Snapshot, state: NodeDescription) -> dict[str, str]:
    values = {
        'lifecycle_state': state.lifecycle,
        'enabled': str(state.enabled).lower(),
        'input_topic': state.input_topic,
        'publishers': str(state.publishers),
        'model': state.model,
        'device': state.device,
        'precision': state.precision,
        'engine': state.engine,
        'engine_failures': '; '.join(state.engine_failures),
        'objects': str(state.num_objects),
        'uncertain_objects': ', '.join(state.uncertain),
        'frames_received': str(snapshot.frames_received),
        'frames_processed': str(snapshot.frames_processed),
        'frames_dropped': str(snapshot.frames_dropped),
        'input_rate_hz': f'{snapshot.input_rate_hz:.2f}',
        'rate_hz': f'{snapshot.rate_hz:.2f}',
    }
    values['degraded'] = '; '.join(state.degraded)
    for key in QualityCounts._fields[:-1]:
        values[key] = str(getattr(state.quality, key))
    for name in ('latency_ms', 'inference_ms'):
        for key in ('p50', 'p95', 'p99', 'max'):
            values[f'{name}_{key}'] = f'{getattr(getattr(snapshot, name), key):.1f}'
    values['last_error'] = snapshot.last_error
    return values
