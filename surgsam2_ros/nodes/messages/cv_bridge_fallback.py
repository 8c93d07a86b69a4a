# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Images in unusual encodings by way of ROS's cv_bridge, used only where it proves to be sound.

A cv_bridge built for another NumPy ends the process, and the port of ROS 1's that PyPI offers reads
16-bit images wrongly. So a process of its own tries the one that is installed, when it is needed.
"""

from __future__ import annotations

import array
import importlib.util
import os
import subprocess
import sys
from functools import cache

import numpy as np
from sensor_msgs.msg import Image

from surgsam2_ros.sources.image_encodings import EncodingError

_CHECK_TIMEOUT_S = 30.0


def convert_with_cv_bridge(message: Image) -> np.ndarray | None:
    """Return uint8 [H, W, 3] RGB, or None where there is no sound cv_bridge.

    Raises:
        EncodingError: cv_bridge cannot convert the message either.
    """
    if not has_sound_cv_bridge():
        return None
    from cv_bridge import CvBridge

    try:
        rgb = np.ascontiguousarray(CvBridge().imgmsg_to_cv2(message, 'rgb8'))
    except Exception as error:  # cv_bridge raises KeyError, TypeError, CvBridgeError, cv2.error, …
        raise EncodingError(
            f'image encoding {message.encoding!r} could not be converted by cv_bridge either: '
            f'{error}; publish rgb8 or bgr8'
        ) from error
    if rgb.dtype != np.uint8 or rgb.shape != (message.height, message.width, 3):
        raise EncodingError(
            f'cv_bridge made {rgb.dtype} {list(rgb.shape)} of a {message.width}x{message.height} '
            f'image in {message.encoding!r}; publish rgb8 or bgr8'
        )
    return rgb


@cache
def has_sound_cv_bridge() -> bool:
    """Whether cv_bridge is installed and converts known images rightly; found out once."""
    if importlib.util.find_spec('cv_bridge') is None:
        return False
    environment = os.environ | {'PYTHONPATH': os.pathsep.join(path for path in sys.path if path)}
    try:
        check = subprocess.run(
            [sys.executable, '-m', __name__],
            env=environment,
            capture_output=True,
            timeout=_CHECK_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return check.returncode == 0


def check_cv_bridge() -> None:
    """Convert known images and compare with what must come out.

    Raises:
        Exception: of any kind, when the installed cv_bridge is not sound.
    """
    from cv_bridge import CvBridge

    bridge = CvBridge()
    colour = np.array([[[255, 0, 0], [0, 128, 64]], [[1, 2, 3], [9, 8, 7]]], np.uint8)
    packed = _image_message('bgr8', 2, 2, 6, colour[:, :, ::-1].tobytes())
    _expect_equal(bridge.imgmsg_to_cv2(packed, 'rgb8'), colour)

    depth = np.array([[0, 1, 256], [4660, 1000, 65535]], np.uint16)
    padded = np.zeros((2, 4), '<u2')
    padded[:, :3] = depth
    message = _image_message('16UC1', 2, 3, 8, padded.tobytes())
    _expect_equal(bridge.imgmsg_to_cv2(message, 'passthrough'), depth)

    back = bridge.cv2_to_imgmsg(colour, 'rgb8')
    if (back.height, back.width, back.step, back.encoding) != (2, 2, 6, 'rgb8'):
        raise ValueError('cv_bridge writes a wrong image header')
    _expect_equal(np.frombuffer(back.data, np.uint8).reshape(2, 2, 3), colour)


def _image_message(encoding: str, height: int, width: int, step: int, data: bytes) -> Image:
    return Image(
        encoding=encoding, height=height, width=width, step=step, data=array.array('B', data)
    )


def _expect_equal(converted: np.ndarray, expected: np.ndarray) -> None:
    if converted.dtype != expected.dtype or not np.array_equal(converted, expected):
        raise ValueError(f'cv_bridge gives {converted!r} instead of {expected!r}')


if __name__ == '__main__':
    check_cv_bridge()
