# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Faults of the camera and its images."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from surgsam2_ros.live.chaos.fault import Fault
from surgsam2_ros.live.chaos.stage import CLIP_SIZE, INPUT_TIMEOUT_S, RATE_HZ, Stage
from surgsam2_ros.live.chaos.truth import SLACK_S

_WHILE_S = 2.0
_HOUR_NS = 3600 * 10**9
_SIZES = ((64, 48), (320, 256), (640, 512), (333, 211), (1280, 1024), (1, 1), (2000, 3))
_SILENT_S = INPUT_TIMEOUT_S + SLACK_S + 1.5  # so that the rule about silence has time to apply


def _off(stage: Stage, rng: np.random.Generator) -> None:
    with stage.camera.off(), stage.facts.hold('camera silent'):
        time.sleep(_SILENT_S + rng.uniform(0, 2))


def _unplugged(stage: Stage, rng: np.random.Generator) -> None:
    with stage.camera.unplugged(), stage.facts.hold('camera silent'):
        time.sleep(_SILENT_S + rng.uniform(0, 2))


def _reconnected(stage: Stage, rng: np.random.Generator) -> None:
    for _ in range(3):
        with stage.camera.unplugged():
            time.sleep(rng.uniform(0, 0.5))
        time.sleep(0.5)


def _slow(stage: Stage, rng: np.random.Generator) -> None:
    stage.camera.rate_hz = rng.uniform(0.8, 2)
    time.sleep(2 * _WHILE_S)
    stage.camera.rate_hz = RATE_HZ


def _burst(stage: Stage, rng: np.random.Generator) -> None:
    from surgsam2_ros.nodes.faults.camera import sound

    for _ in range(100):
        for message in sound(stage.camera.shot()):
            stage.camera.publish(message)


def _two_cameras(stage: Stage, rng: np.random.Generator) -> None:
    with stage.second_camera(rng.uniform(5, 15)):
        time.sleep(2 * _WHILE_S)


def _other_type(stage: Stage, rng: np.random.Generator) -> None:
    with stage.camera_of_other_type():
        time.sleep(_WHILE_S)


def _rendered(make: Callable[[np.random.Generator], Callable[[Any], Iterable[Any]]]):
    """Return a strike that has the camera send something else for a while."""

    def strike(stage: Stage, rng: np.random.Generator) -> None:
        with stage.camera.rendering(make(rng)):
            time.sleep(_WHILE_S)

    return strike


def _sizes(rng: np.random.Generator) -> Callable[[Any], Iterable[Any]]:
    from surgsam2_ros.nodes.faults import images

    return lambda shot: [images.resized(shot, _SIZES[rng.integers(len(_SIZES))])]


def _encodings(rng: np.random.Generator) -> Callable[[Any], Iterable[Any]]:
    from surgsam2_ros.nodes.faults import images

    return lambda shot: [images.encoded(shot, int(rng.integers(1000)))]


def _wrong_step(rng: np.random.Generator) -> Callable[[Any], Iterable[Any]]:
    from surgsam2_ros.nodes.faults import images

    return lambda shot: [images.with_step(shot, int(rng.integers(3 * CLIP_SIZE[0])))]


def _too_short(rng: np.random.Generator) -> Callable[[Any], Iterable[Any]]:
    from surgsam2_ros.nodes.faults import images

    return lambda shot: [images.cut(shot, float(rng.uniform()))]


def _stamps(change: Callable[[int, np.random.Generator], int]):
    """Return what makes renderers of sound images with other stamps."""

    def make(rng: np.random.Generator) -> Callable[[Any], Iterable[Any]]:
        from surgsam2_ros.nodes.faults.camera import sound

        return lambda shot: sound(shot._replace(stamp_ns=change(shot.stamp_ns, rng)))

    return make


def _frozen_stamp(_rng: np.random.Generator) -> Callable[[Any], Iterable[Any]]:
    from surgsam2_ros.nodes.faults.camera import sound

    first = time.time_ns()
    return lambda shot: sound(shot._replace(stamp_ns=first))


def _twice(_rng: np.random.Generator) -> Callable[[Any], Iterable[Any]]:
    from surgsam2_ros.nodes.faults.camera import sound

    return lambda shot: 2 * tuple(sound(shot))


def _any_stamp(_stamp_ns: int, rng: np.random.Generator) -> int:
    return int(rng.integers(0, 2**31)) * 10**9


def _odd_one_out(stamp_ns: int, rng: np.random.Generator) -> int:
    return stamp_ns + (int(rng.choice([-_HOUR_NS, _HOUR_NS])) if rng.random() < 0.2 else 0)


IMAGE_FAULTS = (
    Fault('camera off and on', _off),
    Fault('camera unplugged and replaced', _unplugged),
    Fault('camera reconnects', _reconnected),
    Fault('camera slow', _slow),
    Fault('burst of images', _burst),
    Fault('two cameras on a topic', _two_cameras),
    Fault('other type on the topic', _other_type),
    Fault('sizes change', _rendered(_sizes)),
    Fault('encodings change', _rendered(_encodings)),
    Fault('wrong step', _rendered(_wrong_step)),
    Fault('data too short', _rendered(_too_short)),
    Fault('stamps zero', _rendered(_stamps(lambda _stamp_ns, _rng: 0))),
    Fault('stamps an hour back', _rendered(_stamps(lambda stamp_ns, _rng: stamp_ns - _HOUR_NS))),
    Fault('stamps an hour ahead', _rendered(_stamps(lambda stamp_ns, _rng: stamp_ns + _HOUR_NS))),
    Fault('single odd stamps', _rendered(_stamps(_odd_one_out))),
    Fault('any stamps', _rendered(_stamps(_any_stamp))),
    Fault('stamp frozen', _rendered(_frozen_stamp)),
    Fault('every image twice', _rendered(_twice)),
)
