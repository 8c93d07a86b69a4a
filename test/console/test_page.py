# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The page around the picture: instruments, what others do, what goes wrong; in a real Chromium."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from console_browser import Page, wait_until
from memory_desk import MemoryDesk

from surgsam2_ros.console.desk import Instrument
from surgsam2_ros.console.panels import Operator, Panel, Place
from surgsam2_ros.tracking.states import TrackState

pytestmark = pytest.mark.browser

SEEN: list[Operator] = []


def build_panel(operator: Operator) -> None:
    """Make a panel as a mode does."""
    from nicegui import ui

    SEEN.append(operator)
    ui.label('what the panel has')


@pytest.fixture(scope='module')
def desk_settings() -> dict[str, Any]:
    return {'rate_hz': 10, 'cameras': ('left', 'right')}


@pytest.fixture(scope='module')
def panels() -> tuple[Panel, ...]:
    return (
        Panel('Beside it', Place.SIDE, build_panel),
        Panel('Below it', Place.BELOW, build_panel),
    )


def put(desk: MemoryDesk, number: int, state: TrackState, **more: Any) -> None:
    """Have the desk track an instrument."""
    name = f'tool_{number}'
    settings = {'score': 0.9, 'presence': 1.0, 'class_name': 'grasper', **more}
    desk.put(Instrument(name, number, f'Tool {number}', state=state, **settings))


def row(page: Page, number: int) -> Any:
    """Return the row of an instrument."""
    found = page.page.locator(f'.instrument[data-object=tool_{number}]')
    found.wait_for(state='visible')
    return found


def test_states_are_told_in_words_and_each_by_a_shape_of_its_own(page, desk):
    for number, state in enumerate(TrackState, 1):
        put(desk, number, state)
    shapes = set()
    words = set()
    for number, _ in enumerate(TrackState, 1):
        words.add(row(page, number).locator('.word').inner_text())
        shapes.add(row(page, number).locator('.state svg').inner_html())
    assert words == {'New', 'Tracked', 'Out of sight', 'Lost', 'Uncertain'}
    assert len(shapes) == len(TrackState)


@pytest.mark.parametrize('state', [TrackState.UNCERTAIN, TrackState.OCCLUDED, TrackState.LOST])
def test_what_calls_for_attention_is_mended_by_one_gesture(page, desk, state):
    put(desk, 1, TrackState.TRACKED)
    put(desk, 2, state)
    assert not row(page, 1).locator('.mend').is_visible()
    page.wait('operatorPage.board.picture.instruments.length === 2')
    row(page, 2).locator('.mend').click()
    page.wait_for_text('Click on Tool 2')
    assert page.page.evaluate('operatorPage.board.frozen')
    page.click(100, 120)
    page.keys.press('Enter')
    wait_until(lambda: desk.given, 'the prompt')
    assert desk.given[0].prompt.object_id == 'tool_2'


def test_an_instrument_is_renamed_classed_locked_and_removed(page, desk):
    put(desk, 1, TrackState.TRACKED)
    row(page, 1).locator('.swatch').click()
    name = row(page, 1).locator('.name-input')
    name.fill('Left hand')
    name.press('Enter')
    wait_until(lambda: ('tool_1', {'name': 'Left hand'}) in desk.described, 'the name')
    page.wait_for_text('Left hand')
    kind = row(page, 1).locator('.class-input')
    kind.fill('bipolar forceps')  # in no list
    kind.press('Enter')
    wanted = ('tool_1', {'class_name': 'bipolar forceps'})
    wait_until(lambda: wanted in desk.described, 'the class')
    row(page, 1).locator('[data-command=lock]').click()
    wait_until(lambda: ('tool_1', {'locked': True}) in desk.described, 'the lock')
    row(page, 1).locator('[data-command=remove]').click()
    page.wait_for_text('is locked; unlock it first')
    page.wait('operatorPage.board.picture.instruments[0].locked')
    page.page.locator('#picture').focus()
    page.keys.press('l')
    wait_until(lambda: ('tool_1', {'locked': False}) in desk.described, 'unlocking')
    page.wait('!operatorPage.board.picture.instruments[0].locked')
    page.keys.press('Delete')
    wait_until(lambda: desk.removed, 'the removal')
    page.page.locator('.instrument').wait_for(state='detached')


def test_keys_that_are_typed_into_a_name_are_no_commands(page, desk):
    put(desk, 1, TrackState.TRACKED)
    page.wait('operatorPage.board.picture.instruments.length === 1')
    name = row(page, 1).locator('.name-input')
    page.keys.press('1')
    page.keys.press('r')
    page.keys.type('bev1')
    assert name.input_value() == 'bev1'
    assert page.page.evaluate('[operatorPage.board.tool, operatorPage.board.painter.mode]') == [
        'prompt',
        'overlay',
    ]
    page.keys.press('Escape')


