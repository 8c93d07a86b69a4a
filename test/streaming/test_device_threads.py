# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every thread that works with the network makes its device the current one before it does."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from tiny_network import noise_frames, tiny_network

from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.streaming.call_thread import CallThread
from surgsam2_ros.streaming.frame_slot import FrameSlot, ReceivedFrame
from surgsam2_ros.streaming.inference_thread import InferenceThread
from surgsam2_ros.streaming.requests import RequestQueue
from surgsam2_ros.tracking import Prompt, StreamingTracker
from surgsam2_ros.tracking import tracker as tracker_module

FRAMES = noise_frames(6)
DEVICE = torch.device('cuda:1')
BOX = (5, 5, 30, 30)


@pytest.fixture(name='diary')
def _diary(monkeypatch):
    """Note in which order each thread chooses a device and encodes images."""
    did: dict[str, list] = {}

    def note(what):
        did.setdefault(threading.current_thread().name, []).append(what)

    encode_image = SurgSAM2.encode_image

    def encode(network, images):
        note('encode')
        return encode_image(network, images)

    # The network is on the CPU; the tracker is told to use what it would on a second GPU.
    use_device = tracker_module.use_device
    monkeypatch.setattr(tracker_module, 'use_device', lambda _: use_device(DEVICE))
    monkeypatch.setattr(torch.cuda, 'set_device', note)
    monkeypatch.setattr(SurgSAM2, 'encode_image', encode)
    return did


def test_tracking_encoding_ahead_and_calls_use_the_device_of_the_network(diary):
    network = tiny_network()
    wake, published = threading.Event(), []
    slot, requests = FrameSlot('every_frame', wake=wake), RequestQueue(wake=wake)
    tracker = StreamingTracker(network)
    thread = InferenceThread(
        load=lambda: tracker,
        slot=slot,
        requests=requests,
        wake=wake,
        decode=lambda number: FRAMES[number],
        publish=published.append,
        on_dropped=lambda _: None,
        report=lambda kind, text: pytest.fail(f'{kind}: {text}'),
        now_ns=lambda: 0,
    )
    thread.encode_ahead = True
    thread.start()
    requests.submit_prompts([Prompt('a', box=BOX)], stamp_ns=0, allow_update=True, timeout_s=60.0)
    for number in range(6):
        slot.put(ReceivedFrame(number, 1 + number, 1 + number))
    assert thread.wait_idle(60.0)
    calls = CallThread(tracker)
    segment = calls.requests.submit_call(
        lambda subject: subject.segment(np.ascontiguousarray(FRAMES[0]), [Prompt('b', box=BOX)]),
        timeout_s=60.0,
    )
    assert len(segment.result(timeout=60).tracks) == 1
    assert calls.stop(10.0) and thread.stop()
    assert len(published) == 6
    assert diary.keys() >= {'inference', 'preparation', 'calls'}
    for name in ('inference', 'preparation', 'calls'):
        assert diary[name][0] == DEVICE, name
        assert set(diary[name]) <= {DEVICE, 'encode'}


def test_a_cpu_has_no_current_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'set_device', lambda device: pytest.fail(str(device)))
    tracker = StreamingTracker(tiny_network())
    tracker.add_object('a', box=BOX)
    tracker.track(FRAMES[0])
