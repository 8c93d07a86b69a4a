# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Each gesture ends in the right call of the desk, and in the right pixels on the canvas."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from console_browser import Page, wait_until
from memory_desk import POINT_RADIUS, Given, MemoryDesk

from surgsam2_ros.console.desk import Instrument
from surgsam2_ros.drawing import instance_colour
from surgsam2_ros.tracking.states import TrackState

pytestmark = pytest.mark.browser

Colour = tuple[int, int, int]


def sent(desk: MemoryDesk, count: int = 1) -> Given:
    """Return the newest prompt, as soon as the desk was given so many."""
    wait_until(lambda: len(desk.given) >= count, f'{count} prompts')
    assert len(desk.given) == count
    return desk.given[-1]


def pattern_at(x: float, y: float) -> Colour:
    """Return what the desk's picture is at a pixel, as `MemoryDesk` draws it."""
    return round(20 + 180 * x / 319), round(20 + 180 * y / 239), 0


def near(wanted: Colour, tolerance: int = 22) -> Callable[[Colour], bool]:
    return lambda seen: all(abs(a - b) <= tolerance for a, b in zip(seen, wanted, strict=True))


def tinted(instance: int, x: float, y: float) -> Callable[[Colour], bool]:
    """Tell whether a colour is the picture's with the light fill of an instrument over it."""
    part = 64 / 255
    picture, colour = pattern_at(x, y), instance_colour(instance)
    mixed = (round(a * (1 - part) + b * part) for a, b in zip(picture, colour, strict=True))
    return near(tuple(mixed), 12)


def assert_points(given: Given, *wanted: tuple[float, float, int]) -> None:
    assert given.prompt.labels == [label for _, _, label in wanted]
    assert np.allclose(given.prompt.points, [(x, y) for x, y, _ in wanted], atol=1.0)


def put_two(desk: MemoryDesk) -> None:
    """Have the desk track a block on the left and a block on the right."""
    for number, left in ((1, 30), (2, 220)):
        mask = np.zeros((240, 320), bool)
        mask[100:150, left : left + 60] = True
        name = f'tool_{number}'
        desk.put(Instrument(name, number, name, '', TrackState.TRACKED, 0.9, 1.0), mask)


def wait_for_instruments(page: Page, count: int) -> None:
    page.wait(f'operatorPage.board.picture.instruments.length === {count}')


def test_the_picture_is_not_mirrored(page):
    for x, y in ((40, 60), (280, 60), (40, 200), (280, 200)):
        page.wait_for_colour(page.place(x, y), near(pattern_at(x, y)))


def test_a_click_and_enter_start_an_instrument_there(page, desk):
    page.click(100, 120)
    page.keys.press('Enter')
    given = sent(desk)
    assert_points(given, (100, 120, 1))
    assert given.prompt.box is None
    assert given.prompt.object_id == 'instrument_1'
    x = 100 + POINT_RADIUS - 6
    page.wait_for_colour(page.place(x, 120), tinted(1, x, 120))
    page.wait_for_colour(page.place(200, 120), near(pattern_at(200, 120)))


@pytest.mark.parametrize('how', ['right', 'alt', 'tool'])
def test_what_is_not_the_object_is_told_by_right_click_alt_click_or_tool(page, desk, how):
    page.click(100, 120)
    if how == 'right':
        page.click(112, 120, button='right')
    elif how == 'alt':
        page.keys.down('Alt')
        page.click(112, 120)
        page.keys.up('Alt')
    else:
        page.keys.press('o')
        page.click(112, 120)
    page.keys.press('Enter')
    assert_points(sent(desk), (100, 120, 1), (112, 120, 0))


def test_a_drag_is_a_box(page, desk):
    page.drag((200, 180), (80, 60))  # from any corner
    page.keys.press('Enter')
    given = sent(desk)
    assert np.allclose(given.prompt.box, (80, 60, 200, 180), atol=1)
    assert given.prompt.points is None
    page.wait_for_colour(page.place(140, 120), tinted(1, 140, 120))