def test_what_is_typed_stays_whatever_else_changes_on_the_page(page, desk):
    put(desk, 1, TrackState.TRACKED)
    row(page, 1).locator('.swatch').click()
    name = row(page, 1).locator('.name-input')
    name.select_text()
    for number, letter in enumerate('grasper', start=2):
        page.keys.type(letter)
        put(desk, number, TrackState.TRACKED)
        row(page, number).wait_for(state='visible')
    assert name.input_value() == 'grasper'
    name.press('Enter')
    wait_until(lambda: ('tool_1', {'name': 'grasper'}) in desk.described, 'the name')
    page.wait_for_text('grasper')
    name.fill('')
    name.press('Enter')
    page.wait_for_text('a name needs at least one letter')
    page.wait("document.querySelector('.name-input').value === 'grasper'")


def test_a_new_instrument_gets_the_chosen_class_and_an_id_by_it(page, desk):
    kind = page.page.locator('.new-instrument .class-input')
    kind.fill('scissors')
    kind.press('Enter')
    page.click(100, 120)
    page.keys.press('Enter')
    wait_until(lambda: desk.given, 'the prompt')
    prompt = desk.given[0].prompt
    assert prompt.class_name == 'scissors'
    assert prompt.object_id.startswith('scissors_')
    kind.fill('')
    kind.press('Enter')


def test_the_score_is_drawn_over_time(page, desk):
    put(desk, 1, TrackState.TRACKED, score=0.5)
    points = row(page, 1).locator('.spark polyline')
    wait_until(lambda: len(points.get_attribute('points').split()) > 5, 'some scores')
    assert row(page, 1).locator('.score').inner_text() == '0.50'
    assert points.get_attribute('points').split()[-1] == '80.0,11.0'


def test_two_operators_see_what_the_other_does_and_the_last_prompt_wins(desk, open_page):
    cookie = {'extra_http_headers': {'Cookie': 'operator=Anna'}}
    anna, other = open_page(**cookie), open_page()
    anna.click(100, 120)
    anna.keys.press('Enter')
    other.wait_for_text('Anna:')
    other.page.locator('.instrument').wait_for(state='visible')
    other.wait('operatorPage.board.picture.instruments.length === 1')
    other.keys.press('1')
    other.click(220, 60)
    other.keys.press('Enter')
    wait_until(lambda: len(desk.given) == 2, 'both prompts')
    assert desk.given[0].prompt.object_id == desk.given[1].prompt.object_id
    assert desk.given[0].author == 'Anna'
    anna.wait_for_text(f'{desk.given[1].author}:')
    anna.wait_for_colour(anna.place(232, 60), lambda seen: seen[2] > 40)  # the blue fill
    anna.wait_for_colour(anna.place(112, 120), lambda seen: seen[2] < 20)


def test_a_refusal_is_shown_as_its_sentence_and_the_drawing_stays(page, desk):
    desk.refusal = 'the node does not answer; start it again'
    page.click(100, 120)
    page.keys.press('Enter')
    page.wait_for_text('the node does not answer; start it again')
    desk.refusal = None
    page.keys.press('Enter')
    wait_until(lambda: desk.given, 'the second try')


def test_panels_are_built_where_they_belong_and_know_their_operator(page):
    assert 'Beside it' in page.page.locator('.side .panel h2').all_inner_texts()
    assert page.page.locator('.below .panel h2').all_inner_texts() == ['Below it']
    assert SEEN[0].camera() in ('left', 'right')
    SEEN[0].tell('only for you', is_problem=True)
    page.wait_for_text('only for you')


def test_another_camera_is_looked_at(page, desk):
    page.page.locator('select.camera').select_option('right')
    page.wait("operatorPage.board.picture.camera === 'right'")
    page.click(100, 120)
    page.keys.press('Enter')
    wait_until(lambda: desk.given, 'the prompt')
    assert desk.given[0].picture.camera == 'right'
    page.page.locator('select.camera').select_option('left')
    page.wait("operatorPage.board.picture.camera === 'left'")


def test_nothing_is_fetched_from_anywhere_else(page, served):
    own = urlsplit(served[1]).netloc
    assert len(page.asked) > 10
    assert {urlsplit(url).netloc for url in page.asked} <= {own, ''}


def test_light_and_dark_follow_the_system_and_can_be_switched(desk, open_page):
    page = open_page(color_scheme='light')

    def ground() -> int:
        script = "getComputedStyle(document.querySelector('.side')).backgroundColor"
        return int(page.page.evaluate(script).split('(')[1].split(',')[0])

    assert ground() > 200
    page.keys.press('d')
    wait_until(lambda: ground() < 60, 'the dark page')


def test_all_of_the_page_fits_on_a_tablet(desk, open_page):
    page = open_page(viewport={'width': 1024, 'height': 768}, has_touch=True)
    script = '[document.documentElement.scrollWidth, document.documentElement.scrollHeight]'
    assert page.page.evaluate(script) == [1024, 768]
    small = page.page.evaluate(
        "[...document.querySelectorAll('.tools button, .bar button')].filter((b) => "
        'b.offsetWidth && (b.offsetWidth < 44 || b.offsetHeight < 44)).length'
    )
    assert small == 0
