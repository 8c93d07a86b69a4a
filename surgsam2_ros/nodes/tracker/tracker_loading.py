# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Makes a warm tracker from the node's parameters: the device, the network, the first frames."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from surgsam2_ros.engines import (
    DeviceDescription,
    EngineSettings,
    build_engine,
    build_head,
    choose_arithmetic,
)
from surgsam2_ros.engines.network_thread import NetworkThread, SharedHead
from surgsam2_ros.network import CheckpointError, SurgSAM2, load_network
from surgsam2_ros.network.checkpoint import checkpoint_path
from surgsam2_ros.network.current_device import use_device
from surgsam2_ros.network.instrument_decoding import DecodingRule
from surgsam2_ros.network.instrument_detector import detector_beside, load_detector
from surgsam2_ros.nodes.tracker.measured_choice import use_measured_threads, without_slow_8_bits
from surgsam2_ros.nodes.tracker.parameters import Parameters
from surgsam2_ros.share import share_file
from surgsam2_ros.tracking import Detector, Engine, Prompt, StreamingTracker, TrackerConfig
from surgsam2_ros.tracking.engines import first_line


class DeviceError(RuntimeError):
    """The device asked for is not there."""


@dataclass(frozen=True, eq=False)
class LoadedTracker:
    """A tracker ready for frames, and what it runs on.

    Attributes:
        tracker: the tracker, without objects.
        model: name of the network.
        checkpoint: file its weights came from.
        device: torch's name of the device, 'cpu' or 'cuda:0'.
        precision: 'fp32', 'fp16' or 'bf16'.
        engine: what runs the network.
        failures: why it is a slower way than asked for, a sentence each; grows when a fast way
            fails later.
        arithmetic: the precision and what else was chosen for the device, in words.
        give_back: to be called once when nobody uses the tracker any more.
    """

    tracker: StreamingTracker
    model: str
    checkpoint: str
    device: str
    precision: str
    engine: Engine
    failures: list[str]
    arithmetic: str = ''
    give_back: Callable[[], None] = lambda: None


@dataclass(frozen=True, eq=False)
class LoadedNetwork:
    """A network on its device, and what runs it for one tracker or for several.

    Attributes:
        network: the network.
        checkpoint: file its weights came from.
        precision, arithmetic: see `LoadedTracker`.
        settings: how it is run.
        config: of the trackers that the engine is for.
        engine: what runs the network.
        thread: runs it for all of several trackers; None where each runs it itself.
    """

    network: SurgSAM2
    checkpoint: str
    precision: str
    arithmetic: str
    settings: EngineSettings
    config: TrackerConfig
    engine: Engine
    thread: NetworkThread | None = None


def choose_device(name: str) -> str:
    """Resolve 'auto' to a device that is there, and check any other.

    Raises:
        DeviceError: a CUDA device was asked for that torch cannot see.
    """
    cuda_devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == 'auto':
        return 'cuda:0' if cuda_devices else 'cpu'
    device = torch.device(name)
    if device.type == 'cuda' and (device.index or 0) >= cuda_devices:
        raise DeviceError(
            f'model.device is {name!r}, but torch {torch.__version__} sees {cuda_devices} CUDA '
            'devices; set model.device to auto or cpu, or install the driver and a CUDA build of '
            'torch'
        )
    return f'cuda:{device.index or 0}' if device.type == 'cuda' else name


