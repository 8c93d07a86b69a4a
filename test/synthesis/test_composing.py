# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Clips composed of cut-outs and tissue: exact labels, tools from the border, seeded and varied."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from surgsam2_ros.synthesis.composing import Cutout, Material, Tissue, compose_clip, moving_still
from surgsam2_ros.synthesis.composing import clips as clips_module
from surgsam2_ros.synthesis.composing import scene as scene_module
from surgsam2_ros.synthesis.composing.clips import SMALLEST
from surgsam2_ros.synthesis.composing.cutouts import whole_tool, working_end
from surgsam2_ros.synthesis.composing.layers import lay_over
from surgsam2_ros.synthesis.composing.material import view_box
from surgsam2_ros.synthesis.composing.paths import inserted_path, leaving, random_pace, walk
from surgsam2_ros.synthesis.composing.tools import shafted_tool
from surgsam2_ros.synthesis.optics import Optics

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)


def scissors(angle: float = 30.0) -> Cutout:
    """Draw scissors at an angle: blue blades, grey legs, red finger rings."""
    rgb = np.full((400, 400, 3), 170, np.uint8)
    alpha = np.zeros((400, 400), np.uint8)
    for image, ring, leg, blade in ((rgb, RED, GREY, BLUE), (alpha, 255, 255, 255)):
        for y in (170, 230):
            cv2.ellipse(image, (70, y), (32, 24), 0, 0, 360, ring, 9)
            cv2.line(image, (100, y), (230, 200), leg, 9)
        cv2.line(image, (230, 200), (345, 200), blade, 11)
    turn = cv2.getRotationMatrix2D((200, 200), angle, 0.95)
    turned = cv2.warpAffine(rgb, turn, (400, 400), borderMode=cv2.BORDER_REPLICATE)
    return Cutout(turned, cv2.warpAffine(alpha, turn, (400, 400), flags=cv2.INTER_NEAREST))


def speckled(seed: int = 0, side: int = 200) -> Tissue:
    """Draw something that looks like tissue in colour and is not flat."""
    field = np.random.default_rng(seed).uniform(90, 200, (12, 12, 1)) * (1, 0.55, 0.5)
    return Tissue(cv2.resize(field.astype(np.uint8), (side, side), interpolation=cv2.INTER_CUBIC))


@pytest.fixture(scope='module')
def material() -> Material:
    return Material([scissors(angle) for angle in (0, 30, 100)], [speckled(), speckled(1)])


def plain_optics(size: int, frames: int, field_delay: float = 0.0) -> Optics:
    """Make a camera that changes nothing."""
    return Optics(
        falloff=np.ones((size, size), np.float32),
        view=None,
        exposure=np.ones(frames),
        white_balance=np.ones(3, np.float32),
        saturation=1.0,
        tone=np.arange(256, dtype=np.uint8),
        blur=0.0,
        shake=np.zeros((frames, 2)),
        grain=0.0,
        grain_softness=0.0,
        grain_offsets=np.zeros((frames, 2), int),
        field_delay=field_delay,
    )


@pytest.fixture
def in_flat_colours(monkeypatch):
    """Let tools be green whatever they are, and the camera change nothing; takes a field delay."""

    def green(rng, tool, tissue, **settings):
        pixels = np.zeros((*tool.alpha.shape, 4), np.uint8)
        pixels[..., 1] = pixels[..., 3] = tool.alpha
        return cv2.GaussianBlur(pixels, (0, 0), 1.0)

    def use(field_delay: float = 0.0) -> None:
        def plain(rng, frames, size, *_, **settings):
            return plain_optics(size, frames, field_delay)

        monkeypatch.setattr(clips_module, 'lit', green)
        monkeypatch.setattr(clips_module, 'random_picture', plain)
        monkeypatch.setattr(clips_module, 'random_glints', lambda *_: None)
        monkeypatch.setattr(clips_module, '_random_shadow', lambda *_: None)
        monkeypatch.setattr(clips_module, 'without_colour', lambda rng, rgb: rgb)

    return use


@pytest.mark.parametrize(('frames', 'size'), [(1, 64), (3, 96), (2, 160)])
def test_clip_has_the_promised_shapes_and_types(material, frames, size):
    images, labels = compose_clip(np.random.default_rng(0), frames, size, material)
    assert images.shape == (frames, size, size, 3)
    assert labels.shape == (frames, size, size)
    assert images.dtype == labels.dtype == np.uint8