def test_what_is_said_over_the_picture_takes_no_click_from_it(page, desk):
    page.keys.press('+')  # so large that the picture is under all of it
    under = page.page.evaluate(
        """() => {
            const { board, toast } = operatorPage;
            for (let each = 0; each < 4; each += 1) toast(`notice ${each}`, {});
            board.hint = 'Click on the scissors, then send';
            board.onChange();
            return ['.toast', '#hint'].map((name) => {
                const box = document.querySelector(name).getBoundingClientRect();
                const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
                return [box.width > 0, document.elementFromPoint(x, y).id, x, y];
            });
        }"""
    )
    assert [place[:2] for place in under] == [[True, 'picture']] * 2
    page.mouse.click(*under[0][2:])
    page.wait('operatorPage.board.draft.now.points.length === 1')
    assert page.page.locator('.toast').count() == 4


def test_notices_step_aside_for_the_pointer(page, desk):
    page.page.evaluate("() => operatorPage.toast('something to read', {})")
    notice = page.page.locator('[data-text="something to read"]')
    box = notice.bounding_box()

    def opacity_with_pointer_at(x: float) -> float:
        """Move there once more, for a late notice of other tests may come and be shown."""
        page.mouse.move(x, box['y'] + 8)
        page.mouse.move(x, box['y'] + 10)
        page.page.wait_for_timeout(200)  # it fades
        return float(notice.evaluate('(each) => getComputedStyle(each).opacity'))

    beside, within = box['x'] - 60, box['x'] + 10
    wait_until(lambda: opacity_with_pointer_at(beside) == 1, 'the notice')
    wait_until(lambda: opacity_with_pointer_at(within) < 0.3, 'it to step aside')
    wait_until(lambda: opacity_with_pointer_at(beside) == 1, 'it to come back')


def test_a_box_that_leaves_the_picture_ends_at_its_edge(page, desk):
    page.drag((250, 200), (318, 300))
    page.keys.press('Enter')
    assert np.allclose(sent(desk).prompt.box, (250, 200, 318, 240), atol=1)


def test_brush_and_eraser_paint_a_mask(page, desk):
    page.keys.press('b')
    page.drag((80, 120), (200, 120))
    page.keys.press('e')
    page.drag((140, 90), (140, 150))
    page.keys.press('Enter')
    mask = sent(desk).prompt.mask
    assert mask.shape == (240, 320)
    assert mask[120, 90:120].all()
    assert mask[120, 160:195].all()
    assert not mask[120, 130:150].any()
    assert not mask[:100].any()
    page.wait_for_colour(page.place(100, 120), tinted(1, 100, 120))
    page.wait_for_colour(page.place(140, 120), near(pattern_at(140, 120)))


def test_the_eraser_corrects_the_mask_of_the_selected_instrument(page, desk):
    put_two(desk)
    wait_for_instruments(page, 2)
    page.keys.press('2')
    page.keys.press('e')
    page.click(225, 105)
    page.keys.press('Enter')
    given = sent(desk)
    assert given.prompt.object_id == 'tool_2'
    assert not given.prompt.mask[105, 225]
    assert given.prompt.mask[140:150, 250:280].all()
    assert not given.prompt.mask[:, :200].any()


def test_keys_select_whom_a_prompt_is_for_and_n_means_a_new_one(page, desk):
    put_two(desk)
    wait_for_instruments(page, 2)
    for number, (key, wanted) in enumerate(
        [('2', 'tool_2'), ('1', 'tool_1'), ('n', 'instrument_')], 1
    ):
        page.keys.press(key)
        page.click(150, 60)
        page.keys.press('Enter')
        assert sent(desk, number).prompt.object_id.startswith(wanted)
        page.wait('operatorPage.board.draft.isEmpty')


def test_escape_drops_what_was_drawn(page, desk):
    page.click(100, 120)
    page.keys.press('Escape')
    page.click(200, 90)
    page.keys.press('Enter')
    assert_points(sent(desk), (200, 90, 1))


def test_ctrl_z_takes_back_the_last_step_then_what_was_sent(page, desk):
    page.click(100, 120)
    page.click(150, 120)
    page.keys.press('Control+z')
    page.keys.press('Enter')
    assert_points(sent(desk), (100, 120, 1))
    page.wait('operatorPage.board.draft.isEmpty')
    page.keys.press('Control+z')
    wait_until(lambda: not desk.instruments('camera'), 'the undo')
    page.wait_for_colour(page.place(110, 120), near(pattern_at(110, 120)))


