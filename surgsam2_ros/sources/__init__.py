# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Frames from bags, image folders and video files, and reading and writing of bags; without ROS.

Names are imported on first use: the node takes image encodings from this room, and must run where
the bag library is not installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surgsam2_ros.sources.bag_frames import BagFrames, choose_image_topic, read_labels
    from surgsam2_ros.sources.bag_reader import BagMessage, BagReader, TopicInfo
    from surgsam2_ros.sources.bag_writer import BagWriter
    from surgsam2_ros.sources.frame_source import Frame, FrameSource, SourceError
    from surgsam2_ros.sources.image_folder import ImageFolder
    from surgsam2_ros.sources.label_png import read_label_png, write_label_png
    from surgsam2_ros.sources.message_types import UnknownTypeError, peek_header
    from surgsam2_ros.sources.opening import open_source
    from surgsam2_ros.sources.prompt_file import FilePrompt, prompts_from_labels, read_prompts
    from surgsam2_ros.sources.video_file import VideoFile

_MODULES = {
    'bag_frames': ('BagFrames', 'choose_image_topic', 'read_labels'),
    'bag_reader': ('BagMessage', 'BagReader', 'TopicInfo'),
    'bag_writer': ('BagWriter',),
    'frame_source': ('Frame', 'FrameSource', 'SourceError'),
    'image_folder': ('ImageFolder',),
    'label_png': ('read_label_png', 'write_label_png'),
    'message_types': ('UnknownTypeError', 'peek_header'),
    'opening': ('open_source',),
    'prompt_file': ('FilePrompt', 'prompts_from_labels', 'read_prompts'),
    'video_file': ('VideoFile',),
}
_ORIGIN = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    'BagFrames',
    'BagMessage',
    'BagReader',
    'BagWriter',
    'FilePrompt',
    'Frame',
    'FrameSource',
    'ImageFolder',
    'SourceError',
    'TopicInfo',
    'UnknownTypeError',
    'VideoFile',
    'choose_image_topic',
    'open_source',
    'peek_header',
    'prompts_from_labels',
    'read_label_png',
    'read_labels',
    'read_prompts',
    'write_label_png',
]


def __getattr__(name: str) -> Any:
    """Import the module of a public name when it is first asked for (PEP 562)."""
    if name not in _ORIGIN:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(f'{__name__}.{_ORIGIN[name]}'), name)