def test_equal_generator_states_give_equal_clips(material):
    first = compose_clip(np.random.default_rng(7), 3, 96, material)
    np.random.seed(5)  # another state of the global generator, which must not matter
    second = compose_clip(np.random.default_rng(7), 3, 96, material)
    other = compose_clip(np.random.default_rng(8), 3, 96, material)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert not np.array_equal(first[0], other[0])


def test_pieces_of_tissue_take_the_place_of_tools():
    red = Tissue(np.full((200, 200, 3), (150, 20, 20), np.uint8))
    material = Material([scissors()], [red], pieces=1.0)
    coloured = []
    for seed in range(12):
        scene = clips_module._tissue_scene(np.random.default_rng(seed), 2, 96, material)
        bodies = [body for body in scene.bodies if body.label]
        assert [body.label for body in bodies] == list(range(1, len(bodies) + 1))
        for body in bodies:
            solid = body.pixels[..., 3] > 127
            assert 0.1 < solid.mean() < 0.95  # irregular, unlike a rectangle or a shaft
            coloured.append(body.pixels[solid][:, :3].mean(axis=0).argmax())
    assert len(set(coloured)) == 3


def test_material_is_not_changed(material):
    before = [cutout.rgb.copy() for cutout in material.cutouts], material.tissues[0].rgb.copy()
    for seed in range(4):
        compose_clip(np.random.default_rng(seed), 2, 64, material)
    assert all(np.array_equal(a.rgb, b) for a, b in zip(material.cutouts, before[0], strict=True))
    assert np.array_equal(material.tissues[0].rgb, before[1])


def test_every_clip_starts_with_a_visible_object_and_has_one_to_four(material):
    counts = set()
    for seed in range(40):
        _, labels = compose_clip(np.random.default_rng(seed), 2, 64, material)
        areas = np.bincount(labels[0].ravel(), minlength=5)
        assert areas[1:].max() >= SMALLEST * labels[0].size
        assert labels.max() <= 4
        counts.add(int((areas[1:] > 0).sum()))
    assert {1, 2, 3} <= counts


@pytest.mark.parametrize('field_delay', [0.0, 0.5])
def test_labels_lie_exactly_on_the_pixels_of_tools(in_flat_colours, field_delay):
    in_flat_colours(field_delay)
    material = Material([scissors()], [Tissue(np.full((90, 90, 3), RED, np.uint8))])
    for seed in range(12):
        images, labels = compose_clip(np.random.default_rng(seed), 3, 128, material)
        green = images[..., 1].astype(int)
        sure = np.abs(green - 127) > 16  # brightness varies a little from frame to frame
        assert sure.mean() > 0.9
        differs = (labels > 0)[sure] != (green > 127)[sure]
        assert differs.mean() < 0.0005  # where the soft edges of two things mix


@pytest.mark.parametrize('smear', [(0.0, 0.0), (7.0, 3.0)])
def test_pixel_is_labelled_when_a_tool_covers_more_than_half_of_it(smear):
    image, labels = np.zeros((80, 80, 3), np.float32), np.zeros((80, 80), np.uint8)
    pixels = np.full((20, 60, 4), 255, np.uint8)
    matrix = np.array([[0.8, -0.6, 20.3], [0.6, 0.8, 9.6]])
    lay_over(image, labels, pixels, matrix, 3, smear=smear)
    assert np.array_equal(labels == 3, image[..., 1] > 127)
    assert 0.9 < (labels == 3).sum() / (20 * 60) < 1.1
    lay_over(image, labels, pixels, np.array([[1.0, 0, 500], [0, 1, 500]]), 4)
    assert 4 not in labels


def test_look_alikes_share_their_picture_and_all_are_labelled(material, monkeypatch):
    seen = []

    def spy(image, labels, pixels, matrix, label, *rest):
        seen.append((label, id(pixels)))
        lay_over(image, labels, pixels, matrix, label, *rest)

    monkeypatch.setattr(scene_module, 'lay_over', spy)
    alike = 0
    for seed in range(30):
        seen.clear()
        compose_clip(np.random.default_rng(seed), 1, 64, material)
        tools = {label: pixels for label, pixels in seen if label}
        assert sorted(tools) == list(range(1, len(tools) + 1))
        alike += len(set(tools.values())) < len(tools)
    assert alike >= 3


