# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Agreement of tracks with a truth (`metrics`), latencies, and summaries of both."""

from surgsam2_ros.evaluation.summary import ObjectRecord, percentiles, summarise

__all__ = ['ObjectRecord', 'percentiles', 'summarise']
