# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Reports of evaluations, made from what a run wrote: figures, tables, pages and videos."""

from surgsam2_ros.evaluation.reports.comparison import ComparedRun, read_compared
from surgsam2_ros.evaluation.reports.report_files import write_comparison, write_reports
from surgsam2_ros.evaluation.reports.summary import summarise_run

__all__ = ['ComparedRun', 'read_compared', 'summarise_run', 'write_comparison', 'write_reports']
