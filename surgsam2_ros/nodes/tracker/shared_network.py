# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One copy of a network's weights for the nodes of all cameras of a process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from surgsam2_ros.engines import build_engine
from surgsam2_ros.engines.network_thread import NetworkThread, SharedEncoder, on_thread
from surgsam2_ros.engines.settings import OFF
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.nodes.tracker.measured_choice import encodes_faster_together
from surgsam2_ros.nodes.tracker.parameters import ModelParameters, Parameters
from surgsam2_ros.nodes.tracker.tracker_loading import (
    LoadedNetwork,
    LoadedTracker,
    load_on,
    load_tracker,
)
from surgsam2_ros.tracking import Engine, TrackerConfig


@dataclass(eq=False)
class _Kept:
    """A network in use.

    Attributes:
        loaded: the network as the first camera got it.
        thread: runs it for all cameras; None where each of their threads runs it.
        num_threads: of PyTorch, for each thread that runs it.
        engines: one for each kind of tracker.
        users: trackers that use it.
        failures: why it runs in a slower way than asked for.
        tell: has such a failure heard by all listeners.
        listeners: hear of it.
    """

    loaded: LoadedNetwork
    thread: NetworkThread | None
    num_threads: int
    engines: dict[TrackerConfig, Engine]
    failures: list[str]
    tell: Callable[[str], None]
    listeners: list[Callable[[str], None]]
    users: int = 0


@dataclass(eq=False)
class _Taken:
    """What a tracker that is being loaded has taken of a network."""

    kept: _Kept
    engine: Engine
    note: Callable[[str], None]
    given_back: bool = False


class SharedNetwork:
    """Loads trackers that share a network wherever their `model.*` parameters are the same.

    A network is loaded with the first tracker and let go with the last.

    Args:
        cameras: of the process.
        together: whether images are encoded in one batch, as `encodes_faster_together`.
    """

    def __init__(
        self, cameras: int, together: Callable[..., bool] = encodes_faster_together
    ) -> None:
        self._cameras, self._together = cameras, together
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, ModelParameters], _Kept] = {}

    @property
    def networks(self) -> list[SurgSAM2]:
        """The networks that are loaded."""
        with self._lock:
            return [kept.loaded.network for kept in self._kept.values()]

    @property
    def threads(self) -> list[NetworkThread]:
        """Threads that run them for all cameras."""
        with self._lock:
            return [kept.thread for kept in self._kept.values() if kept.thread is not None]

    def load(
        self,
        parameters: Parameters,
        on_failure: Callable[[str], None] = lambda _: None,
        on_progress: Callable[[str], None] = lambda _: None,
    ) -> LoadedTracker:
        """Do what `load_tracker` does, with a network that others may use too."""
        taken: list[_Taken] = []

        def load(device: str, *arguments: Any) -> LoadedNetwork:
            with self._lock:
                return self._take(taken, device, *arguments)

        try:
            loaded = load_tracker(
                parameters, on_failure, on_progress, load=load, cameras=self._cameras
            )
        except BaseException:
            self._give_back(taken)
            raise
        self._give_back(taken[:-1])  # of a device that had no memory left for the tracker
        return replace(loaded, give_back=lambda: self._give_back(taken))

    def _take(
        self,
        taken: list[_Taken],
        device: str,
        parameters: Parameters,
        note: Callable[[str], None],
        say: Callable[[str], None],
    ) -> LoadedNetwork:
        """Return the network for one more tracker. Holds the lock."""
        # What concerns a tracker alone is left out.
        model = replace(parameters.model, warmup_frames=0, encode_ahead=True, num_threads=0)
        kept = self._kept.get((device, model))
        if kept is None:
            if self._kept:
                say('model.* differ from those of another camera: this one has its own network')
            kept = self._kept[device, model] = self._load(device, parameters, note, say)
        else:
            torch.set_num_threads(parameters.model.num_threads or kept.num_threads)
            for text in kept.failures:
                note(text)
        config, engine = _engine(kept, parameters)
        kept.users += 1
        if note not in kept.listeners:
            kept.listeners.append(note)
        if kept.thread is not None:
            engine = on_thread(kept.thread, engine.stepper)
        taken.append(_Taken(kept, engine, note))
        return replace(kept.loaded, config=config, engine=engine, thread=kept.thread)

    def _load(
        self,
        device: str,
        parameters: Parameters,
        note: Callable[[str], None],
        say: Callable[[str], None],
    ) -> _Kept:
        failures: list[str] = []
        listeners = [note]

        def tell(text: str) -> None:
            failures.append(text)
            for listener in tuple(listeners):
                listener(text)

        loaded = load_on(device, parameters, tell, say, cameras=self._cameras)
        num_threads, thread = torch.get_num_threads(), None
        settings = loaded.settings
        # Of what is captured the graphs belong to one thread, and only that may run them.
        if settings.compile != OFF or self._together(
            loaded.engine.encoder, loaded.network, self._cameras, say
        ):
            thread = NetworkThread(
                loaded.engine.encoder,
                self._cameras,
                num_threads=num_threads,
                device=loaded.network.device,
            )
        engines = {loaded.config: loaded.engine}
        return _Kept(loaded, thread, num_threads, engines, failures, tell, listeners)

    def _give_back(self, taken: list[_Taken]) -> None:
        """Let networks go that no tracker uses any more."""
        with self._lock:
            for one in taken:
                if one.given_back:
                    continue
                one.given_back = True
                kept = one.kept
                kept.users -= 1
                if one.note in kept.listeners:
                    kept.listeners.remove(one.note)
                if isinstance(one.engine.encoder, SharedEncoder):
                    one.engine.encoder.leave()
                if kept.users:
                    continue
                self._kept = {key: other for key, other in self._kept.items() if other is not kept}
                if kept.thread is not None:
                    kept.thread.close()


def _engine(kept: _Kept, parameters: Parameters) -> tuple[TrackerConfig, Engine]:
    """Return a tracker's settings, and the engine of trackers with such ones."""
    loaded = kept.loaded
    config = loaded.settings.tracker_config(loaded.network, parameters.to_tracker_config())
    if config not in kept.engines:
        own = build_engine(loaded.network, loaded.settings, config, kept.tell)
        kept.engines[config] = replace(own, encoder=loaded.engine.encoder)
    return config, kept.engines[config]
