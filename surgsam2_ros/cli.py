# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The `surgsam2` command line: finds the command, runs it and puts its errors into one line.

Commands import what they need when they run, so that help and wrong arguments answer at once.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Sequence

from surgsam2_ros import __version__
from surgsam2_ros.heap import keep_freed_memory

COMMANDS = (
    'demo',
    'track',
    'detect',
    'evaluate',
    'score',
    'compare',
    'bench',
    'chaos',
    'soak',
    'gpu-check',
    'bag',
    'console',
    'dataset',
    'train',
    'render',
    'models',
)

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def create_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; each sets `run`, a function of the parsed arguments."""
    parser = argparse.ArgumentParser(
        prog='surgsam2',
        description='Track surgical instruments in endoscope images with SurgSAM2.',
    )
    parser.add_argument('--version', action='version', version=f'surgsam2_ros {__version__}')
    parser.add_argument(
        '--traceback', action='store_true', help='show where in the code an error arose'
    )
    subparsers = parser.add_subparsers(metavar='COMMAND', required=True)
    for name in COMMANDS:
        module = f'surgsam2_ros.commands.{name.replace("-", "_")}'
        if importlib.util.find_spec(module) is not None:
            importlib.import_module(module).add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; those of the process when None.

    Returns:
        Exit status: 0 when all went well, 1 on an error, 130 when interrupted. Wrong arguments end
        the process with 2.
    """
    options = create_parser().parse_args(arguments)
    keep_freed_memory()
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        if options.traceback or not _speaks_for_itself(error):
            traceback.print_exc()
        print(f'surgsam2: error: {error}', file=sys.stderr)
        return EXIT_FAILED


def console() -> int:
    """Run `surgsam2 console` as the ROS executable `surgsam2_console`."""
    from surgsam2_ros.commands.console import command_arguments

    return main(['console', *command_arguments(sys.argv[1:])])


def _speaks_for_itself(error: Exception) -> bool:
    """Tell whether the message alone says what to do: our own errors do, and those about files."""
    return isinstance(error, OSError) or type(error).__module__.startswith('surgsam2_ros.')


if __name__ == '__main__':
    sys.exit(main())
