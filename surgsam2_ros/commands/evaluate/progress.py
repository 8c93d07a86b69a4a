# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Shows how far an evaluation is: videos, frames, and the time left."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from surgsam2_ros.commands.progress import Progress

if TYPE_CHECKING:
    from surgsam2_ros.evaluation.runs.jobs import Standing


class EvaluationProgress(Progress):
    """A bar of frames with the number of videos beside it.

    Args:
        label: what is being done.
        videos: of the whole run.
        skipped: of them, those that were finished before.
        stream: where to show it, standard error by default.
    """

    def __init__(
        self, label: str, videos: int, skipped: int = 0, *, stream: TextIO | None = None
    ) -> None:
        super().__init__(1, label, stream=stream)
        self._videos, self._skipped = videos, skipped

    def show(self, standing: Standing) -> None:
        """Show where the run stands."""
        self._total = max(standing.expected, 1)
        failed = f'  {standing.failed} failed' if standing.failed else ''
        finished = self._skipped + standing.videos
        self.update(standing.frames, f'video {finished}/{self._videos}{failed}')
