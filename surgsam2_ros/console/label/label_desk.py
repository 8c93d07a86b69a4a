# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The desk over a recording: any frame is shown, prompted and corrected; masks are carried on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from surgsam2_ros.console.desk import (
    Description,
    DeskError,
    Instrument,
    Mode,
    Notice,
    Picture,
    Preview,
)
from surgsam2_ros.console.label.background import Background, Progress
from surgsam2_ros.console.label.carrier import DIRECTIONS, Carrier
from surgsam2_ros.console.label.export import Export
from surgsam2_ros.console.label.frame_masks import FrameMasks
from surgsam2_ros.console.label.labelling import Labelling
from surgsam2_ros.console.label.labels import LabelledObject, Verdict
from surgsam2_ros.console.label.recording import Recording
from surgsam2_ros.console.label.selection import Selected, Selection
from surgsam2_ros.console.notices import Notices
from surgsam2_ros.instrument_classes import NO_CLASSES, InstrumentClasses
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.sources import SourceError
from surgsam2_ros.tracking import Prompt, PromptError, TrackerConfig, TrackState


class Overview(NamedTuple):
    """What is known of all frames; arrays are [N] and belong to the caller.

    Attributes:
        position: frame that is shown.
        verdicts: uint8, a `Verdict`.
        tracked, uncertain, prompted: bool; an uncertain frame has an object whose mask is poor.
        progress: of what goes on in the background; None before any.
    """

    position: int
    verdicts: np.ndarray
    tracked: np.ndarray
    uncertain: np.ndarray
    prompted: np.ndarray
    progress: Progress | None


