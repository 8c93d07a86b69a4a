# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Measures what a frame costs: `surgsam2 bench`."""

from surgsam2_ros.commands.bench.command import add_parser, run

__all__ = ['add_parser', 'run']
