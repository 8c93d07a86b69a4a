# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Agreement of tracks with a truth, latencies, and summaries of both."""

from surgsam2_ros.evaluation.boundary import boundary_f_measure
from surgsam2_ros.evaluation.overlap import (
    intersection_over_union,
    label_overlaps,
    match_objects,
)
from surgsam2_ros.evaluation.summary import ObjectRecord, percentiles, summarise

__all__ = [
    'ObjectRecord',
    'boundary_f_measure',
    'intersection_over_union',
    'label_overlaps',
    'match_objects',
    'percentiles',
    'summarise',
]
