# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Label mode for an hour: `python -m label_hour`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from label_hour.chart import write_chart
from label_hour.report import report_of
from label_hour.run import Hour, run_hour
from label_hour.verdict import judge
from surgsam2_ros.live.run_folder import begin_folder

_EPILOG = """\
Writes a bag of 640x512 JPEG images, starts `surgsam2 console --bag` with the default network, and
labels it through the page in a Chromium: boxes and clicks, masks carried both ways, verdicts,
corrections, undo, names, scrubbing, exports. The console is killed with SIGKILL ten times at random
moments and left alone for 40 % of the time in the middle. After each kill everything that the page
had acknowledged must be there; memory, files and threads must stay bounded (label_hour/verdict.py).

Writes label_hour.json, label_hour.png, the bag, its labels and the console's logs to OUT; ends with
status 1 when something was lost or a limit is broken.
"""


def main() -> int:
    """Run it; returns 1 when something was lost or a limit broken, else 0."""
    parser = argparse.ArgumentParser(
        prog='label_hour',
        description='Label a long bag through the page, with kills, and look for loss and growth.',
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--minutes', type=float, default=60.0, help='(%(default)s)')
    parser.add_argument('--frames', type=int, default=10_000, help='of the bag (%(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='of all that is random (%(default)s)')
    parser.add_argument('--output', type=Path, default=Path('build/label_hour'), metavar='OUT')
    arguments = parser.parse_args()
    if arguments.minutes <= 0 or arguments.frames < 20:
        parser.error('--minutes must be above 0, and --frames at least 20')
    begin_folder(arguments.output, 'label_hour.json')
    findings: list[str] = []

    def store(hour: Hour) -> None:
        limits = judge(hour.lives, arguments.frames)
        report = report_of(hour, limits, arguments.minutes, arguments.frames, arguments.seed)
        findings[:] = report['findings']
        text = json.dumps(report) + '\n'
        (arguments.output / 'label_hour.json').write_text(text, encoding='utf-8')
        title = f'{hour.duration_s / 60:.0f} minutes of label mode, {arguments.frames:,} frames'
        write_chart(arguments.output / 'label_hour.png', hour.lives, findings, title)

    run_hour(
        arguments.output.resolve(),
        arguments.minutes,
        arguments.frames,
        arguments.seed,
        tell=lambda text: print(text, flush=True),
        on_life=store,
    )
    for sentence in findings:
        print(f'FAILED: {sentence}')
    return int(bool(findings))


if __name__ == '__main__':
    sys.exit(main())
