# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The measures, each with its definition and source: masks, outlines, classes, identity, presence.

They take arrays and numbers alone; which frames count is decided by who calls them.
"""

from surgsam2_ros.evaluation.metrics.boundary import boundary_f_measure
from surgsam2_ros.evaluation.metrics.identity import (
    identity_counts,
    identity_scores,
    pooled_identity,
)
from surgsam2_ros.evaluation.metrics.isinet import instance_ciou, isinet_scores
from surgsam2_ros.evaluation.metrics.overlap import dice, jaccard, label_overlaps, match_objects
from surgsam2_ros.evaluation.metrics.presence import presence_scores

__all__ = [
    'boundary_f_measure',
    'dice',
    'identity_counts',
    'identity_scores',
    'instance_ciou',
    'isinet_scores',
    'jaccard',
    'label_overlaps',
    'match_objects',
    'pooled_identity',
    'presence_scores',
]