def test_a_frozen_picture_stands_still_and_is_what_prompts_hold_for(page, desk):
    page.keys.press('Space')
    page.wait('operatorPage.board.frozen')
    frozen = page.page.evaluate('operatorPage.board.picture.stamp_ns')
    serial = page.page.evaluate('operatorPage.board.picture.serial')
    wait_until(lambda: desk.wait_for_picture('camera', serial + 10, 1), 'later pictures')
    for number, x in enumerate((100, 150), 1):
        page.click(x, 120)
        page.keys.press('Enter')
        assert str(sent(desk, number).picture.stamp_ns) == frozen
        page.wait('operatorPage.board.draft.sent')
    # The second click refined the first one's instrument, in the same picture.
    assert_points(desk.given[1], (100, 120, 1), (150, 120, 1))
    page.keys.press('Space')
    page.wait(f'operatorPage.board.picture.serial > {serial + 10}')


def test_a_drawn_prompt_holds_for_the_picture_that_it_was_drawn_in(page, desk):
    page.click(100, 120)
    serial = page.page.evaluate('operatorPage.board.picture.serial')
    wait_until(lambda: desk.wait_for_picture('camera', serial + 10, 1), 'later pictures')
    page.keys.press('Enter')
    assert sent(desk).picture.serial == serial
    page.wait(f'operatorPage.board.picture.serial > {serial + 10}')


def test_a_preview_is_shown_before_anything_is_sent(page, desk):
    page.click(100, 120)
    x = 100 + POINT_RADIUS - 6
    page.wait_for_colour(page.place(x, 120), lambda seen: seen[2] > 60)  # white, laid over
    page.wait_for_text('preview 0.90')
    assert not desk.given
    assert_points(Given(None, desk.previews[-1], ''), (100, 120, 1))
    page.keys.press('Escape')
    page.wait_for_colour(page.place(x, 120), near(pattern_at(x, 120)))


def test_a_preview_that_comes_late_is_not_shown(page, desk):
    desk.preview_delay_s = 1.0
    page.click(100, 120)
    wait_until(lambda: desk.previews, 'the question')
    page.keys.press('Escape')
    page.click(220, 60)
    x = 220 + POINT_RADIUS - 6
    page.wait_for_colour(page.place(x, 60), lambda seen: seen[2] > 60)
    page.wait_for_colour(page.place(100, 120), near(pattern_at(100, 120)))
    assert len(desk.previews) == 2


def test_a_moving_hand_asks_for_few_previews(page, desk):
    desk.preview_delay_s = 1.0
    for x in range(60, 160, 10):
        page.click(x, 120)
    wait_until(lambda: desk.previews and len(desk.previews[-1].points) == 10, 'the last preview')
    assert len(desk.previews) < 10


@pytest.mark.parametrize('ratio', [1, 2])
def test_prompts_are_right_when_zoomed_and_panned(desk, open_page, ratio):
    page = open_page(device_scale_factor=ratio)
    page.mouse.move(*page.place(230, 170))
    while (zoom := page.page.evaluate('operatorPage.board.view.zoom')) < 2:
        page.mouse.wheel(0, -200)
        page.wait(f'operatorPage.board.view.zoom > {zoom}')
    # What was under the pointer still is.
    page.wait_for_colour(page.place(230, 170), near(pattern_at(230, 170), 8))
    page.drag((200, 120), (160, 100), button='middle')
    spot = page.place(180, 100)
    seen = page.shown_at(spot)
    page.mouse.click(*spot)
    page.keys.press('Enter')
    ((x, y),) = sent(desk).prompt.points
    assert near(pattern_at(x, y), 8)(seen)
    assert not near(pattern_at(180, 100), 8)(seen)


def test_views_are_overlay_outlines_labels_and_none(page, desk):
    put_two(desk)
    wait_for_instruments(page, 2)
    inside, edge = page.place(60, 125), page.place(30.5, 125)
    page.wait_for_colour(inside, tinted(1, 60, 125))
    page.keys.press('v')
    page.wait_for_colour(inside, near(pattern_at(60, 125)))
    page.wait_for_colour(edge, near(instance_colour(1), 40))
    page.keys.press('v')
    page.wait_for_colour(inside, near(instance_colour(1), 2))
    page.wait_for_colour(page.place(150, 200), near((0, 0, 0), 2))
    page.keys.press('v')
    page.wait_for_colour(edge, near(pattern_at(30, 125)))


