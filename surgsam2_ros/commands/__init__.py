# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The commands of `surgsam2`: each module has `add_parser(subparsers)` and `run(arguments)`."""


class CommandError(RuntimeError):
    """A command cannot be carried out; the message says why and what to do."""
