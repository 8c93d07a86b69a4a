# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 detect`: find instruments without a prompt in single images, shown or measured."""

from surgsam2_ros.commands.detect.command import add_parser

__all__ = ['add_parser']
