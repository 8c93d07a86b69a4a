# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Kills the node again and again during a scene, and tells whether its objects came back."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surgsam2_ros.live import NODE, LiveError
from surgsam2_ros.live.demo import PROMPT_TIMEOUT_S, DemoPlan
from surgsam2_ros.live.interruption import termination_as_interrupt
from surgsam2_ros.live.node_process import NodeProcess
from surgsam2_ros.live.recorded_tracks import mask_of_track
from surgsam2_ros.live.restart_figures import compare, summarise

if TYPE_CHECKING:
    import numpy as np

    from surgsam2_ros.nodes.replay.restart_run import ArrivedResult

ANSWERS_WANTED = 30
"""Results after the return, with which a trial ends."""
WAYS = 4
"""The scene is played so often, forwards and backwards, that it outlasts a slow start."""
_SETTLED_S = 0.5  # from the last answer to a prompt to the earliest kill
_TRACKS_TYPE = 'surgsam2_msgs/msg/TrackArray'
_READY = re.compile(r'\[(\d+)\.(\d{9})\] \[[^]]*\]: active: waiting')
_RESTORED = re.compile(r'restored \d+ objects? .*from a snapshot ([\d.]+) s old')


@dataclass(frozen=True)
class RestartCase:
    """What is measured.

    Attributes:
        model: YAML of a network.
        device: where it runs.
        kills: how often the node is killed.
        seed: of the moments.
        parameters: of the node, besides those of the case.
    """

    model: Path
    device: str
    kills: int
    seed: int
    parameters: Mapping[str, Any]


def measure_restarts(
    plan: DemoPlan, case: RestartCase, folder: Path, on_trial: Callable[[dict], None]
) -> dict[str, Any]:
    """Play the scene once for each kill, then undisturbed for as long as the longest of these.

    Args:
        plan: the scene, with a truth.
        case: what is measured.
        folder: gets the node's parameters and logs.
        on_trial: called with the figures of each trial, those of the masks not yet among them.

    Returns:
        what came of it, ready for JSON.

    Raises:
        LiveError: when the node does not start or is not prompted; tells the end of its log.
    """
    rng = random.Random(case.seed)
    trials, runs = [], []
    with termination_as_interrupt(), contextlib.ExitStack() as stack:
        runner = _Runner(plan, case, folder)
        stack.callback(runner.stop)
        for number in range(1, case.kills + 1):
            run = runner.run(number, rng.random())
            runs.append((run, runner.first_after_ns))
            trials.append({'trial': number, **runner.figures})
            on_trial(trials[-1])
        undisturbed = runner.run(until_ns=max((max(run, default=0) for run, _ in runs), default=0))
    for trial, (run, first_after_ns) in zip(trials, runs, strict=True):
        trial.update(compare(run, undisturbed, first_after_ns))
    return summarise(trials)


