# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Has an operator label while the console lives, is killed, and lives again."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from console_browser import chromium

from label_hour.hands import Hands, ServerGoneError
from label_hour.ledger import Checked, lost_masks
from label_hour.operator import Operator
from label_hour.recording import Scene
from label_hour.samples import Life, Sampler
from label_hour.server import Server, lives_s
from label_hour.work_folder import Found, exported_frames, opened_copy

_LEAST_REST_S = 20.0
_SHOWN_WITHIN_S = 2.0
"""After a change the page's counts may be those before it for so long [s]."""


@dataclass
class Hour:
    """What a run came to.

    Attributes:
        lives: of the console.
        checked: of each kill.
        counted: what the operator did, by its name.
        spent_s: how long it took, by the same names [s].
        acknowledged: changes that the page had acknowledged.
        tracked: frames with masks at the end.
        complaints: sentences about what the page said that does not fit, and errors of its scripts.
        duration_s: from the first page to the last kill [s].
    """

    lives: list[Life]
    checked: list[Checked] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)
    spent_s: dict[str, float] = field(default_factory=dict)
    acknowledged: int = 0
    tracked: int = 0
    complaints: list[str] = field(default_factory=list)
    duration_s: float = 0.0


def run_hour(
    folder: Path,
    minutes: float,
    frames: int,
    seed: int,
    *,
    tell: Callable[[str], None],
    on_life: Callable[[Hour], None],
) -> None:
    """Label for so many minutes.

    Args:
        folder: empty; gets the bag, its labels and the logs.
        minutes: of labelling.
        frames: of the bag.
        seed: of the kills, and of what the operator does.
        tell: is told how it goes.
        on_life: is given after each life what the run has come to.
    """
    bag = folder / 'recording.mcap'
    work = folder / 'recording.mcap.labels'
    tell(f'writing {frames} frames')
    scene = Scene(frames)
    scene.write(bag)
    lasts_s = lives_s(60 * minutes, seed)
    server = Server(bag, folder)
    start_s = server.start(lasts_s[0])
    began_s = time.monotonic()
    with contextlib.ExitStack() as stack:
        stack.callback(server.kill)
        sampler = stack.enter_context(contextlib.closing(Sampler(server, work, began_s)))
        hour = Hour(sampler.lives)
        browser = stack.enter_context(chromium())
        sampler.lives.append(Life(start_s))
        hands = Hands(browser, server)
        operator = Operator(hands, scene, work, seed)
        found: Found | None = None
        told = 0
        while lasts_s:
            life_s = lasts_s.pop(0)
            if found is not None:
                sampler.lives.append(Life(server.start(life_s)))
                hands.come_back()
                hour.complaints += _page_differs(operator, found)
            rest_s, trouble = _live(operator, server, folder, life_s)
            hour.complaints += trouble
            if rest_s > _LEAST_REST_S:
                lasts_s.insert(0, rest_s)
            sampler.lives[-1].ended_s = server.killed_s - began_s
            with opened_copy(work, folder / 'copy') as found:
                hour.checked.append(_check(operator, found, work, everything=not lasts_s))
            tell(_sentence(server, found, hour.checked[-1], operator))
            hour.duration_s = server.killed_s - began_s
            hour.counted, hour.spent_s = dict(operator.counted), dict(operator.spent_s)
            hour.acknowledged, hour.tracked = operator.ledger.done, found.tracked
            hour.complaints += _taken(operator.complaints) + _taken(hands.errors)
            for sentence in hour.complaints[told:]:
                tell(f'  TROUBLE: {sentence}')
            told = len(hour.complaints)
            on_life(hour)


def _live(
    operator: Operator, server: Server, folder: Path, life_s: float
) -> tuple[float, list[str]]:
    """Work until the console is killed; returns what is left of its life [s], and troubles.

    When a page does not do what it should while a change is under way, that ends the life too, for
    who knows what it has sent.
    """
    trouble: list[str] = []
    with contextlib.suppress(ServerGoneError):
        while _goes_on(operator, server, folder, trouble):
            pass
    server.kill()
    operator.console_is_gone()
    return server.began_s + life_s - server.killed_s, trouble


def _goes_on(operator: Operator, server: Server, folder: Path, trouble: list[str]) -> bool:
    """Have one thing done; what does not work out is told and photographed."""
    from playwright.sync_api import Error

    try:
        operator.work()
    except (AssertionError, Error) as error:
        if server.gone.is_set() and isinstance(error, Error):
            return False
        name = f'trouble_{server.lives:02d}_{len(trouble)}'
        operator.hands.page.page.screenshot(path=folder / f'{name}.png')
        (folder / f'{name}.txt').write_text(traceback.format_exc(), 'utf-8')
        trouble.append(f'{type(error).__name__} in life {server.lives}: {error}')
        return _starts_afresh(operator)
    return True


def _starts_afresh(operator: Operator) -> bool:
    from playwright.sync_api import Error

    try:
        return operator.start_afresh()
    except (AssertionError, Error):
        return False


def _check(operator: Operator, found: Found, work: Path, *, everything: bool) -> Checked:
    """Compare what a killed console left with what its page had acknowledged.

    Masks are compared where the page showed them in this life; at the end, everywhere.
    """
    ledger = operator.ledger
    counts_hold = ledger.under_way is None and operator.still_for_s > _SHOWN_WITHIN_S
    losses = ledger.settle(found.state)
    seen = ledger.seen
    if not everything:
        seen = {frame: shown for frame, shown in seen.items() if frame in ledger.fresh}
    ledger.fresh.clear()
    losses += lost_masks(seen, found.masks)
    losses += [sentence for sentence in found.told if 'damaged' in sentence]
    said = operator.hands.state()['tracked']
    if counts_hold and found.tracked < said:
        losses.append(f'{found.tracked} frames have masks; the page said {said}')
    exported = exported_frames(work)
    if exported != operator.exported and not (operator.exporting and (exported or 0) > 0):
        losses.append(f'the data set has {exported} frames; the page said {operator.exported}')
    if operator.exporting and exported:
        operator.exported = exported
    operator.exporting = False
    prompts = len(found.state.prompts)
    verdicts = int((found.state.verdicts > 0).sum())
    return Checked(prompts, verdicts, len(found.state.names), len(seen), losses)


def _taken(sentences: list[str]) -> list[str]:
    taken = list(sentences)
    sentences.clear()
    return taken


def _page_differs(operator: Operator, found: Found) -> list[str]:
    """Return sentences about what the page of the new console shows otherwise."""
    hands, state = operator.hands, found.state
    shown = hands.wait(hands.state)
    names = {one['object_id']: one['name'] for one in hands.instruments()}
    expected = {
        'accepted': int((state.verdicts == 1).sum()),
        'rejected': int((state.verdicts == 2).sum()),
        'tracked': found.tracked,
    }
    said = {name: shown[name] for name in expected}
    sentences = []
    if said != expected:
        sentences.append(f'after a start the page shows {said} instead of {expected}')
    if names != state.names:
        sentences.append(f'after a start the names are {names} instead of {state.names}')
    return sentences


def _sentence(server: Server, found: Found, checked: Checked, operator: Operator) -> str:
    lost = '; '.join(checked.losses) or 'nothing lost'
    lasted_s = server.killed_s - server.began_s
    return (
        f'life {server.lives}, {lasted_s:.0f} s: {found.tracked} frames with masks, '
        f'{checked.verdicts} judged, {checked.prompts} prompts, {checked.masks} masks compared, '
        f'{operator.ledger.done} changes acknowledged: {lost}'
    )
