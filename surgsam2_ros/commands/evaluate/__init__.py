# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tracks or scores videos and writes the report: `surgsam2 evaluate`."""

from surgsam2_ros.commands.evaluate.command import add_parser, run

__all__ = ['add_parser', 'run']