class _Runner:
    """Owns the node's process of the moment and plays the scene to it.

    Attributes:
        figures: of the last run with a kill.
        first_after_ns: stamp of the first image answered after the return; None for none.
    """

    def __init__(self, plan: DemoPlan, case: RestartCase, folder: Path) -> None:
        from surgsam2_ros.nodes.replay.there_and_back import ThereAndBack
        from surgsam2_ros.sources import read_labels
        from surgsam2_ros.sources.message_types import create_typestore, ensure_type

        self.figures: dict[str, Any] = {}
        self.first_after_ns: int | None = None
        self._plan, self._folder = plan, folder
        self._scene = ThereAndBack(plan.reader, plan.image_topic, WAYS)
        self._parameters = {
            'model.config': str(case.model.resolve()),
            'model.device': case.device,
            'autostart': True,
            'input.policy': 'every_frame',
            'input.queue_size': plan.queue_size,
            'input.qos': 'DEFAULT',
            'output.masks': True,
            'tracking.prompt_timeout_s': PROMPT_TIMEOUT_S,
            **case.parameters,
        }
        self._values = {p.object_id: p.label for due in plan.prompts for p in due.prompts}
        self._first_ns = {p.object_id: due.stamp_ns for due in plan.prompts for p in due.prompts}
        self._truth: dict[int, np.ndarray] = dict(read_labels(plan.reader, plan.truth_topic))
        self._typestore = create_typestore()
        ensure_type(self._typestore, _TRACKS_TYPE)
        self._node = self._start('first')

    def stop(self) -> None:
        """End the process."""
        self._node.stop()

    def run(
        self, number: int = 0, share: float | None = None, until_ns: int = 0
    ) -> dict[int, dict[str, float]]:
        """Play the scene.

        Args:
            number: of the trial.
            share: of the time that there is for a kill, when it comes; None for no kill.
            until_ns: stamp of the image that ends a run without a kill [ns].

        Returns:
            stamp of each answered image [ns] -> IoU by object id.
        """
        from surgsam2_ros.nodes.client import SurgSam2Error
        from surgsam2_ros.nodes.replay.driving import ReplayError
        from surgsam2_ros.nodes.replay.restart_run import play_scene

        kill = _Kill(self, f'kill_{number:02d}', share)

        def is_enough(results: Sequence[ArrivedResult]) -> bool:
            if share is not None:
                return kill.is_enough(results)
            return bool(results) and results[-1].stamp_ns >= until_ns

        published: dict[int, int] = {}
        try:
            results = play_scene(
                self._scene,
                self._plan.image_topic,
                self._plan.prompts,
                target=NODE,
                speed=self._plan.speed,
                on_prompted=kill.schedule,
                on_published=published.__setitem__,
                is_enough=is_enough,
            )
        except (SurgSam2Error, ReplayError) as error:
            raise LiveError(f'{error}\n{self._node.describe_log()}') from error
        finally:
            kill.join()
        messages = {r.stamp_ns: self._read(r) for r in results}
        if share is not None:
            self._judge(kill, results, messages, published)
        return {stamp_ns: self._overlaps(stamp_ns, m) for stamp_ns, m in messages.items()}

    def restart(self, name: str) -> int:
        """Kill the process and start another at once; returns when that was [ns]."""
        os.kill(self._node.pid, signal.SIGKILL)
        killed_ns = time.time_ns()
        self._node.stop()
        self._node = self._start(name)
        return killed_ns

    @property
    def log(self) -> str:
        """What the process of the moment has said."""
        return self._node.log.read_text(errors='replace')

    @property
    def seconds(self) -> float:
        """Length of the scene, one way, as it is played [s]."""
        return len(self._plan.headers) / self._plan.rate_hz

    def _start(self, name: str) -> NodeProcess:
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return NodeProcess(folder, self._parameters, {'image': self._plan.image_topic})

    def _read(self, result: ArrivedResult) -> Any:
        return self._typestore.deserialize_cdr(result.data, _TRACKS_TYPE)

    def _overlaps(self, stamp_ns: int, message: Any) -> dict[str, float]:
        """IoU of the objects that were prompted before this image; 0 where a track is missing."""
        import numpy as np

        from surgsam2_ros.evaluation.metrics import jaccard

        truth = self._truth.get(self._scene.recorded_ns[stamp_ns])
        if truth is None:
            return {}
        masks = {t.object_id: mask_of_track(t, truth.shape) for t in message.tracks}
        nothing = np.zeros(truth.shape, bool)
        return {
            object_id: jaccard(masks.get(object_id, nothing), truth == value)
            for object_id, value in self._values.items()
            if stamp_ns > self._first_ns[object_id]
        }

    def _judge(
        self,
        kill: _Kill,
        results: Sequence[ArrivedResult],
        messages: Mapping[int, Any],
        published: Mapping[int, int],
    ) -> None:
        """Compare what the objects are called, before and after."""
        ready_ns = kill.ready_ns()
        before = [r for r in results if kill.killed_ns and r.arrived_ns < kill.killed_ns]
        after = [r for r in results if ready_ns is not None and r.arrived_ns > ready_ns]
        known = _names(messages[before[-1].stamp_ns]) if before else {}
        complete = [r for r in after if _names(messages[r.stamp_ns]).keys() == known.keys()]
        first = messages[after[0].stamp_ns] if after else None
        restored = _RESTORED.search(self.log)
        self.first_after_ns = after[0].stamp_ns if after else None
        self.figures = {
            'killed_after_s': round(kill.delay_s, 3),
            'down_s': round((ready_ns - kill.killed_ns) / 1e9, 2) if ready_ns else None,
            'snapshot_age_s': float(restored[1]) if restored else None,
            'first_result_ms': round((complete[0].arrived_ns - ready_ns) / 1e6, 1)
            if complete
            else None,
            'images_passed': sum(
                ready_ns < published_ns and stamp_ns < after[0].stamp_ns
                for stamp_ns, published_ns in published.items()
            )
            if after
            else None,
            'answered_before': len(before),
            'answered_after': len(after),
            'ids_kept': known.keys() == self._values.keys()
            and bool(after)
            and all(_names(messages[r.stamp_ns]) == known for r in after),
            'session_kept': bool(before)
            and bool(after)
            and first.session == messages[before[-1].stamp_ns].session,
            'tracked_at_once': bool(after) and any(t.state == _TRACKED for t in first.tracks),
        }


_TRACKED = 1  # of surgsam2_msgs/Track


class _Kill:
    """One kill at a random moment, on a thread of its own; without a share there is none."""

    def __init__(self, runner: _Runner, name: str, share: float | None) -> None:
        self.delay_s, self.killed_ns = 0.0, 0
        self._runner, self._name, self._share = runner, name, share
        self._began_s = time.monotonic()
        self._thread: threading.Thread | None = None
        self._ready_ns: int | None = None

    def schedule(self) -> None:
        """Draw the moment: all prompts have been taken."""
        if self._share is None:
            return
        left_s = max(self._runner.seconds - (time.monotonic() - self._began_s), 0.0)
        self.delay_s = _SETTLED_S + self._share * max(left_s - _SETTLED_S, 0.0)
        self._thread = threading.Thread(target=self._kill, daemon=True)
        self._thread.start()

    def is_enough(self, results: Sequence[ArrivedResult]) -> bool:
        """Whether enough results came from the new process."""
        ready_ns = self.ready_ns()
        return ready_ns is not None and (
            sum(result.arrived_ns > ready_ns for result in results[-2 * ANSWERS_WANTED :])
            >= ANSWERS_WANTED
        )

    def ready_ns(self) -> int | None:
        """When the new process became active, by the system's clock; None before that."""
        if self.killed_ns and self._ready_ns is None and (found := _READY.search(self._runner.log)):
            self._ready_ns = int(found[1]) * 1_000_000_000 + int(found[2])
        return self._ready_ns

    def join(self) -> None:
        """Wait until the new process is started."""
        if self._thread is not None:
            self._thread.join()

    def _kill(self) -> None:
        time.sleep(self.delay_s)
        self.killed_ns = self._runner.restart(self._name)


def _names(message: Any) -> dict[str, int]:
    return {track.object_id: track.instance for track in message.tracks}