def choose_num_threads(wanted: int, cameras: int = 1) -> int:
    """Return how many threads the network gets on a CPU at most, for each camera of the process.

    Args:
        wanted: number that was asked for; 0 leaves the choice to us.
        cameras: of the process, which share half of the cores.
    """
    if wanted:
        return wanted
    if 'OMP_NUM_THREADS' in os.environ:
        return torch.get_num_threads()
    return max(1, len(os.sched_getaffinity(0)) // (2 * cameras))


def load_tracker(
    parameters: Parameters,
    on_failure: Callable[[str], None] = lambda _: None,
    on_progress: Callable[[str], None] = lambda _: None,
    *,
    load: Callable[..., LoadedNetwork] | None = None,
    cameras: int = 1,
) -> LoadedTracker:
    """Load the network and track the warm-up frames, so that the first real one is fast.

    To be called on the thread that will use the tracker: torch counts threads for each caller.

    Args:
        parameters: of the node.
        on_failure: called with a sentence for people when the network has to run in a slower way
            than asked for, now or later.
        on_progress: called with a sentence for people as what takes long proceeds.
        load: gives the network, as `load_on`; None loads one.
        cameras: of the process.

    Raises:
        DeviceError, FileNotFoundError, ValueError, CheckpointError: naming the value at fault and
            the remedy.
    """
    model = parameters.model
    device = choose_device(model.device)
    torch.set_num_threads(choose_num_threads(model.num_threads, cameras))
    load = load_on if load is None else load
    failures: list[str] = []

    def note(text: str) -> None:
        failures.append(text)
        on_failure(text)

    try:
        return _warm_tracker(load, device, parameters, failures, note, on_progress)
    except torch.OutOfMemoryError as error:
        if model.device != 'auto' or device == 'cpu':
            raise
        note(f'no memory left on {device}, the CPU takes over: {first_line(error)}')
    return _warm_tracker(load, 'cpu', parameters, failures, note, on_progress)


def _warm_tracker(
    load: Callable[..., LoadedNetwork],
    device: str,
    parameters: Parameters,
    failures: list[str],
    note: Callable[[str], None],
    on_progress: Callable[[str], None],
) -> LoadedTracker:
    use_device(device)
    loaded = load(device, parameters, note, on_progress)
    detector = _load_detector(parameters, loaded, note)
    tracker = StreamingTracker(loaded.network, loaded.config, loaded.engine, detector)
    tracker.warm_up(on_progress)
    _warm_up(tracker, loaded.network.image_size, parameters.model.warmup_frames)
    return LoadedTracker(
        tracker=tracker,
        model=loaded.network.config.name,
        checkpoint=loaded.checkpoint,
        device=device,
        precision=loaded.precision,
        arithmetic=loaded.arithmetic,
        engine=loaded.engine,
        failures=failures,
    )


def load_on(
    device: str,
    parameters: Parameters,
    note: Callable[[str], None],
    on_progress: Callable[[str], None],
    *,
    cameras: int = 1,
) -> LoadedNetwork:
    """Load the network onto a device and make what runs it.

    Args:
        device: torch's name of it, which this thread has made current.
        parameters: of the node.
        note: called with a sentence for people when the network has to run in a slower way.
        on_progress: called with a sentence for people as what takes long proceeds.
        cameras: of the process.

    Raises:
        FileNotFoundError, ValueError, CheckpointError: see `load_tracker`.
    """
    model = parameters.model
    config = _find_config(model.config)
    checkpoint = (_find_file(model.checkpoint) or model.checkpoint) if model.checkpoint else None
    described = DeviceDescription.of(device)
    arithmetic = choose_arithmetic(
        described,
        precision=model.precision,
        compile=model.compile,
        profile=model.profile,
        backend=model.backend,
    )
    arithmetic.apply(described)
    try:
        network = load_network(
            config, checkpoint=checkpoint, device=device, precision=arithmetic.precision
        )
    except CheckpointError as error:
        raise CheckpointError(f'model.checkpoint is {model.checkpoint!r}: {error}') from error
    settings = parameters.to_engine_settings(compile=arithmetic.compile)
    tracker_config = settings.tracker_config(network, parameters.to_tracker_config())
    if device == 'cpu' and not model.num_threads and 'OMP_NUM_THREADS' not in os.environ:
        use_measured_threads(network, choose_num_threads(0, cameras), on_progress)
    engine = build_engine(network, settings, tracker_config, note)
    if device == 'cpu' and settings.profile == 'fast' and settings.backend == 'torch':
        engine = without_slow_8_bits(engine, network, on_progress)
    return LoadedNetwork(
        network=network,
        checkpoint=str(checkpoint_path(network.config, checkpoint)),
        precision=arithmetic.precision,
        arithmetic=arithmetic.describe(described),
        settings=settings,
        config=tracker_config,
        engine=engine,
    )


def _load_detector(
    parameters: Parameters, loaded: LoadedNetwork, note: Callable[[str], None]
) -> Detector | None:
    """Load the detector that is named or wanted, and make what runs it."""
    name, discovery = parameters.model.detector, parameters.discovery
    if not name and not discovery.takes_own:
        return None
    path = _find_file(name) or name
    if name in ('', 'auto'):
        path = detector_beside(_find_config(parameters.model.config))
    rule = DecodingRule(min_score=discovery.min_score) if discovery.takes_own else DecodingRule()
    try:
        head = load_detector(path, loaded.network)
    except CheckpointError as error:
        wanted = f'model.detector is {name!r} and discovery.source {discovery.source!r}'
        raise CheckpointError(f'{wanted}: {error}') from error
    runner = build_head(head, loaded.network, loaded.settings, note)
    return Detector(head, rule, SharedHead(loaded.thread, runner) if loaded.thread else runner)


def _find_file(name: str) -> Path | None:
    """Find a file by its path, or by its name below the package's share folder."""
    path = Path(name).expanduser()
    if path.is_file():
        return path
    if not path.is_absolute():
        with contextlib.suppress(FileNotFoundError):
            return share_file(name)
    return None


def _find_config(name: str) -> Path:
    path = _find_file(name)
    if path is None:
        raise FileNotFoundError(
            f'model.config is {name!r}, but there is no such file, neither from the working '
            f'directory {Path.cwd()} nor in the package; give the path of a YAML file, or the name '
            f'of a shipped one: {", ".join(_shipped_configs())}'
        )
    return path


def _shipped_configs() -> list[str]:
    return [f'models/{path.name}' for path in sorted(share_file('models').glob('*.yaml'))]


def _warm_up(tracker: StreamingTracker, image_size: int, frames: int) -> None:
    """Track one object in blank frames, then forget it."""
    if not frames:
        return
    blank = np.zeros((image_size, image_size, 3), np.uint8)
    quarter = image_size / 4
    box = (quarter, quarter, 3 * quarter, 3 * quarter)
    tracker.add_objects([Prompt(object_id='warm-up', box=box)])
    for _ in range(frames):
        tracker.track(blank)
    tracker.reset()
