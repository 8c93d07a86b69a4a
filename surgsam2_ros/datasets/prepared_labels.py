# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a prepared data set says about its labels: which are a truth, and which a guess."""

from __future__ import annotations

import json
from pathlib import Path

from surgsam2_ros.datasets.archive_files import PREPARED
from surgsam2_ros.sources import SourceError

GUESSED = (
    'the truth tells instruments of a kind apart by a guess (regions followed from frame to frame '
    'by surgsam2 dataset prepare): no figure of single instruments is comparable to a published one'
)


def guessed_videos(labels: Path) -> frozenset[str]:
    """Return the videos of a prepared data set whose instances `instance_linking` told apart.

    Args:
        labels: the data set, one of its splits, or a folder of label images in one.

    Raises:
        SourceError: when the file that tells how it was prepared is damaged.
    """
    folder = labels.resolve()
    files = [place / PREPARED for place in (folder, *folder.parents[:3])]
    path = next((file for file in files if file.is_file()), None)
    if path is None:
        return frozenset()
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise SourceError(f'{path} is damaged ({error}); prepare the data set anew') from error
    sequences = content.get('sequences') if isinstance(content, dict) else None
    if not isinstance(sequences, dict):  # of another program
        return frozenset()
    return frozenset(name for name, entry in sequences.items() if entry['labels'] == 'linked')
