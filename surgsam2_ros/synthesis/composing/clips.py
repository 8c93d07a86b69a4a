# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Draws what composed clips show at random: tissue or a still, tools, their motion and light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from surgsam2_ros.synthesis.blobs import irregular_outline
from surgsam2_ros.synthesis.composing.articulated import articulated_tool
from surgsam2_ros.synthesis.composing.grounds import (
    place_ground,
    sharpened,
    with_hollows,
    without_colour,
)
from surgsam2_ros.synthesis.composing.material import Cutout, Material, view_box
from surgsam2_ros.synthesis.composing.paths import (
    crossing_paths,
    free_path,
    inserted_path,
    leaving,
    random_camera,
    random_pace,
)
from surgsam2_ros.synthesis.composing.pictures import (
    in_harsh_light,
    near_the_lamp,
    random_picture,
    write_beside,
)
from surgsam2_ros.synthesis.composing.scene import Body, ComposedScene
from surgsam2_ros.synthesis.composing.tools import Tool, bare_shaft, free_tool, lit, shafted_tool
from surgsam2_ros.synthesis.glints import random_glints

SMALLEST = 0.002  # share of the picture that an object must cover in the first frame
_TRIES = 20
UNLABELLED = 255  # label of pixels that nobody looked at
_MOST_OBJECTS = 4


def compose_clip(
    rng: np.random.Generator, frames: int, size: int, material: Material
) -> tuple[np.ndarray, np.ndarray]:
    """Compose a clip of one to four real tools over real tissue.

    Args:
        rng: source of all randomness; equal states and equal material give equal clips.
        frames: length T.
        size: side S in pixels. The scene has an aspect ratio from 1 to 1.8 and is squeezed to a
            square, as pictures are for the network.
        material: cut-outs and tissue to choose from.

    Returns:
        images uint8 [T, S, S, 3] RGB and labels uint8 [T, S, S]: 0 background, 1..4 tools, visible
        pixels only. At least one tool covers SMALLEST of the first frame.

    Raises:
        ValueError: when the material lacks cut-outs or tissue, or is too small to be seen.
    """
    if not len(material.cutouts) or not len(material.tissues):
        raise ValueError(
            f'{len(material.cutouts)} cut-outs and {len(material.tissues)} tissues are given; '
            'a clip is composed of at least one each'
        )
    for _ in range(_TRIES):
        clip = _render(rng, frames, _tissue_scene(rng, frames, size, material))
        if clip is not None:
            return clip
    raise ValueError(f'no tool is seen in the first frame of {_TRIES} clips; give larger cut-outs')


def tissue_clip(rng: np.random.Generator, frames: int, size: int, material: Material) -> np.ndarray:
    """Make a clip that shows no tool: tissue in the light, motion and dirt of composed clips.

    Half of the clips show a whole picture, black surroundings and all, the others a part of its
    view, as composed clips do.

    Args:
        rng: source of all randomness.
        frames: length T.
        size: side S in pixels.
        material: tissue to choose from; its cut-outs are drawn and left out again.

    Returns:
        images uint8 [T, S, S, 3] RGB.
    """
    if rng.random() < 0.5:
        rgb = material.tissues[int(rng.integers(len(material.tissues)))].rgb
        nothing = np.zeros(rgb.shape[:2], np.uint8)
        scene = _still_scene(rng, frames, size, rgb, nothing, (), 0)
    else:
        scene = _tissue_scene(rng, frames, size, material)
        scene = replace(scene, bodies=[body for body in scene.bodies if body.label == 0])
    lights = [scene.labels_and_light(frame)[1] for frame in range(frames)]
    images = np.stack([scene.optics.expose(light, n) for n, light in enumerate(lights)])
    write_beside(rng, images, scene.optics.view)
    return images


