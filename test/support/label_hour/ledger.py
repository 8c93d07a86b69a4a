# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the page has acknowledged, and whether the work folder holds all of it; pure of the page.

A change that was sent and not answered when the console was killed may have been made or not; any
other difference is a loss.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from surgsam2_ros.console.label.frame_masks import FrameMasks

NEW = '*'
"""Id of an instrument that the console had not yet named."""

_MOST_PAST = 1000


@dataclass(frozen=True)
class State:
    """What operators have said.

    Attributes:
        verdicts: uint8 [N], never written to.
        prompts: frame and object id of each instrument that was prompted somewhere.
        names: of the instruments, by object id.
    """

    verdicts: np.ndarray
    prompts: frozenset[tuple[int, str]] = frozenset()
    names: dict[str, str] = field(default_factory=dict)

    def judged(self, frames: np.ndarray, verdict: int) -> State:
        """Return the state with another verdict on these frames."""
        verdicts = self.verdicts.copy()
        verdicts[frames] = verdict
        return replace(self, verdicts=verdicts)

    def prompted(self, frame: int, object_id: str) -> State:
        """Return the state with a prompt more."""
        names = {object_id: object_id} | self.names
        return replace(self, prompts=self.prompts | {(frame, object_id)}, names=names)

    def named(self, object_id: str, name: str) -> State:
        """Return the state with another name of an instrument."""
        return replace(self, names=self.names | {object_id: name})

    def removed(self, object_id: str) -> State:
        """Return the state without an instrument."""
        names = {known: name for known, name in self.names.items() if known != object_id}
        prompts = frozenset(each for each in self.prompts if each[1] != object_id)
        return replace(self, prompts=prompts, names=names)

    def differences(self, found: State) -> list[str]:
        """Return a sentence for each kind of thing that another state lacks or has besides."""
        sentences = []
        wrong = np.flatnonzero(self.verdicts != found.verdicts)
        if len(wrong):
            sentences.append(
                f'verdicts of {len(wrong)} frames differ, the first one is {wrong[0]}: '
                f'{found.verdicts[wrong[0]]} instead of {self.verdicts[wrong[0]]}'
            )
        new = [(frame, one) for frame, one in found.prompts - self.prompts]
        known = {one for _, one in self.prompts} | set(self.names)
        lacking = self.prompts - found.prompts
        for frame, _ in [each for each in lacking if each[1] == NEW]:
            named = next((each for each in new if each[0] == frame and each[1] not in known), None)
            if named is not None:
                return replace(
                    self,
                    prompts=self.prompts - {(frame, NEW)} | {named},
                    names={n: v for n, v in self.names.items() if n != NEW} | {named[1]: named[1]},
                ).differences(found)
        if lacking:
            sentences.append(f'{len(lacking)} prompts are missing, such as {min(lacking)}')
        if new:
            sentences.append(f'{len(new)} prompts are there that are not to be, such as {min(new)}')
        if self.names != found.names:
            sentences.append(f'the names are {found.names} instead of {self.names}')
        return sentences


@dataclass(frozen=True)
class Seen:
    """The masks of a frame as the page showed them.

    Attributes:
        digest: of the label image; empty when there was none.
        instances: of the instruments that there were.
    """

    digest: str
    instances: frozenset[int]


class Masks(Protocol):
    """Where masks are found, see `console.label.mask_files`."""

    def read(self, frame: int) -> FrameMasks | None:
        """Return the masks of a frame."""


@dataclass
class Checked:
    """What was compared.

    Attributes:
        prompts, verdicts, names, masks: how many of each.
        losses: a sentence for each thing that was acknowledged and is not there.
    """

    prompts: int = 0
    verdicts: int = 0
    names: int = 0
    masks: int = 0
    losses: list[str] = field(default_factory=list)


class Ledger:
    """What was acknowledged, and what is under way.

    Attributes:
        state: as acknowledged.
        under_way: what it becomes by the change that was sent and not answered; None: none was.
        seen: by frame, the masks that the page showed last, while they cannot have changed since.
        fresh: frames that were seen since the last check.
        done: how many changes were acknowledged.
    """

    def __init__(self, frames: int) -> None:
        """Begin with nothing labelled."""
        self.state = State(np.zeros(frames, np.uint8))
        self.under_way: State | None = None
        self.seen: dict[int, Seen] = {}
        self.fresh: set[int] = set()
        self.done = 0
        self._past: list[tuple[State, int | None]] = []
        self._takes_back = False
        self._frame: int | None = None

    @property
    def before(self) -> State | None:
        """What an undo leads to; None when there is nothing to take back."""
        return self._past[-1][0] if self._past else None

    def begin(self, after: State, *, frame: int | None = None, takes_back: bool = False) -> None:
        """Note that a change is sent, which may change the masks of a frame."""
        if takes_back:
            frame = self._past[-1][1]
        if frame is not None:
            self.forget([frame])
        self.under_way, self._frame, self._takes_back = after, frame, takes_back

    def acknowledge(self, after: State | None = None) -> None:
        """Note that it was made; `after` says what it led to when that was not known before."""
        self._advance(after or self.under_way)
        self.done += 1

    def refuse(self) -> None:
        """Note that it was not made."""
        self.under_way = None

    def show(self, frame: int, seen: Seen) -> None:
        """Note the masks that the page shows in a frame."""
        self.seen[frame] = seen
        self.fresh.add(frame)

    def forget(self, frames: Iterable[int]) -> None:
        """Note that the masks of frames may change."""
        for frame in frames:
            self.seen.pop(frame, None)

    def settle(self, found: State) -> list[str]:
        """Compare with what is there after a kill, and go on from that.

        Returns:
            a sentence for each loss; empty when it is what was acknowledged, with or without the
            change that was under way.
        """
        losses = self.state.differences(found)
        if losses and self.under_way is not None and not self.under_way.differences(found):
            losses = []
            self._advance(found)
        self.under_way = None
        self.state = found
        return losses

    def _advance(self, after: State) -> None:
        if self._takes_back:
            self._past.pop()
        else:
            self._past = [*self._past[1 - _MOST_PAST :], (self.state, self._frame)]
        self.state, self.under_way = after, None


def digest_of(masks: FrameMasks | None, instances: frozenset[int]) -> str:
    """Return the digest that the page would tell of these masks."""
    if masks is None or not instances & masks.objects.keys():
        return ''
    return hashlib.sha1(masks.label_image(instances).tobytes()).hexdigest()


def lost_masks(seen: dict[int, Seen], masks: Masks) -> list[str]:
    """Return a sentence for each frame whose masks are not those that were shown."""
    return [
        f'the masks of frame {frame} are not those that the page showed'
        for frame, shown in sorted(seen.items())
        if digest_of(masks.read(frame), shown.instances) != shown.digest
    ]