def test_everything_can_be_prompted_by_keys_alone(page, desk):
    page.keys.press('ArrowRight')
    for _ in range(5):
        page.keys.press('Shift+ArrowRight')  # by one pixel
    x, y = page.page.evaluate('[operatorPage.board.painter.crosshair].map((c) => [c.x, c.y])[0]')
    page.keys.press('.')
    page.keys.press('Shift+ArrowDown')
    page.keys.press(',')
    page.keys.press('Enter')
    assert_points(sent(desk), (x, y, 1), (x, y + 1, 0))
    page.wait('operatorPage.board.draft.isEmpty')
    page.keys.press('c')
    for _ in range(10):
        page.keys.press('Shift+ArrowRight')
        page.keys.press('Shift+ArrowDown')
    page.keys.press('c')
    page.keys.press('Enter')
    assert np.allclose(sent(desk, 2).prompt.box, (x, y + 1, x + 10, y + 11), atol=0.2)


TABLET = {'viewport': {'width': 1024, 'height': 768}, 'has_touch': True, 'is_mobile': True}


def touch(page: Page, *fingers: list[tuple[float, float]], hold_s: float = 0.0) -> None:
    """Put fingers on pixels of the picture, move each along its way, and lift them."""
    session = page.page.context.new_cdp_session(page.page)

    def send(kind: str, spots: list[tuple[float, float]]) -> None:
        points = [{'x': x, 'y': y, 'id': number} for number, (x, y) in enumerate(spots)]
        session.send('Input.dispatchTouchEvent', {'type': kind, 'touchPoints': points})

    ways = [[page.place(*spot) for spot in way] for way in fingers]
    send('touchStart', [way[0] for way in ways])
    time.sleep(hold_s)
    steps = 8
    for step in range(1, steps + 1) if len(ways[0]) > 1 else ():
        part = step / steps
        send(
            'touchMove',
            [
                (x0 + (x1 - x0) * part, y0 + (y1 - y0) * part)
                for (x0, y0), (x1, y1) in (way[:2] for way in ways)
            ],
        )
    if len(ways[0]) > 1:
        time.sleep(0.3)  # a finger that is lifted in full swing begins a fling, which eats a tap
    send('touchEnd', [])


def test_a_tap_a_long_press_and_the_button_prompt_on_a_tablet(desk, open_page):
    page = open_page(**TABLET)
    page.touchscreen.tap(*page.place(100, 120))
    page.wait('operatorPage.board.draft.now.points.length === 1')
    touch(page, [(120, 120)], hold_s=1.0)
    page.wait('operatorPage.board.draft.now.points.length === 2')
    page.page.locator('[data-command=send]').tap()
    assert_points(sent(desk), (100, 120, 1), (120, 120, 0))


def test_a_finger_drags_a_box_on_a_tablet(desk, open_page):
    page = open_page(**TABLET)
    touch(page, [(80, 60), (200, 180)])
    page.page.locator('[data-command=send]').tap()
    assert np.allclose(sent(desk).prompt.box, (80, 60, 200, 180), atol=1)


def test_two_fingers_zoom_and_prompts_stay_right_on_a_tablet(desk, open_page):
    page = open_page(**TABLET)
    touch(page, [(150, 120), (90, 90)], [(170, 130), (230, 160)])
    page.wait('operatorPage.board.view.zoom > 2')
    assert page.page.evaluate('operatorPage.board.draft.isEmpty')
    spot = page.place(120, 90)
    seen = page.shown_at(spot)
    page.touchscreen.tap(*spot)
    page.page.locator('[data-command=send]').tap()
    ((x, y),) = sent(desk).prompt.points
    assert near(pattern_at(x, y), 8)(seen)
    assert not near(pattern_at(120, 90), 8)(seen)


def test_a_click_beside_the_picture_prompts_nothing(page, desk):
    page.click(-20, 120) if page.place(-20, 120)[0] > 70 else page.click(160, -8)
    page.wait_for_text('outside the picture')
    assert page.page.evaluate('operatorPage.board.draft.isEmpty')