def moving_still(
    rng: np.random.Generator,
    frames: int,
    size: int,
    rgb: np.ndarray,
    labels: np.ndarray,
    cutouts: Sequence[Cutout] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """Make a clip of one labelled picture: the view moves over it and it moves in itself.

    Args:
        rng: source of all randomness.
        frames: length T.
        size: side S in pixels.
        rgb: uint8 [h, w, 3].
        labels: uint8 [h, w]; UNLABELLED (255) becomes background. The largest four objects are
            kept and numbered from 1 by size.
        cutouts: tools of which one may come into the picture, with the next label.

    Returns:
        images uint8 [T, S, S, 3] RGB and labels uint8 [T, S, S].

    Raises:
        ValueError: when picture and labels differ in size or no object is large enough.
    """
    if rgb.shape[:2] != labels.shape:
        raise ValueError(f'picture {rgb.shape[:2]} and labels {labels.shape} differ in size')
    adds_tool = len(cutouts) > 0 and rng.random() < 0.35
    kept = _largest(labels, _MOST_OBJECTS - adds_tool)
    for attempt in range(_TRIES):
        scene = _still_scene(rng, frames, size, rgb, kept, cutouts if adds_tool else (), attempt)
        clip = _render(rng, frames, scene)
        if clip is not None:
            return clip
    raise ValueError(f'no object covers {SMALLEST:.1%} of the picture; leave this picture out')


def _render(
    rng: np.random.Generator, frames: int, scene: ComposedScene
) -> tuple[np.ndarray, np.ndarray] | None:
    """Compose all frames, or None where the first shows no object that is large enough."""
    first = scene.labels_and_light(0)
    if np.bincount(first[0].ravel(), minlength=2)[1:].max() < SMALLEST * first[0].size:
        return None
    composed = [first, *(scene.labels_and_light(frame) for frame in range(1, frames))]
    images = np.stack([scene.optics.expose(light, n) for n, (_, light) in enumerate(composed)])
    write_beside(rng, images, scene.optics.view)
    return images, np.stack([labels for labels, _ in composed])


def _scene_shape(size: int, aspect: float) -> tuple[float, float]:
    """Height and width of a scene of that aspect ratio whose area is S x S."""
    return size / np.sqrt(aspect), size * np.sqrt(aspect)


def _tissue_scene(
    rng: np.random.Generator, frames: int, size: int, material: Material
) -> ComposedScene:
    aspect = float(rng.uniform(1.0, 1.8))
    shape = _scene_shape(size, aspect)
    grey = rng.random() < material.grey
    tissue = material.tissues[int(rng.integers(len(material.tissues)))].rgb
    tissue = np.ascontiguousarray(tissue[view_box(tissue)])
    if grey:
        tissue = without_colour(rng, tissue)
    harsh = material.hollows > 0 and rng.random() < material.hollows
    if harsh:
        tissue = with_hollows(rng, tissue)
    speckled = material.speckled > 0 and rng.random() < material.speckled
    if speckled:
        tissue = sharpened(rng, tissue)
    if rng.random() < 0.5:
        tissue = np.ascontiguousarray(tissue[:, ::-1])
    ground = place_ground(rng, frames, tissue, None, shape, zoom=rng.uniform(1.15, 2.0))
    mean = ground.rgb.reshape(-1, 3).mean(axis=0)
    bodies = _random_tools(
        rng,
        frames,
        shape,
        material.cutouts,
        mean,
        grey=grey,
        articulated=material.articulated,
        machined=material.machined,
        leaves=material.leaving,
        repeated=material.alike,
    )
    if material.pieces > 0:
        count = max(body.label for body in bodies)
        for label in 1 + np.flatnonzero(rng.random(count) < material.pieces):
            other = material.tissues[int(rng.integers(len(material.tissues)))].rgb
            piece = _piece(rng, frames, shape, other, int(label), largest=0.5, coloured=not grey)
            first = next(n for n, body in enumerate(bodies) if body.label == label)
            bodies[first] = piece  # of an articulated tool, all parts go
            bodies = [body for body in bodies if body is piece or body.label != label]
    if rng.random() < 0.12:
        bodies.append(_cover(rng, frames, shape, ground.rgb))
    scene = ComposedScene(
        (size, size),
        shape,
        random_camera(rng, frames, shape, moving=rng.random() < 0.6),
        rng.uniform(0.0, 1.0),
        ground,
        bodies,
        _random_shadow(rng, size),
        random_picture(rng, frames, size, aspect, float(mean.mean()), grey=grey, mild=False),
        rolling=rng.uniform(0.2, 0.9) if rng.random() < 0.15 else 0.0,
        shutter=rng.uniform(0.05, 0.5),
        glints=random_glints(rng, (size, size)) if rng.random() < 0.2 else None,
    )
    if harsh:
        scene = replace(scene, optics=in_harsh_light(rng, scene.optics))
    if speckled:
        optics = near_the_lamp(rng, scene.optics)
        scene = replace(scene, optics=optics, glints=random_glints(rng, (size, size)))
    return scene


def _still_scene(
    rng: np.random.Generator,
    frames: int,
    size: int,
    rgb: np.ndarray,
    labels: np.ndarray,
    cutouts: Sequence[Cutout],
    attempt: int,
) -> ComposedScene:
    aspect = float(np.clip(rgb.shape[1] / rgb.shape[0], 0.75, 1.8))
    shape = _scene_shape(size, aspect)
    zoom = rng.uniform(0.95, 1.6) if attempt < _TRIES // 2 else 1.0
    grey = rng.random() < 0.2
    if grey:
        rgb = without_colour(rng, rgb)
    ground = place_ground(rng, frames, rgb, labels, shape, zoom=zoom)
    bodies = []
    if len(cutouts):
        mean = rgb.reshape(-1, 3).mean(axis=0)
        bodies = _random_tools(rng, frames, shape, cutouts, mean, grey=grey, count=1)
        first = int(labels.max()) + 1
        bodies = [replace(body, label=first) for body in bodies]
    return ComposedScene(
        (size, size),
        shape,
        random_camera(rng, frames, shape, moving=True),
        1.0,
        ground,
        bodies,
        _random_shadow(rng, size),
        random_picture(rng, frames, size, aspect, float(rgb.mean()), grey=grey, mild=True),
        rolling=rng.uniform(0.2, 0.9) if rng.random() < 0.15 else 0.0,
        shutter=rng.uniform(0.05, 0.5),
        glints=None,
    )


def _random_tools(
    rng: np.random.Generator,
    frames: int,
    shape: tuple[float, float],
    cutouts: Sequence[Cutout],
    tissue: np.ndarray,
    *,
    grey: bool,
    count: int | None = None,
    articulated: float = 0.0,
    machined: float = 0.0,
    leaves: float = 0.14,
    repeated: float = 0.35,
) -> list[Body]:
    if count is None:
        count = int(rng.choice([1, 2, 3, 4], p=[0.28, 0.42, 0.24, 0.06]))
    alike = rng.random() < repeated
    pace = random_pace(rng)
    softness = rng.uniform(0.4, 1.2)
    side, reach = np.sqrt(shape[0] * shape[1]), 1.6 * np.hypot(*shape)
    crossing = list(crossing_paths(rng, frames, shape, pace)) if rng.random() < 0.35 else []
    bodies: list[Body] = []
    tool = None
    for label in range(1, count + 1):
        jointed = articulated > 0 and rng.random() < articulated
        if not jointed and (tool is None or not alike):
            tool = _random_tool(rng, cutouts, side, reach)
            pixels = lit(rng, tool, tissue, softness=softness, grey=grey)
        if not jointed and not tool.inserted:
            path = free_path(rng, frames, shape, pace)
        elif crossing and count > 1:
            path = crossing.pop()
        else:
            path = inserted_path(rng, frames, shape, pace * rng.uniform(0.3, 1.5))
        if rng.random() < leaves:
            path = leaving(rng, path, shape)
        if jointed:
            looks = {'tissue': tissue, 'softness': softness, 'grey': grey, 'machined': machined}
            bodies += articulated_tool(rng, path, cutouts, shape, label, **looks)
            continue
        gains = np.clip(1 + rng.normal(0, 0.03, frames), 0.8, 1.2)
        bodies.append(Body(pixels, tool.tip, path, label, gains))
    return bodies


def _random_tool(
    rng: np.random.Generator, cutouts: Sequence[Cutout], side: float, reach: float
) -> Tool:
    kind = rng.choice(3, p=[0.83, 0.1, 0.07])
    if kind == 1:
        return bare_shaft(rng, side, reach)
    cutout = cutouts[int(rng.integers(len(cutouts)))]
    if kind == 2:
        return free_tool(rng, cutout, side)
    return shafted_tool(rng, cutout, side, reach)


def _cover(
    rng: np.random.Generator, frames: int, shape: tuple[float, float], tissue: np.ndarray
) -> Body:
    """Cut a piece out of the tissue that passes before the tools."""
    return _piece(rng, frames, shape, tissue, 0, largest=0.4, coloured=False)


def _piece(
    rng: np.random.Generator,
    frames: int,
    shape: tuple[float, float],
    picture: np.ndarray,
    label: int,
    *,
    largest: float,
    coloured: bool,
) -> Body:
    """Cut an irregular piece out of a picture; its side is 0.15 to `largest` of the scene's."""
    side = round(rng.uniform(0.15, largest) * np.sqrt(shape[0] * shape[1]))
    side = min(side, *picture.shape[:2])
    row, column = (int(rng.integers(0, n - side + 1)) for n in picture.shape[:2])
    alpha = cv2.GaussianBlur(irregular_outline(rng, side), (0, 0), rng.uniform(0.7, 2))
    rgb = picture[row : row + side, column : column + side] * alpha[..., None]
    if coloured:
        rgb = np.minimum(rgb[..., rng.permutation(3)] * rng.uniform(0.5, 1.6, 3), 255)
    pixels = np.round(np.dstack([rgb, 255 * alpha])).astype(np.uint8)
    if label:  # objects are long and thin, too
        narrow = max(8, round(side * rng.uniform(0.3, 1.0)))
        pixels = cv2.resize(pixels, (side, narrow), interpolation=cv2.INTER_AREA)
    path = free_path(rng, frames, shape, random_pace(rng))
    height, width = pixels.shape[:2]
    return Body(pixels, (width / 2, height / 2), path, label, np.ones(frames))


def _random_shadow(rng: np.random.Generator, size: int) -> tuple[float, float, float, float] | None:
    if rng.random() < 0.35:
        return None
    x, y = rng.normal(0, 0.04, 2) * size
    return rng.uniform(0.1, 0.6), x, y, rng.uniform(0.01, 0.06) * size


def _largest(labels: np.ndarray, most: int) -> np.ndarray:
    """Keep the largest objects, numbered from 1 by size; the others become background."""
    areas = np.bincount(labels.ravel(), minlength=256)
    areas[[0, UNLABELLED]] = 0
    numbers = np.zeros(256, np.uint8)
    for number, value in enumerate(np.argsort(-areas, kind='stable')[:most], start=1):
        if areas[value]:
            numbers[value] = number
    return numbers[labels]
