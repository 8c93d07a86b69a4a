# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The streaming tracker: prompts, memory bank, frame pruning, track states and results."""

from surgsam2_ros.tracking.config import MOST_INSTANCES, TrackerConfig
from surgsam2_ros.tracking.detector import Detector
from surgsam2_ros.tracking.engines import Engine, EngineError
from surgsam2_ros.tracking.look_ahead import look_ahead
from surgsam2_ros.tracking.mask_crop import MaskCrop
from surgsam2_ros.tracking.memory_bank import memories_read
from surgsam2_ros.tracking.pending_result import PendingResult
from surgsam2_ros.tracking.preprocess import PreparedFrame
from surgsam2_ros.tracking.prompts import Prompt, PromptError, UnknownObjectError
from surgsam2_ros.tracking.proposal import Proposal
from surgsam2_ros.tracking.result import FrameResult, ObjectInfo, Track
from surgsam2_ros.tracking.states import TrackState
from surgsam2_ros.tracking.tracker import StreamingTracker

__all__ = [
    'MOST_INSTANCES',
    'Detector',
    'Engine',
    'EngineError',
    'FrameResult',
    'MaskCrop',
    'ObjectInfo',
    'PendingResult',
    'PreparedFrame',
    'Prompt',
    'PromptError',
    'Proposal',
    'StreamingTracker',
    'Track',
    'TrackState',
    'TrackerConfig',
    'UnknownObjectError',
    'look_ahead',
    'memories_read',
]
