# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What an operator drew, as it comes from a browser, made a prompt; nothing in it is trusted."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from surgsam2_ros.console.desk import DeskError, clean_name
from surgsam2_ros.console.runs import decode_runs
from surgsam2_ros.tracking.prompts import Prompt, PromptError, check_fit, check_shape

MOST_POINTS = 64


def prompt_from_gesture(
    gesture: dict[str, Any], object_id: str, image_size: tuple[int, int]
) -> Prompt:
    """Return the prompt that a gesture means.

    Args:
        gesture: with `points` ([[x, y, label], …] in pixels, label 1 on the object, 0 off it),
            `box` ([x0, y0, x1, y1] or None), `mask` (runs in base64, or None) and `class_name`.
        object_id: of the instrument.
        image_size: (H, W) of the picture.

    Raises:
        DeskError: when it is no prompt for a picture of this size.
    """
    try:
        points = [[float(x), float(y), int(label)] for x, y, label in gesture.get('points') or ()]
        box = [float(value) for value in gesture.get('box') or ()]
        mask = gesture.get('mask')
        if mask:
            mask = decode_runs(base64.b64decode(mask, validate=True), image_size) > 0
    except (TypeError, ValueError, OverflowError, binascii.Error) as error:
        raise DeskError(f'this gesture cannot be read ({error}); draw it again') from error
    if len(points) > MOST_POINTS:
        raise DeskError(f'{len(points)} points are too many; {MOST_POINTS} can be sent at once')
    prompt = Prompt(
        object_id,
        points=[point[:2] for point in points] or None,
        labels=[point[2] for point in points] or None,
        box=box or None,
        mask=None if mask is None or isinstance(mask, str) else mask,
        class_name=clean_name(gesture.get('class_name') or ''),
    )
    try:
        check_shape(prompt)
        check_fit(prompt, image_size)
    except PromptError as error:
        raise DeskError(str(error)) from error
    return prompt
