# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 soak`: whether a node that works for long needs more and more."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.pictures import told_if_missing
from surgsam2_ros.commands.progress import Progress

LEAST_MINUTES = 0.5

_EPILOG = """\
Half of the time images have 640x512 pixels, then 1280x1024, while objects and subscribers come and
go. From 7 minutes for each size on it is strict: its own memory grows by at most 1 MB in 10
minutes after the fifth, and the 99th percentile of latency in the last minute is within 10 % of the
sixth. Shorter runs check file descriptors, threads, endpoints and a coarse bound of memory. Latency
counts on a machine that does nothing else.

Writes soak.json, soak.png and the node's log to OUT; ends with status 1 when a limit is broken.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        'soak',
        help='run a node for long and check that it needs no more with time',
        description='Run a node for long and check that it needs no more with time.',
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--minutes', type=float, default=30.0, help='of both sizes (%(default)s)')
    parser.add_argument('--rate', type=float, default=30.0, metavar='HZ', help='(%(default)s)')
    parser.add_argument(
        '--tracker-frames',
        type=int,
        default=2000,
        metavar='N',
        help='frames through the tracker alone, with a tiny network; 0: none (%(default)s)',
    )
    parser.add_argument('--output', type=Path, default=Path('build/soak'), metavar='OUT')
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the node and the tracker; returns 1 when a limit was broken, else 0."""
    from surgsam2_ros.live.run_folder import begin_folder
    from surgsam2_ros.live.soak.tracker_frames import CYCLE, SETTLED_FRAMES

    fewest = SETTLED_FRAMES + 2 * CYCLE
    if arguments.minutes and arguments.minutes < LEAST_MINUTES:
        raise CommandError(
            f'--minutes {arguments.minutes:g} must be 0 or at least {LEAST_MINUTES:g}'
        )
    if not arguments.rate > 0:
        raise CommandError(f'--rate {arguments.rate:g} must be above 0')
    if arguments.tracker_frames and arguments.tracker_frames < fewest:
        raise CommandError(
            f'--tracker-frames {arguments.tracker_frames} must be 0 or at least {fewest}'
        )
    folder = arguments.output
    begin_folder(folder, 'soak.json')
    report = {}
    if arguments.minutes:
        report = _soak_node(folder, arguments.minutes, arguments.rate)
    equal = True
    if arguments.tracker_frames:
        equal = _soak_tracker(arguments.tracker_frames, report)
    (folder / 'soak.json').write_text(json.dumps(report) + '\n', encoding='utf-8')
    written = [name for name in ('soak.json', 'soak.png') if (folder / name).exists()]
    print(f'{folder}: {", ".join(written)}')
    return 0 if equal and not report.get('failed') else 1


def _soak_node(folder: Path, minutes: float, rate_hz: float) -> dict:
    from surgsam2_ros.live.ros_environment import use_large_image_profile, use_own_domain
    from surgsam2_ros.live.soak.run import run_soak, summary

    use_own_domain()
    use_large_image_profile()
    phases = run_soak(
        folder,
        f'/soak_{os.getpid()}',
        minutes,
        rate_hz=rate_hz,
        on_phase=lambda text: print(text, flush=True),
    )
    report = summary(phases, rate_hz)
    for phase in report['phases']:
        print(
            f'{phase["size"]}: {phase["results"]} results, memory of its own '
            f'{phase["own_growth_mb"]:+.2f} MB, resident {phase["growth_mb"]:+.2f} MB in '
            f'{phase["growth_s"]:.0f} s, latency 99% '
            f'{phase["p99_first_ms"]:.0f} -> {phase["p99_last_ms"]:.0f} ms'
            + ('' if phase['strict'] else ' (too short to judge either)')
        )
        for finding in phase['findings']:
            print(f'  FAILED: {finding}')
    with told_if_missing():
        from surgsam2_ros.live.soak.chart import write_soak

        write_soak(folder / 'soak.png', phases, f'{minutes:g} minutes at {rate_hz:g} Hz')
    return report


def _soak_tracker(frames: int, report: dict) -> bool:
    from surgsam2_ros.live.interruption import termination_as_interrupt
    from surgsam2_ros.live.soak.tracker_frames import differences, track_many

    counted, done = [], 0
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    with Progress(frames, 'tracker alone') as progress, termination_as_interrupt():

        def note(number: int, _result: object) -> None:
            nonlocal done
            done = number
            progress.update(number)

        try:
            for live in track_many(frames, note):
                counted.append(live)
        except KeyboardInterrupt:  # of a run of hours, what was counted so far counts
            if len(counted) < 2:
                raise
    duration_s, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    found = differences(counted)
    report['tracker'] = {
        'frames': done,
        'asked_for': frames,
        'duration_s': round(duration_s, 1),
        'cpu_ms_per_frame': round(1e3 * cpu_s / done, 2),
        'findings': found,
        'live': [live._asdict() for live in counted],
    }
    first, last = counted[0], counted[-1]
    print(
        f'{done} frames of a tiny network, {done / duration_s:.1f} a second: from frame '
        f'{first.frame} to {last.frame} {first.tensor_bytes} bytes in tensors, '
        f'{"equal at all marks" if not found else "FAILED"}; objects of the interpreter '
        f'{last.objects - first.objects:+d}, resident memory '
        f'{last.resident_mb - first.resident_mb:+.2f} MB'
    )
    for finding in found:
        print(f'  FAILED: {finding}')
    return not found
