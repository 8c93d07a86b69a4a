# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Corrections of every kind, SAM 2.0, and the settings of the EndoVis tables, frame by frame.

As in test_teacher_forced.py: hot weights, and the official memory put into our bank after each
frame, so that every frame is judged by itself.
"""

import functools

import numpy as np
import pytest
import torch

pytest.importorskip('sam2')
pytest.importorskip('hydra')

from oracle_sam2 import (
    Event,
    Oracle,
    build_pair,
    compare,
    make_clip,
    mask_prompt,
    run_ours,
    shared_features,
)

from surgsam2_ros.tracking import TrackerConfig

SIZE, FRAMES = 128, 16
LIMIT = 1e-4
CORRECTED = 5

FIRST = [
    Event(0, 'mask', {'mask': mask_prompt(SIZE)}),
    Event(0, 'box', {'box': [30, 30, 75, 70]}),
    Event(2, 'point', {'points': [[40, 60]], 'labels': [1]}),
]
CORRECTIONS = {
    'a mask': [Event(CORRECTED, 'box', {'mask': np.flipud(mask_prompt(SIZE)).copy()})],
    'a box': [Event(CORRECTED, 'mask', {'box': [20, 40, 90, 100]})],
    'two clicks at once': [
        Event(CORRECTED, 'mask', {'points': [[50, 70], [90, 20]], 'labels': [1, 0]})
    ],
    'two clicks one after the other': [
        Event(CORRECTED, 'mask', {'points': [[50, 70]], 'labels': [1]}),
        Event(CORRECTED, 'mask', {'points': [[90, 20]], 'labels': [0], 'clear_old_points': False}),
    ],
    'two clicks, the first taken back': [
        Event(CORRECTED, 'mask', {'points': [[50, 70]], 'labels': [1]}),
        Event(CORRECTED, 'mask', {'points': [[90, 20]], 'labels': [0], 'clear_old_points': True}),
    ],
}


@functools.cache
def pair(kind='sam2.1', postprocessing=True):
    return build_pair(hot=True, image_size=SIZE, kind=kind, postprocessing=postprocessing)


@functools.cache
def clip():
    return make_clip(FRAMES, SIZE)


@pytest.fixture(scope='module', autouse=True)
def one_thread():
    """Small tensors: a second thread only waits for the first."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@functools.cache
def oracle(network=()):
    """One for each network: it computes the features of the clip once for all runs."""
    return Oracle(pair(*network)[0], clip())


@functools.cache
def corrected(correction):
    return oracle().run([*FIRST, *CORRECTIONS[correction]], frames=CORRECTED + 2)


def difference(events, expected, *, network=(), frames=CORRECTED + 2):
    ours = pair(*network)[1]
    with shared_features(ours):
        trace = run_ours(ours, clip(), events, teacher=expected, frames=frames)
    return compare(trace, expected)


@pytest.mark.parametrize('correction', CORRECTIONS)
def test_a_correction_of_a_tracked_frame(correction):
    events = [*FIRST, *CORRECTIONS[correction]]
    assert difference(events, corrected(correction)).within(LIMIT)


@pytest.mark.slow
@pytest.mark.parametrize('correction', CORRECTIONS)
def test_without_the_correction_the_gate_fails(correction):
    """So that the cases above can fail: the correction changes its frame and the one after it."""
    assert not difference(FIRST, corrected(correction)).within(LIMIT)


def test_the_second_click_of_two_changes_the_outcome():
    correction = 'two clicks one after the other'
    first = CORRECTIONS[correction][0]
    assert not difference([*FIRST, first], corrected(correction)).within(LIMIT)


EVERYTHING = [
    *FIRST,
    *CORRECTIONS['a box'],
    Event(CORRECTED + 1, 'box', {'mask': mask_prompt(SIZE).T.copy()}),
    Event(CORRECTED + 2, 'point', {'points': [[50, 70], [90, 20]], 'labels': [1, 0]}),
]
NETWORKS = {
    'SAM 2.0': ('sam2', True),
    'SAM 2.0 as EndoVis is evaluated': ('sam2', False),
}


SHORT = 10


@functools.cache
def of_network(network):
    return oracle(network).run(EVERYTHING, frames=SHORT)


@pytest.mark.parametrize('network', NETWORKS.values(), ids=NETWORKS)
def test_another_network_or_setting(network):
    found = difference(EVERYTHING, of_network(network), network=network, frames=SHORT)
    assert found.within(LIMIT)


@pytest.mark.parametrize('switch', ['dynamic_multimask', 'binarise_prompted_masks'])
def test_a_switch_of_the_endovis_tables_left_on_is_caught(switch, monkeypatch):
    network = NETWORKS['SAM 2.0 as EndoVis is evaluated']
    monkeypatch.setitem(pair(*network)[1].config.__dict__, switch, True)
    found = difference(EVERYTHING, of_network(network), network=network, frames=SHORT)
    assert not found.within(LIMIT)


CLICKS = [
    Event(frame, 'mask', {'points': [[4 * frame + 20, 60]], 'labels': [1]}) for frame in (2, 4, 6)
]


class Forgetful(Oracle):
    """The official predictor, from which prompted frames are taken as our cap takes them."""

    def __init__(self, predictor, clip, most):
        super().__init__(predictor, clip)
        self.most = most

    def _record(self, state, frame, trace):
        super()._record(state, frame, trace)
        self.predictor.propagate_in_video_preflight(state)
        for outputs in state['output_dict_per_obj'].values():
            prompted = outputs['cond_frame_outputs']
            while len(prompted) > self.most:
                del prompted[sorted(prompted)[1]]


def forgetful(most):
    made = Forgetful(pair()[0], clip(), most)
    made._features = oracle()._features
    return made


@functools.cache
def prompted_run(official):
    official.predictor.add_all_frames_to_correct_as_cond = True
    try:
        return official.run([FIRST[0], *CLICKS], frames=SHORT)
    finally:
        official.predictor.add_all_frames_to_correct_as_cond = False


@pytest.mark.parametrize('most', [2, 3, 4])
def test_prompted_frames_up_to_the_cap_and_beyond(most):
    """There are four; beyond the cap the first and the newest stay, and are attended to."""
    ours = pair()[1]
    expected = prompted_run(forgetful(most))
    config = TrackerConfig(corrections_condition=True, max_prompted_frames=most)
    with shared_features(ours):
        trace = run_ours(ours, clip(), [FIRST[0], *CLICKS], config=config, frames=SHORT)
    assert compare_logits(trace, expected) <= LIMIT
    assert (compare_logits(trace, prompted_run(oracle())) > 100 * LIMIT) == (most < 4)


def compare_logits(ours, official):
    differences = [(ours.logits[key] - official.logits[key]).abs().max() for key in ours.logits]
    return float(max(differences))
