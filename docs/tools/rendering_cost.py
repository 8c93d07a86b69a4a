# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What masks at image size cost on a CPU: within the boxes they lie in, and as whole images.

    python docs/tools/rendering_cost.py --json OUT

Both ways take the same logits in turns; the tracker takes the first on a CPU and the second on a
GPU.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import torch

from surgsam2_ros.benchmarks.rendering_cost import markdown_table, rendering_cost
from surgsam2_ros.evaluation.runs.run_description import describe_hardware, describe_versions
from surgsam2_ros.heap import keep_freed_memory

IMAGE_SIZES = ((512, 640), (1024, 1280), (1080, 1920))
"""(H, W)."""


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog='python docs/tools/rendering_cost.py', description=__doc__.split('\n')[0]
    )
    parser.add_argument('--objects', nargs='+', type=int, default=[1, 2, 4], metavar='N')
    parser.add_argument(
        '--size', type=int, default=256, metavar='S', help='side of the network (%(default)s)'
    )
    parser.add_argument('--rounds', type=int, default=50, help='timed frames (%(default)s)')
    parser.add_argument('--threads', type=int, default=1, help='(%(default)s)')
    parser.add_argument('--json', type=Path, metavar='OUT', help='write all that was measured')
    parsed = parser.parse_args(arguments)
    least = {'objects': 1, 'size': 4, 'rounds': 1, 'threads': 1}
    for name, allowed in least.items():
        value = min(parsed.objects) if name == 'objects' else getattr(parsed, name)
        if value < allowed:
            parser.error(f'--{name} {value} must be at least {allowed}')
    return parsed


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all cases and print a table; returns 0."""
    parsed = parse_arguments(arguments)
    torch.set_num_threads(parsed.threads)
    cv2.setNumThreads(parsed.threads)
    keep_freed_memory()  # as the node and the command line do
    given = sys.argv[1:] if arguments is None else arguments
    report = {
        'command': shlex.join(['python', 'docs/tools/rendering_cost.py', *given]),
        'threads': parsed.threads,
        'rounds': parsed.rounds,
        'size': parsed.size,
        'hardware': describe_hardware('cpu'),
        'vectors': torch.backends.cpu.get_cpu_capability(),
        'versions': describe_versions(),
        'rows': [
            rendering_cost(objects, parsed.size // 4, size, parsed.rounds)
            for size in IMAGE_SIZES
            for objects in parsed.objects
        ],
    }
    print(markdown_table(report))
    if parsed.json is not None:
        parsed.json.parent.mkdir(parents=True, exist_ok=True)
        parsed.json.write_text(json.dumps(report, indent=2) + '\n', encoding='utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main())
