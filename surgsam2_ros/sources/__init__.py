# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Frames from bags, image folders and video files, and reading and writing of bags; without ROS."""

from surgsam2_ros.sources.bag_frames import BagFrames, choose_image_topic, read_labels
from surgsam2_ros.sources.bag_reader import BagMessage, BagReader, TopicInfo
from surgsam2_ros.sources.bag_writer import BagWriter
from surgsam2_ros.sources.frame_source import Frame, FrameSource, SourceError, open_source
from surgsam2_ros.sources.image_folder import ImageFolder
from surgsam2_ros.sources.label_png import read_label_png, write_label_png
from surgsam2_ros.sources.message_types import UnknownTypeError, peek_header
from surgsam2_ros.sources.prompt_file import FilePrompt, prompts_from_labels, read_prompts
from surgsam2_ros.sources.video_file import VideoFile

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
