# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The desk beside running nodes: each is a camera."""

from __future__ import annotations

from collections.abc import Sequence

from surgsam2_ros.console.asked_node import ANSWER_TIMEOUT_S
from surgsam2_ros.console.desk import (
    Description,
    DeskError,
    Instrument,
    Mode,
    Notice,
    Picture,
    Preview,
)
from surgsam2_ros.console.instrument_names import InstrumentNames
from surgsam2_ros.console.live_camera import LiveCamera, OnPrompt
from surgsam2_ros.console.notices import Notices
from surgsam2_ros.instrument_classes import NO_CLASSES, InstrumentClasses
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.tracking.prompts import Prompt


class LiveDesk:
    """A `Desk` over ROS: pictures are joined with their tracks, prompts go to the nodes' services.

    Args:
        nodes: names of the nodes, with their namespaces; they need not be there yet.
        classes: of instruments.
        timeout_s: longest wait for an answer of a node [s].

    Raises:
        DeskError: there is no node, or one comes twice.
    """

    mode = Mode.LIVE

    def __init__(
        self,
        nodes: Sequence[str],
        classes: InstrumentClasses = NO_CLASSES,
        *,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        self.cameras = tuple(f'/{name.strip("/")}' for name in nodes)
        self.classes = classes
        if not self.cameras or len(set(self.cameras)) < len(self.cameras):
            raise DeskError(f'nodes {list(self.cameras)}: name each node once, at least one')
        self._notices = Notices()
        self._listeners: list[OnPrompt] = []
        self._thread: NodeThread | None = NodeThread('surgsam2_console')
        names = InstrumentNames()
        self._cameras = {
            name: LiveCamera(
                name, self._thread, names, self._notices, self._tell_prompt, timeout_s=timeout_s
            )
            for name in self.cameras
        }

    def camera(self, name: str) -> LiveCamera:
        """Return one of the cameras.

        Raises:
            DeskError: there is none of this name.
        """
        if name not in self._cameras:
            raise DeskError(f'there is no camera {name}; there are {", ".join(self.cameras)}')
        return self._cameras[name]

    def listen_to_prompts(self, listener: OnPrompt) -> None:
        """Have every prompt that a node took told, with its camera and stamp [ns]."""
        self._listeners.append(listener)

    def tell(self, text: str, author: str = '', *, is_problem: bool = False) -> None:
        """Tell all operators a sentence."""
        self._notices.tell(text, author, is_problem=is_problem)

    def wait_for_picture(self, camera: str, after: int, timeout_s: float) -> Picture | None:
        """See `Desk`; also images that the node does not track, while it tracks none."""
        return self.camera(camera).wait_for_picture(after, timeout_s)

    def instruments(self, camera: str) -> tuple[Instrument, ...]:
        """See `Desk`."""
        return self.camera(camera).instruments()

    def preview(self, picture: Picture, prompt: Prompt) -> Preview:
        """See `Desk`."""
        return self.camera(picture.camera).preview(picture, prompt)

    def give(self, picture: Picture, prompt: Prompt, author: str = '') -> None:
        """See `Desk`; the node rolls the prompt forward from the picture's stamp to now."""
        self.camera(picture.camera).give(picture, prompt, author)

    def remove(self, camera: str, object_id: str, author: str = '') -> None:
        """See `Desk`."""
        self.camera(camera).remove(object_id, author)

    def describe(
        self, camera: str, object_id: str, description: Description, author: str = ''
    ) -> None:
        """See `Desk`; the console keeps it, the node learns a class with the next prompt."""
        self.camera(camera).describe(object_id, description, author)

    def undo(self, camera: str, author: str = '') -> str:
        """See `Desk`; a mask comes back while the node still keeps its image."""
        return self.camera(camera).undo(author)

    def notices(self, after: int = 0) -> tuple[Notice, ...]:
        """See `Desk`."""
        return self._notices.after(after)

    def close(self) -> None:
        """See `Desk`."""
        if self._thread is None:
            return
        thread, self._thread = self._thread, None
        thread.close()

    def _tell_prompt(self, camera: str, stamp_ns: int, prompt: Prompt) -> None:
        for listener in self._listeners:
            listener(camera, stamp_ns, prompt)
