# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a person does in label mode, in an order that a seed decides."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from label_hour.hands import Hands
from label_hour.ledger import NEW, Ledger, State
from label_hour.recording import Scene, around, inside
from label_hour.work_folder import frames_with_masks
from surgsam2_ros.console.label.labels import Verdict

_OFTEN = {
    'label': 10,
    'correct': 8,
    'judge': 7,
    'scrub': 4,
    'take_back': 3,
    'rename': 2,
    'pass_by': 1,
}
"""Chances of what comes next."""

EXPORT_EVERY_S = 300.0
_CARRY_S = (4.0, 20.0)
_DID = {Verdict.ACCEPTED: ('a', 'accepted'), Verdict.REJECTED: ('r', 'rejected')}
_DID[Verdict.NONE] = ('x', 'cleared')


class Operator:
    """Works on the page and keeps a ledger of what it acknowledged.

    Attributes:
        hands: on the page.
        ledger: of what was acknowledged.
        exported: frames of the newest data set that was told; None before any.
        exporting: whether another one may have taken its place meanwhile.
        counted: how often each thing was begun, and how many prompts were made and refused.
        spent_s: how long each thing took, by the same names [s].
        complaints: sentences about what the page said that does not fit.
    """

    def __init__(self, hands: Hands, scene: Scene, work: Path, seed: int) -> None:
        """Begin with a bag in which nothing is labelled."""
        self.ledger = Ledger(scene.frames)
        self.exported: int | None = None
        self.exporting = False
        self.counted: Counter[str] = Counter()
        self.spent_s: dict[str, float] = {}
        self.complaints: list[str] = []
        self.hands, self._scene, self._work = hands, scene, work
        self._changed_at_s = 0.0
        self._chance = random.Random(seed)
        self._way: range | None = None
        self._scrubbed = False
        self._answered: Callable[[], str] = lambda: ''
        self._after: Callable[[], State | None] = lambda: None
        self._export_at_s = time.monotonic() + EXPORT_EVERY_S

    @property
    def still_for_s(self) -> float:
        """For how long nothing was changed [s]."""
        return time.monotonic() - self._changed_at_s

    def work(self) -> None:
        """Do one thing.

        Raises:
            ServerGoneError: when the console is killed meanwhile.
        """
        if time.monotonic() >= self._export_at_s and (self.ledger.state.verdicts == 1).any():
            name = 'export'
            self._export_at_s = time.monotonic() + EXPORT_EVERY_S
        elif len(self.hands.instruments()) < 2:
            name = 'label'
        else:
            name = self._chance.choices(list(_OFTEN), list(_OFTEN.values()))[0]
        began_s = time.monotonic()
        self.counted[name] += 1
        try:
            getattr(self, name)()
            self.look()
        finally:
            self.spent_s[name] = self.spent_s.get(name, 0.0) + time.monotonic() - began_s

    def look(self) -> None:
        """Note what the page has shown."""
        for frame, seen in self.hands.shown():
            if not (self._way is not None and self._scrubbed and frame in self._way):
                self.ledger.show(frame, seen)

    def start_afresh(self) -> bool:
        """Go on after something that did not work out; False when a change may be under way.

        Raises:
            ServerGoneError: when the console is killed meanwhile.
        """
        if self.ledger.under_way is not None or self.exporting:
            return False
        self.hands.press('Escape', 'Escape', 'Shift+KeyS', '0')
        self.hands.wait(lambda: not self.hands.state()['work'])
        self.look()
        self._way, self._scrubbed = None, False
        self._settled()
        return True

    def console_is_gone(self) -> None:
        """Note what the page still had been told before the console was killed."""
        self.look()
        if self.ledger.under_way is not None and self._answered() == 'done':
            self.ledger.acknowledge(self._after())
        self._way, self._scrubbed, self._answered = None, False, lambda: ''

    # What is done ---------------------------------------------------------------------------------

    def label(self) -> None:
        """Show the instruments in a frame, and carry their masks on, now and then both ways."""
        frame = self._some_frame(lambda f: self.ledger.state.verdicts[f] != Verdict.ACCEPTED)
        self.hands.go_to(frame, self._scene.frames)
        for instrument in (1, 2):
            truth = self._scene.truth(frame, instrument)
            if truth is not None:
                self._prompt(instrument, box=around(truth))
        self._carry(self._chance.choice((1, 1, -1)))
        if self._chance.random() < 0.4:
            self.hands.go_to(frame, self._scene.frames)
            self._carry(self._chance.choice((1, -1)))

    def correct(self) -> None:
        """Look for a poor mask, click on what is wrong of it, and carry it on."""
        if self.hands.state()['uncertain'] and self._chance.random() < 0.5:
            before = len(self.hands.told())
            self.hands.press('Shift+KeyU' if self._chance.random() < 0.5 else 'Shift+KeyY')
            time.sleep(0.3)
            if len(self.hands.told()) == before:
                self._settled()
        elif (frame := self._tracked_frame()) is not None:
            self.hands.go_to(frame, self._scene.frames)
        frame = self.hands.frame()
        for instrument, known in enumerate(self.hands.instruments()[:2], start=1):
            truth = self._scene.truth(frame, instrument)
            if truth is None:
                continue
            shown = self.hands.mask(known['instance'])
            missing, surplus = truth & ~shown, shown & ~truth
            wrong = missing if missing.sum() >= surplus.sum() else surplus
            click = (*inside(wrong if wrong.any() else truth), wrong is not surplus)
            self._prompt(instrument, click=click)
        if self._chance.random() < 0.5:
            self._carry(1)

    def judge(self) -> None:
        """Accept, reject or clear a range of frames."""
        middle = self._tracked_frame()
        if middle is None:
            return
        first = max(middle - self._chance.randrange(60), 0)
        last = min(first + self._chance.randrange(1, 120), self._scene.frames - 1)
        for frame, key in ((first, 'Shift+BracketLeft'), (last, 'Shift+BracketRight')):
            self.hands.go_to(frame, self._scene.frames)
            self.hands.press(key)
        marked = {'range': [first, last], 'marked': True}
        self.hands.wait(lambda: self.hands.state().items() >= marked.items())
        verdict = self._chance.choice((Verdict.ACCEPTED,) * 4 + (Verdict.REJECTED, Verdict.NONE))
        after, count = self._judged(verdict, first, last)
        key, did = _DID[verdict]
        text = f' frames from {first} to {last} {did}.'
        told_before = len(self.hands.told())
        made = self._change(
            after,
            lambda: self.hands.press(f'Shift+Key{key.upper()}'),
            done=lambda told: any(one.endswith(text) for one in told),
            refused='have no masks to accept',
        )
        told = self.hands.told()[told_before:]
        if made != bool(count) or (made and not any(f'{count}{text}' in one for one in told)):
            self.complaints.append(f'{count}{text} was expected, and the page told {told}')

    def scrub(self) -> None:
        """Go through the recording, and look closer."""
        frames = self._scene.frames
        hold, go = self._chance.randrange(frames), self._chance.randrange(frames)
        self.hands.seek(go, frames, over=hold)
        for _ in range(self._chance.randrange(4, 25)):
            self.hands.press(self._chance.choice(('Control+ArrowRight', 'Control+Shift+ArrowLeft')))
        self.hands.press(self._chance.choice(('Home', 'End', 'v', 'v', '+', '-', '0')))
        self.hands.press('0')
        self._settled()

    def take_back(self) -> None:
        """Undo the newest change."""
        before = self.ledger.before
        if before is None or len(before.names) < 2:  # the first two instruments stay
            return
        self._change(
            before,
            lambda: self.hands.press('Control+z'),
            done=lambda told: any(_TOOK_BACK.search(one) for one in told),
            refused='nothing to take back',
            takes_back=True,
        )

    def rename(self) -> None:
        """Give an instrument another name."""
        known = self._chance.choice(self.hands.instruments())
        object_id = known['object_id']
        name = (
            f'{self._chance.choice(("driver", "grasper", "hook"))} {self._chance.randrange(10**6)}'
        )
        self.hands.press('Escape', 'Escape', str(1 + self._place_of(object_id)))
        row = self.hands.page.page.locator(f'.instrument[data-object="{object_id}"] .name-input')
        row.wait_for(state='visible')

        def type_name() -> None:
            self.hands.press('r')
            self.hands.page.keys.type(name)
            self.hands.page.keys.press('Enter')

        def shown(_told: list[str]) -> bool:
            return any(one['name'] == name for one in self.hands.instruments())

        self._change(self.ledger.state.named(object_id, name), type_name, done=shown)

    def pass_by(self) -> None:
        """Start a third instrument, or remove it."""
        instruments = self.hands.instruments()
        if len(instruments) > 2:
            object_id = instruments[2]['object_id']
            self.hands.press('Escape', 'Escape', '3')
            self._change(
                self.ledger.state.removed(object_id),
                lambda: self.hands.press('Delete'),
                done=lambda told: any('was removed from all frames' in one for one in told),
            )
            self.hands.wait(lambda: len(self.hands.instruments()) == 2)
            return
        frame = self._some_frame(lambda _: True)
        self.hands.go_to(frame, self._scene.frames)
        truth = self._scene.truth(frame, 1)
        if truth is not None:
            self._prompt(3, box=around(truth))

    def export(self) -> None:
        """Write the accepted frames as a data set, and wait for it."""
        told_before = len(self.hands.told())
        self.exporting = True
        self.hands.press('Shift+KeyE')

        def end() -> str | None:
            told = self.hands.told()[told_before:]
            return next((one for one in told if 'Written to' in one or 'export' in one), None)

        sentence = self.hands.wait(end, 600.0)
        written = re.search(r': (\d+) frames? in \d+ video', sentence)
        if written is None:
            self.complaints.append(f'the export was refused: {sentence}')
        else:
            self.exported = int(written[1])
        self.exporting = False

    # How ------------------------------------------------------------------------------------------

    def _prompt(self, number: int, *, box: tuple | None = None, click: tuple | None = None) -> None:
        """Draw a box, or click (x, y, whether on the object), for an instrument of the list."""
        hands, frame = self.hands, self.hands.frame()
        known = hands.instruments()
        hands.press('Escape', 'Escape', str(number) if number <= len(known) else 'n')
        object_id = known[number - 1]['object_id'] if number <= len(known) else NEW
        chosen = None if object_id == NEW else object_id
        hands.wait(lambda: hands.ask('() => operatorPage.board.selected') == chosen)
        if box is not None:
            hands.page.drag(box[:2], box[2:])
        else:
            hands.page.click(*click[:2], button='left' if click[2] else 'right')
        hands.wait(lambda: hands.ask('() => operatorPage.board.draft.isPending'))
        self.look()
        serial = hands.ask('() => operatorPage.board.picture.serial')
        sent = '() => !operatorPage.board.sending && operatorPage.board.draft.isEmpty'
        made = self._change(
            self.ledger.state.prompted(frame, object_id),
            lambda: hands.press('Enter'),
            done=lambda _: hands.ask(sent),
            refused=r'selects nothing|is locked|no longer there',
            after=lambda: self.ledger.state.prompted(
                frame, hands.ask('() => operatorPage.board.selected')
            ),
            frame=frame,
        )
        self.counted['prompts' if made else 'prompts refused'] += 1
        if made:  # the picture with the new mask
            hands.wait(lambda: hands.ask('() => operatorPage.board.picture.serial') > serial)
        else:
            hands.press('Escape', 'Escape')
        self.look()

    def _carry(self, step: int) -> None:
        """Carry the masks on for some seconds, or as far as it goes; meanwhile maybe scrub."""
        hands, start = self.hands, self.hands.frame()
        self.look()
        verdicts, frames = self.ledger.state.verdicts, self._scene.frames
        end = start + step
        while 0 <= end < frames and verdicts[end] != Verdict.ACCEPTED:
            end += step
        self._way = range(start + step, end, step)
        self.ledger.forget(self._way)
        told_before = len(hands.told())
        hands.press('Shift+KeyP' if step > 0 else 'Shift+KeyB')

        soon_s = time.monotonic() + 3.0  # a short way may have been gone before anybody looks

        def began() -> bool:
            told = hands.told()[told_before:]
            refused = any('nothing to do' in one or 'no masks to carry' in one for one in told)
            return bool(hands.state()['work']) or refused or time.monotonic() > soon_s

        hands.wait(began)
        until_s = time.monotonic() + self._chance.uniform(*_CARRY_S)
        scrubs = self._chance.random() < 0.3
        while time.monotonic() < until_s and hands.state()['work']:
            hands.go_on()
            if scrubs and time.monotonic() > until_s - 3.0:
                self.look()
                self._scrubbed, scrubs = True, False
                hands.seek(self._chance.randrange(frames), frames)
            self.look()
            time.sleep(0.2)
        hands.press('Shift+KeyS')
        hands.wait(lambda: not hands.state()['work'])
        self.look()
        self._way, self._scrubbed = None, False
        self._settled()
        self.counted['carried'] += 1

    def _change(
        self,
        under_way: State,
        act: Callable[[], None],
        *,
        done: Callable[[list[str]], bool],
        refused: str = '^$',
        after: Callable[[], State | None] = lambda: None,
        frame: int | None = None,
        takes_back: bool = False,
    ) -> bool:
        """Have a change made, and note what came of it; returns whether it was made."""
        told_before = len(self.hands.told())

        def answered() -> str:
            told = self.hands.told()[told_before:]
            if done(told):
                return 'done'
            return 'refused' if any(re.search(refused, one) for one in told) else ''

        self.ledger.begin(under_way, frame=frame, takes_back=takes_back)
        self._answered, self._after = answered, after
        act()
        made = self.hands.wait(answered) == 'done'
        self._changed_at_s = time.monotonic()
        if made:
            self.ledger.acknowledge(after())
        else:
            self.ledger.refuse()
        return made

    def _judged(self, verdict: Verdict, first: int, last: int) -> tuple[State, int]:
        """Return what a verdict leads to, and for how many frames."""
        frames = np.arange(first, last + 1)
        if verdict == Verdict.ACCEPTED:
            instances = [one['instance'] for one in self.hands.instruments()]
            tracked = frames_with_masks(self._work, frames, instances)
            sound = tracked[self.ledger.state.verdicts[tracked] != Verdict.REJECTED]
            frames = sound if len(sound) else tracked
        return self.ledger.state.judged(frames, verdict), len(frames)

    def _settled(self) -> None:
        """Wait until the picture is that of the frame that the time line is at."""
        hands = self.hands
        hands.wait(lambda: hands.frame() == hands.state()['position'])

    def _some_frame(self, fits: Callable[[int], bool]) -> int:
        """Return a random frame that shows an instrument."""
        frame = 0
        for _ in range(100):
            frame = self._chance.randrange(self._scene.frames)
            if fits(frame) and self._scene.truth(frame, 1) is not None:
                break
        return frame

    def _tracked_frame(self) -> int | None:
        """Return a random frame that was shown with masks."""
        known = [frame for frame, seen in self.ledger.seen.items() if seen.digest]
        return self._chance.choice(known) if known else None

    def _place_of(self, object_id: str) -> int:
        return [one['object_id'] for one in self.hands.instruments()].index(object_id)


_TOOK_BACK = re.compile(r'Took back|is back\.|are no longer')
