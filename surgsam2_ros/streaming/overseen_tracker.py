# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A tracker that finds instruments by itself, image after image, where nobody waits for it.

The overseer decides and prompts as beside a camera, but in the caller's thread, so that recordings
give the same result every time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from surgsam2_ros.discovery import Decision, DiscoverySettings
from surgsam2_ros.streaming.frame_slot import ReceivedFrame
from surgsam2_ros.streaming.oversight import Oversight
from surgsam2_ros.streaming.prompt_intake import PromptIntake
from surgsam2_ros.streaming.requests import FrameHistory, RequestQueue
from surgsam2_ros.streaming.tracked_frame import PromptOutcome, TrackedFrame
from surgsam2_ros.tracking import FrameResult, StreamingTracker
from surgsam2_ros.tracking.states import FRAME_NS


class OverseenTracker:
    """Tracks a recording's images one by one; nobody but the overseer prompts.

    An image counts 1/30 s. What is decided on it conditions it, as soon as the next one comes:
    no result depends on images that come later.

    Args:
        tracker: without objects, with a detector where `settings` take its proposals.
        settings: of discovery.
        tell: receives every decision once it was carried out, or was not, with the reason.
        report: receives (kind, text) of every problem.

    Raises:
        ValueError: settings that could never find anything.
    """

    def __init__(
        self,
        tracker: StreamingTracker,
        settings: DiscoverySettings,
        *,
        tell: Callable[[Decision], None] = lambda decision: None,
        report: Callable[[str, str], None] = lambda kind, text: None,
    ) -> None:
        self._tracker, self._stamp_ns = tracker, 0
        config = tracker.config
        self._requests = RequestQueue()
        self._history = FrameHistory(config.replay_frames)
        self._prompts = PromptIntake(
            self._requests, self._history, lambda text: report('inference', text)
        )
        self._oversight = Oversight(
            settings,
            max_objects=config.max_objects,
            replay_frames=config.replay_frames,
            requests=self._requests,
            tell=tell,
            report=report,
        )

    def track(self, rgb: np.ndarray) -> FrameResult:
        """Process the next image, uint8 [H, W, 3].

        Raises:
            ValueError: when the image is not of that kind.
        """
        tracker, self._stamp_ns = self._tracker, self._stamp_ns + FRAME_NS
        self._requests.answer_calls(lambda function: function(tracker))
        accepted = self._prompts.take(tracker, self._stamp_ns, rgb.shape[:2])
        result = tracker.track(rgb, self._stamp_ns)
        self._history.append(self._stamp_ns, result.frame_index)
        objects = tuple(tracker.objects)
        for request, target in accepted:
            request.future.set_result(PromptOutcome(objects, target.moved_ns))
        received = ReceivedFrame(None, self._stamp_ns, self._stamp_ns)
        tracked = TrackedFrame(received, rgb, result, 0, 0.0, 0)
        self._oversight.frame_done(tracker, tracked, [request for request, _ in accepted])
        return result
