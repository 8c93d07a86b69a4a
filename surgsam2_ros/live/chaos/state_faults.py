# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Faults of states: transitions, pauses, parameters, transports and clocks."""

from __future__ import annotations

import time

import numpy as np

from surgsam2_ros.live.chaos.expectations import BrokenPromiseError
from surgsam2_ros.live.chaos.fault import Fault, Objects
from surgsam2_ros.live.chaos.request_faults import FUZZED
from surgsam2_ros.live.chaos.stage import Stage

# The harness judges by the first two; the others concern a node that is merely slow.
_UNTOUCHED = (
    'diagnostics.period_s',
    'input.timeout_s',
    'diagnostics.max_silence_s',
    'tracking.prompt_timeout_s',
)


def _pause(stage: Stage, rng: np.random.Generator) -> None:
    stage.client.enable(False)
    with stage.facts.hold('paused'):
        time.sleep(rng.uniform(3, 4))
    stage.client.enable(True)


def _pause_storm(stage: Stage, rng: np.random.Generator) -> None:
    for _ in range(10):
        stage.client.enable(bool(rng.integers(2)))
    stage.client.enable(True)


def _paused_through_transitions(stage: Stage, rng: np.random.Generator) -> None:
    """Deactivate and activate it in a pause, which goes on."""
    stage.client.enable(False)
    stage.client.deactivate()
    stage.client.activate()
    with stage.facts.hold('paused'):
        time.sleep(3)
    stage.client.enable(True)


def _deactivate(stage: Stage, rng: np.random.Generator) -> None:
    stage.client.deactivate()
    with stage.facts.hold('inactive'):
        time.sleep(rng.uniform(3, 4))
    stage.client.activate()


def _activation_storm(stage: Stage, rng: np.random.Generator) -> None:
    for _ in range(8):
        stage.client.deactivate()
        stage.client.activate()


def _reconfigure(stage: Stage, rng: np.random.Generator) -> None:
    stage.client.deactivate()
    stage.client.cleanup()
    stage.client.configure()
    stage.client.activate()


def _transition_storm(stage: Stage, rng: np.random.Generator) -> None:
    """Ask for transitions at once, many of them impossible; then bring it up."""
    stage.flood_transitions(rng, 10)
    stage.bring_up()


def _parameter_storm(stage: Stage, rng: np.random.Generator) -> None:
    """Set values in and out of range, of wrong types, of parameters that there are not."""
    stage.flood_parameters(rng, 100, _UNTOUCHED)


def _compressed(stage: Stage, rng: np.random.Generator) -> None:
    """Send JPEG instead of raw images, some cut off or no images at all, and go back."""
    from surgsam2_ros.nodes.faults import fuzz, images

    rgb = stage.camera.shot().rgb
    encoded = [images.encode(rgb, kind) for kind in ('.jpg', '.png')]
    stage.change_transport('compressed')
    with stage.camera.rendering(lambda shot: [images.jpeg(shot)]):
        stage.require_results('of compressed images')
    for _ in range(FUZZED):
        stage.camera.publish(fuzz.random_compressed(rng, encoded))
        time.sleep(0.001)
    stage.fuzzed += FUZZED
    with stage.camera.rendering(lambda shot: [images.jpeg(shot, rng.uniform(0.1, 1.2))]):
        time.sleep(1)
    with stage.camera.rendering(lambda shot: [images.jpeg(shot)]):
        stage.require_results('after damaged JPEG files')
    stage.change_transport('raw')


def _clock_jumps(stage: Stage, rng: np.random.Generator) -> None:
    """Take its time from /clock, and set that back and ahead."""
    with stage.simulated_clock() as clock:
        stage.client.set_parameters({'use_sim_time': True})
        try:
            for jump_s in (-5.0, 3600.0, -7200.0, float(rng.uniform(-100, 100))):
                clock.jump(jump_s)
                time.sleep(1)
            if stage.node.exit_status is not None:
                raise BrokenPromiseError('a jump of /clock ended the process')
        finally:
            stage.client.set_parameters({'use_sim_time': False})


STATE_FAULTS = (
    Fault('paused', _pause),
    Fault('storm of pauses', _pause_storm),
    Fault('paused through transitions', _paused_through_transitions),
    Fault('deactivated', _deactivate),
    Fault('storm of activations', _activation_storm),
    Fault('configured anew', _reconfigure, Objects.FORGOTTEN),
    Fault('storm of transitions', _transition_storm, Objects.EITHER),
    Fault('storm of parameters', _parameter_storm),
    Fault('compressed transport', _compressed, Objects.FORGOTTEN),
    Fault('clock jumps', _clock_jumps),
)
