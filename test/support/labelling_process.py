# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Labels a recording without end and says on a line of its own what was acknowledged.

python labelling_process.py SOURCE SEED
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from label_desks import give, mask_prompt, open_desk

from surgsam2_ros.console.desk import Description, DeskError
from surgsam2_ros.console.label.labels import Verdict


def main() -> None:
    """Work until killed."""
    desk = open_desk(Path(sys.argv[1]))
    chance = random.Random(int(sys.argv[2]))
    camera = desk.cameras[0]
    _say('opened', -1, '')
    while True:
        kind = chance.choice(['give', 'give', 'rename', 'accept', 'reject', 'propagate'])
        frame, name = chance.randrange(len(desk)), f'name {chance.randrange(10**6)}'
        try:
            if kind == 'give':
                give(desk, frame, mask_prompt(frame))
            elif kind == 'rename':
                desk.describe(camera, 'disc', Description(name=name))
            elif kind == 'propagate':
                desk.go_to(frame)
                desk.propagate(chance.choice([1, -1]))
                desk.wait(0.3)
                desk.stop()
                desk.wait()
            else:
                verdict = Verdict.ACCEPTED if kind == 'accept' else Verdict.REJECTED
                desk.judge(verdict, frame, frame)
        except DeskError:
            continue
        _say(kind, frame, name)


def _say(kind: str, frame: int, name: str) -> None:
    print(f'{kind}\t{frame}\t{name}', flush=True)


if __name__ == '__main__':
    main()
