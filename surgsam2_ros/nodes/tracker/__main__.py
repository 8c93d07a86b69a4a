# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The executable `surgsam2_node`: runs the node until it is told to end."""

from __future__ import annotations

from typing import NoReturn

from surgsam2_ros.nodes.tracker.life.ending import ProcessEnd


def main(args: list[str] | None = None) -> NoReturn:
    """Run the node until it is told to end, and end the process."""
    ending = ProcessEnd()
    # Not before: loading the libraries takes seconds, in which a signal may come.
    from surgsam2_ros.nodes.tracker.life.joining import join

    herald = join(args)
    ending.hold()
    from surgsam2_ros.nodes.tracker.life.process import run

    run(herald, ending)


if __name__ == '__main__':
    main()