def test_tools_with_shafts_come_in_from_the_border(material, in_flat_colours, monkeypatch):
    in_flat_colours()
    monkeypatch.setattr(
        clips_module,
        '_random_tool',
        lambda rng, cutouts, side, reach: shafted_tool(rng, cutouts[0], side, reach),
    )
    seen = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        scene = clips_module._tissue_scene(rng, 1, 96, material)
        nearest = scene.bodies[-1].label  # nothing lies before it; 0 is a piece of tissue
        mask = scene.labels_and_light(0)[0] == nearest
        if nearest == 0 or mask.sum() < 20:
            continue
        seen += 1
        count, pieces = cv2.connectedComponents(mask.astype(np.uint8))
        largest = pieces == 1 + np.bincount(pieces.ravel(), minlength=count)[1:].argmax()
        inside = largest.copy()
        inside[1:-1, 1:-1] = False
        assert inside.any(), f'seed {seed}: the tool floats'
    assert seen > 25


@pytest.mark.parametrize('angle', [0, 30, 100, 200, 290])
def test_working_end_has_no_finger_rings(angle):
    tool = working_end(np.random.default_rng(0), scissors(angle), neck=12, longest=150)
    shown = tool.rgb[tool.alpha > 200].astype(int)
    assert (shown[:, 0] - shown[:, 2] > 100).mean() < 0.01  # red: rings
    assert (shown[:, 2] - shown[:, 0] > 100).mean() > 0.4  # blue: blades
    right = tool.rgb[:, -25:][tool.alpha[:, -25:] > 200].astype(int)
    assert (right[:, 2] - right[:, 0] > 100).mean() > 0.9
    tree = cv2.findContours(tool.alpha, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)[1]
    assert (tree[0, :, 3] < 0).all()


def test_working_end_keeps_to_the_neck_and_length_asked_for():
    rng = np.random.default_rng(0)
    for _ in range(10):
        tool = working_end(rng, scissors(), neck=10, longest=80)
        assert tool.alpha.shape[1] <= 80 + 6
        assert tool.neck <= 10.5


def test_whole_tool_has_the_length_asked_for_and_keeps_its_rings():
    tool = whole_tool(scissors(), 120)
    assert abs(np.ptp(np.nonzero(tool.alpha.any(axis=0))[0]) - 120) <= 4
    assert len(cv2.findContours(tool.alpha, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)[0]) >= 3


def test_cutout_of_a_few_pixels_is_refused():
    alpha = np.zeros((20, 20), np.uint8)
    alpha[3, 3:8] = 255
    with pytest.raises(ValueError, match='5 pixels is too small'):
        whole_tool(Cutout(np.zeros((20, 20, 3), np.uint8), alpha), 50)


def test_shafts_are_3_to_16_percent_of_the_side_wide_near_the_tool():
    widths = []
    for seed in range(60):
        tool = shafted_tool(np.random.default_rng(seed), scissors(), 256, 420)
        column = tool.alpha[:, int(tool.tip[0]) - 200]
        widths.append((column > 127).sum() / 256)
    assert 0.02 < min(widths) < 0.05
    assert 0.1 < max(widths) < 0.25  # wider where it is nearer to the camera


def test_tools_leave_and_return():
    returned = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        path = inserted_path(rng, 16, (200, 300), pace=0.003)
        left = leaving(rng, path, (200, 300))
        assert np.allclose(left.tip[0], path.tip[0], atol=250)
        inside = ((left.tip > 0) & (left.tip < (300, 200))).all(axis=1)
        assert not inside.all()
        returned += bool(inside[0] and inside[-1])
    assert returned > 5


def test_motion_reaches_from_nearly_still_to_large_jumps():
    rng = np.random.default_rng(0)
    paces = np.array([random_pace(rng) for _ in range(400)])
    assert (paces < 0.002).mean() > 0.05
    assert (paces > 0.1).mean() > 0.05
    steps = np.abs(np.diff(walk(rng, 2000, 0.05)))
    assert 0.02 < steps.mean() < 0.08


def test_view_box_lies_inside_a_round_view():
    picture = np.zeros((200, 300, 3), np.uint8)
    cv2.circle(picture, (140, 100), 90, (180, 90, 80), -1)
    rows, columns = view_box(picture)
    assert (picture[rows, columns, 0] > 30).mean() > 0.97
    assert (rows.stop - rows.start) * (columns.stop - columns.start) > 0.45 * np.pi * 90**2