class LabelDesk:
    """A desk (see `console.desk`) over a recording; its one camera is the recording.

    All operators look at the same frame. What a method has returned from is on the disk.
    """

    mode = Mode.LABEL

    def __init__(
        self,
        recording: Recording,
        labelling: Labelling,
        network: SurgSAM2,
        config: TrackerConfig,
        *,
        camera: str,
        classes: InstrumentClasses = NO_CLASSES,
    ) -> None:
        """Show the first frame.

        Args:
            recording, labelling: owned and closed by the desk.
            network: with weights.
            config: of the tracker.
            camera: name of the recording.
            classes: of instruments.
        """
        self.cameras, self.classes = (camera,), classes
        self.recording, self.labelling = recording, labelling
        self._carrier = Carrier(recording, labelling, network, config)
        self._selection = Selection(network, config)
        self._background = Background(self._work_ended)
        self._notices = Notices()
        for sentence in labelling.told:
            self._notices.tell(sentence, is_problem=True)
        self._change = threading.Condition()
        self._drawing = threading.Lock()
        self._position, self._serial, self._closed = 0, 1, False
        self._follows = False
        self._newest: Picture | None = None
        self._unreadable: set[int] = set()

    def __len__(self) -> int:
        return len(self.recording)

    @property
    def position(self) -> int:
        """Frame that is shown."""
        return self._position

    # What is seen ---------------------------------------------------------------------------------

    def wait_for_picture(self, camera: str, after: int, timeout_s: float) -> Picture | None:
        """Return the picture of the frame that is shown; see `Desk`."""
        self._check_camera(camera)
        with self._change:
            self._change.wait_for(lambda: self._serial > after or self._closed, timeout_s)
            if self._serial <= after or self._closed:
                return None
        with self._drawing:
            with self._change:
                serial, position = self._serial, self._position
            if self._newest is None or self._newest.serial != serial:
                self._newest = self._draw(serial, position)
            return self._newest

    def instruments(self, camera: str) -> tuple[Instrument, ...]:
        """Return the instruments, with their states in the frame that is shown."""
        self._check_camera(camera)
        return self._instruments_at(self._position)

    def notices(self, after: int = 0) -> tuple[Notice, ...]:
        """Return the notices above this serial."""
        return self._notices.after(after)

    def overview(self) -> Overview:
        """Return what is known of all frames."""
        labelling = self.labelling
        with labelling.lock:
            labels, masks = labelling.labels, labelling.masks
            instances = labels.instances
            prompted = np.zeros(len(self), bool)
            prompted[[frame for frame, ids in labels.prompts.items() if ids]] = True
            return Overview(
                self._position,
                labels.verdicts.copy(),
                masks.tracked(instances),
                masks.in_state(instances, TrackState.UNCERTAIN),
                prompted,
                self._background.progress,
            )

    def go_to(self, frame: int) -> None:
        """Show a frame; beyond the ends, the nearest one."""
        with self._change:
            self._follows = False
            self._position = min(max(int(frame), 0), len(self) - 1)
            self._changed()

    # What an operator does ------------------------------------------------------------------------

    def preview(self, picture: Picture, prompt: Prompt) -> Preview:
        """Return what a prompt would select."""
        selected = self._select(picture, prompt)
        return Preview(selected.crop.expand(), selected.score)

    def give(self, picture: Picture, prompt: Prompt, author: str = '') -> None:
        """Start an instrument, or correct its mask in this frame."""
        self._check_unlocked(prompt.object_id)
        selected = self._select(picture, prompt)
        if selected.crop.box is None:
            raise DeskError(
                f'the prompt for {prompt.object_id} selects nothing; click on the object itself, '
                'or draw a box around it'
            )
        self.labelling.give(picture.frame_index, prompt, selected, author)
        self._changed()

    def remove(self, camera: str, object_id: str, author: str = '') -> None:
        """End an instrument, in all frames."""
        self._check_camera(camera)
        self._check_unlocked(object_id)
        name = self._known(object_id).name
        self.labelling.remove(object_id, author)
        self._notices.tell(f'{name} was removed from all frames.', author)
        self._changed()

    def describe(
        self, camera: str, object_id: str, description: Description, author: str = ''
    ) -> None:
        """Change name, class or lock of an instrument."""
        self._check_camera(camera)
        self._known(object_id)
        changes = description.said
        if 'name' in changes:
            changes['name'] = changes['name'] or object_id
        if changes:
            self.labelling.describe(object_id, changes, author)
            self._changed()

    def undo(self, camera: str, author: str = '') -> str:
        """Take back the newest change, verdicts among them."""
        self._check_camera(camera)
        sentence = self.labelling.undo(author)
        if not sentence:
            raise DeskError('there is nothing to take back')
        self._notices.tell(sentence, author)
        self._changed()
        return sentence

    def judge(self, verdict: Verdict, first: int, last: int, author: str = '') -> None:
        """Accept, reject or clear the masks of frames, first to last; see `Labelling.judge`."""
        if not 0 <= first <= last < len(self):
            raise DeskError(f'frames {first} to {last} are not within 0 to {len(self) - 1}')
        count = self.labelling.judge(verdict, int(first), int(last), author)
        done = {Verdict.ACCEPTED: 'accepted', Verdict.REJECTED: 'rejected', Verdict.NONE: 'cleared'}
        self._notices.tell(f'{count} frames from {first} to {last} {done[verdict]}.', author)
        self._changed()

    def propagate(self, step: int, author: str = '') -> None:
        """Carry the masks of the frame that is shown on, forwards (1) or backwards (-1).

        It goes on in the background up to the next accepted frame; objects that were corrected on
        the way keep their masks from there on. Called again where it was stopped, it goes on.

        Raises:
            DeskError: when there is nothing to carry, or other work goes on.
        """
        way = self._carrier.way(self._position, step)

        def work(stop: threading.Event, report: Callable[[int], None]) -> None:
            for done, index in enumerate(self._carrier.carry(way, stop), start=1):
                report(done)
                self._follow(index)

        self._follows = True
        self._background.start(f'propagating {DIRECTIONS[step]}', len(way.frames), work)
        self._changed()

    def export(self, folder: Path, *, everything: bool = False, author: str = '') -> None:
        """Write the accepted frames as a data set, in the background; a notice tells the end.

        Args:
            folder: of the data set; an earlier export there is replaced.
            everything: all frames with masks that were not rejected.
            author: who asked for it.

        Raises:
            DeskError: when there is nothing to write, or other work goes on.
        """
        export = Export(self.recording, self.labelling, folder, everything=everything)

        def work(stop: threading.Event, report: Callable[[int], None]) -> None:
            self._notices.tell(export.run(stop, report), author)

        self._background.start('exporting', export.frames, work)
        self._changed()

    def stop(self) -> None:
        """End what goes on in the background after the frame it is at."""
        self._background.stop()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing goes on in the background; returns whether that is so."""
        return self._background.wait(timeout_s)

    def close(self) -> None:
        """End the background's work and give the files back."""
        self._background.stop()
        with self._change:
            self._closed = True
            self._change.notify_all()
        self._background.close()
        self._selection.close()
        self.labelling.close()
        self.recording.close()

    # How ------------------------------------------------------------------------------------------

    def _work_ended(self, title: str, failure: Exception | None) -> None:
        if failure is not None:
            self._notices.tell(f'{title} ended: {failure}', is_problem=True)
        self._changed()

    def _select(self, picture: Picture, prompt: Prompt) -> Selected:
        self._check_camera(picture.camera)
        if picture.frame_index in self._unreadable:
            raise DeskError(f'frame {picture.frame_index} cannot be decoded; go to another one')
        try:
            with self.labelling.lock:
                known = self.labelling.labels.objects.get(prompt.object_id)
                masks = self.labelling.masks.read(picture.frame_index) if known else None
            shown = masks.objects.get(known.instance) if masks else None
            return self._selection.select(picture.rgb, prompt, shown.crop if shown else None)
        except PromptError as error:
            raise DeskError(str(error)) from error

    def _draw(self, serial: int, position: int) -> Picture:
        rgb = self._readable(position)
        with self.labelling.lock:
            masks = self.labelling.masks.read(position)
            instances = self.labelling.labels.instances
            shown = self._instruments_at(position, masks)
        labels = None
        if masks is not None and instances & masks.objects.keys():
            labels = masks.label_image(instances)
        stamp_ns = self.recording.stamp_ns(position)
        return Picture(self.cameras[0], serial, stamp_ns, position, rgb, labels, shown)

    def _readable(self, position: int) -> np.ndarray:
        """Return a frame; a black one, and a notice, where it cannot be decoded."""
        try:
            return self.recording.frame(position)
        except SourceError as error:
            if position not in self._unreadable:
                self._unreadable.add(position)
                self._notices.tell(f'{error}; it is shown black', is_problem=True)
            return np.zeros((*self.recording.size, 3), np.uint8)

    def _instruments_at(
        self, position: int, masks: FrameMasks | None = None
    ) -> tuple[Instrument, ...]:
        with self.labelling.lock:
            masks = masks or self.labelling.masks.read(position)
            return tuple(_instrument(one, masks) for one in self.labelling.labels.objects.values())

    def _follow(self, frame: int) -> None:
        """Show a frame that has new masks, unless an operator has gone elsewhere meanwhile."""
        with self._change:
            if self._follows:
                self._position = frame
            if frame == self._position:
                self._changed()

    def _changed(self) -> None:
        with self._change:
            self._serial += 1
            self._change.notify_all()

    def _check_camera(self, camera: str) -> None:
        if camera not in self.cameras:
            raise DeskError(f"there is no camera '{camera}'; there is {self.cameras[0]}")

    def _known(self, object_id: str) -> LabelledObject:
        known = self.labelling.labels.objects.get(object_id)
        if known is None:
            raise DeskError(f"there is no instrument '{object_id}'; it may have been removed")
        return known

    def _check_unlocked(self, object_id: str) -> None:
        known = self.labelling.labels.objects.get(object_id)
        if known is not None and known.locked:
            raise DeskError(f'{known.name} is locked; unlock it first')


def _instrument(known: LabelledObject, masks: FrameMasks | None) -> Instrument:
    """Describe an instrument in a frame; where it was not tracked it is TENTATIVE."""
    mask = masks.objects.get(known.instance) if masks else None
    state, score, presence = TrackState.TENTATIVE, 0.0, 0.0
    if mask is not None:
        state, score, presence = mask.state, mask.score, mask.presence
    return Instrument(
        known.object_id,
        known.instance,
        known.name,
        known.class_name,
        state,
        score,
        presence,
        known.locked,
    )
