# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The commands of `surgsam2`, which read arguments and print; the work is done in other rooms.

The module or package of a command has `add_parser(subparsers)`, which sets `run(arguments)`.
"""


class CommandError(RuntimeError):
    """A command cannot be carried out; the message says why and what to do."""
