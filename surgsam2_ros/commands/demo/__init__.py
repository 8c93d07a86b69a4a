# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Shows the node at work: `surgsam2 demo`."""

from surgsam2_ros.commands.demo.command import add_parser, run

__all__ = ['add_parser', 'run']