@pytest.mark.parametrize('colour', [(180, 90, 80), (0, 0, 0)])
def test_view_box_of_a_picture_without_frame_is_all_of_it(colour):
    picture = np.full((60, 80, 3), colour, np.uint8)
    assert picture[view_box(picture)].shape[:2] == (60, 80)


def labelled_squares() -> tuple[np.ndarray, np.ndarray]:
    """Draw a picture of six squares; one is unlabelled (255)."""
    rgb, labels = speckled(2, 240).rgb.copy(), np.zeros((240, 240), np.uint8)
    for number, side in enumerate((20, 26, 32, 38, 44, 50)):
        row, column = 20 + 110 * (number // 3), 12 + 76 * (number % 3)
        labels[row : row + side, column : column + side] = (7, 9, 3, 200, 255, 5)[number]
        rgb[row : row + side, column : column + side] = 40 * number
    return rgb, labels


def test_moving_still_keeps_the_largest_four_numbered_by_size():
    rgb, labels = labelled_squares()
    found = set()
    for seed in range(10):
        images, moved = moving_still(np.random.default_rng(seed), 3, 96, rgb, labels)
        assert images.shape == (3, 96, 96, 3)
        assert moved.shape == (3, 96, 96)
        found |= set(np.unique(moved))
        areas = np.bincount(moved[0].ravel(), minlength=5)
        if areas[1:5].all() and areas[1] > 500:
            assert areas[1] > areas[4]
    assert found == {0, 1, 2, 3, 4}  # neither the smallest nor the unlabelled one


def test_moving_still_may_get_a_tool_with_the_next_label():
    rgb, labels = speckled(2).rgb, np.zeros((200, 200), np.uint8)
    labels[60:140, 60:140] = 4
    found = [
        set(np.unique(moving_still(np.random.default_rng(s), 2, 64, rgb, labels, [scissors()])[1]))
        for s in range(30)
    ]
    assert {0, 1, 2} in found
    assert {0, 1} in found
    assert set.union(*found) == {0, 1, 2}


def test_pictures_are_squeezed_to_a_square():
    rgb, labels = np.full((150, 240, 3), 120, np.uint8), np.zeros((150, 240), np.uint8)
    cv2.circle(labels, (120, 75), 35, 1, -1)
    ratios = []
    for seed in range(12):
        moved = moving_still(np.random.default_rng(seed), 1, 128, rgb, labels)[1][0]
        rows, columns = np.nonzero(moved)
        if min(rows.min(), columns.min()) > 0 and max(rows.max(), columns.max()) < 127:
            ratios.append((np.ptp(rows) + 1) / (np.ptp(columns) + 1))
    assert len(ratios) >= 4
    assert abs(np.median(ratios) - 240 / 150) < 0.2


def test_what_cannot_be_composed_is_refused_with_a_reason(material):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match='0 cut-outs and 2 tissues are given'):
        compose_clip(rng, 2, 64, Material([], material.tissues))
    with pytest.raises(ValueError, match='differ in size'):
        moving_still(rng, 2, 64, np.zeros((10, 10, 3), np.uint8), np.zeros((10, 12), np.uint8))
    with pytest.raises(ValueError, match='no object covers'):
        moving_still(rng, 2, 64, np.zeros((90, 90, 3), np.uint8), np.zeros((90, 90), np.uint8))


def test_tool_that_has_a_shaft_keeps_it():
    rgb, alpha = np.full((120, 300, 3), GREY, np.uint8), np.zeros((120, 300), np.uint8)
    cv2.rectangle(alpha, (0, 40), (200, 80), 255, -1)
    cv2.fillPoly(alpha, [np.array([[200, 40], [280, 60], [200, 80]])], 255)
    rgb[40:81, :201] = RED
    rgb[40:81, 201:] = BLUE
    tool = shafted_tool(np.random.default_rng(0), Cutout(rgb, alpha, has_shaft=True), 256, 400)
    shown = tool.rgb[round(tool.tip[1]), : int(tool.tip[0]) - 10].astype(int)
    assert (tool.alpha[round(tool.tip[1]), : len(shown)] > 200).all()
    assert (shown[: len(shown) // 2, 0] > 100).all()  # red as in the picture, and on to the left
    assert (shown[-10:, 2] > 100).all()
