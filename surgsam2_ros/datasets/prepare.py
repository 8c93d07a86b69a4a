# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""From the archives of a challenge to the VOS layout, frame by frame, and on from where it stopped.

What is written:

    TARGET/{train,valid}/JPEGImages/<sequence>/<00000>.png   1280x1024, left camera
    TARGET/{train,valid}/Annotations/<sequence>/<00000>.png  palette, pixel = object of the sequence
    TARGET/{train,valid}/classes.json                        see `vos_folder`
    TARGET/prepared.json                                     how it was prepared

Every file appears under its name when it is complete. A frame whose files exist is not redone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from surgsam2_ros.datasets import endovis17, endovis18
from surgsam2_ros.datasets.archive_files import PREPARED, list_archives
from surgsam2_ros.datasets.endovis_source import EndoVis, SourceSequence
from surgsam2_ros.datasets.findings import Findings
from surgsam2_ros.datasets.released_annotations import PromptMask, annotate, prompt_masks
from surgsam2_ros.datasets.sequence_writer import (
    PreparedSequence,
    SequenceWriter,
    label_kind,
    write_atomically,
)
from surgsam2_ros.sources import SourceError

DATASETS = {'endovis17': endovis17, 'endovis18': endovis18}


@dataclass
class Report:
    """What was prepared, and what was found missing or odd.

    Attributes:
        written, kept: frames written now, and frames found finished.
    """

    dataset: str
    target: Path
    sequences: list[PreparedSequence]
    findings: Findings
    written: int = 0
    kept: int = 0

    def as_json(self) -> dict[str, object]:
        """Return the report as plain dictionaries and lists."""
        return {
            'dataset': self.dataset,
            'target': str(self.target),
            'written': self.written,
            'kept': self.kept,
            'sequences': [asdict(sequence) for sequence in self.sequences],
            'findings': self.findings.as_json(),
        }


class Preparation:
    """The way of one challenge's archives to a data set.

    Attributes:
        frames: number of frames in the archives.

    Example:
        report = Preparation('endovis18', 'archives', 'endovis18').run()
    """

    def __init__(
        self,
        dataset: str,
        source: str | Path,
        target: str | Path,
        *,
        valid: Iterable[int] | None = None,
    ) -> None:
        """Look through the archives; nothing is written yet.

        Args:
            dataset: 'endovis17' or 'endovis18'.
            source: folder of the archives, extracted or zipped; with the authors' annotations
                among them, these are used for labels and names.
            target: folder to write.
            valid: numbers of the sequences for validation, when not those of the paper's tables.

        Raises:
            FileNotFoundError: when there is no source.
            SourceError: when the archives are not as expected, or the target holds something else.
        """
        source, self._target = Path(source), Path(target)
        self._dataset, self._findings = dataset, Findings()
        module = DATASETS[dataset]
        self._challenge: EndoVis = module.CHALLENGE
        files = list_archives(source)
        sequences = module.read_sequences(files, self._findings)
        if not sequences:
            raise SourceError(_unexpected(source, self._challenge))
        _compare(sequences, self._challenge, self._findings)
        self._sequences = annotate(sequences, files, self._challenge, self._findings)
        self._splits = _splits(self._sequences, self._challenge, valid, self._findings)
        self._prompts = prompt_masks(files, self._challenge)
        self.frames = sum(len(sequence.frames) for sequence in sequences)
        self._settings = _join(
            self._target,
            {
                'dataset': dataset,
                'sequences': {
                    sequence.name: {
                        'split': self._splits[sequence.name],
                        'labels': label_kind(sequence),
                        'objects': {str(i): kind for i, kind in sequence.classes.items()},
                    }
                    for sequence in self._sequences
                },
            },
        )

    def run(self, on_frame: Callable[[int, str], None] | None = None) -> Report:
        """Write what is missing.

        Args:
            on_frame: called with the number of frames done and the sequence's name.

        Returns:
            The report.

        Raises:
            OSError: when reading or writing fails; run it again to go on.
        """
        text = json.dumps(self._settings, indent=2) + '\n'
        write_atomically(
            self._target / PREPARED, lambda part: part.write_text(text, encoding='utf-8')
        )
        report = Report(self._dataset, self._target, [], self._findings)
        for sequence in self._sequences:
            folder = self._target / self._splits[sequence.name]
            common_classes = self._challenge.common_classes
            writer = SequenceWriter(sequence, folder, common_classes, self._findings)
            for frame in sequence.frames:
                is_new = writer.write(frame)
                report.written += is_new
                report.kept += not is_new
                if on_frame is not None:
                    on_frame(report.written + report.kept, sequence.name)
            report.sequences.append(writer.finish())
        _copy_prompts(self._prompts, self._target, self._splits)
        return report


def _copy_prompts(masks: list[PromptMask], target: Path, splits: dict[str, str]) -> None:
    for mask in masks:
        path = target / splits.get(mask.sequence, '') / mask.folder / mask.sequence / mask.name
        if mask.sequence in splits and not path.exists():
            content = mask.file.read()
            write_atomically(path, lambda part, data=content: part.write_bytes(data))


def _splits(
    sequences: list[SourceSequence],
    challenge: EndoVis,
    valid: Iterable[int] | None,
    findings: Findings,
) -> dict[str, str]:
    """Return the split of every sequence by name; report annotations that were split otherwise."""
    numbers = challenge.valid if valid is None else tuple(valid)
    unknown = sorted(set(numbers) - set(challenge.lengths))
    if unknown:
        names = ', '.join(f'seq_{number}' for number in unknown)
        raise SourceError(f'{challenge.title} has no {names} to validate on')
    validated = {f'seq_{number}' for number in numbers}
    for sequence in sequences:
        split = 'valid' if sequence.name in validated else 'train'
        if sequence.split not in (None, split):
            message = (
                f"{split} here, {sequence.split} in the authors' annotations: the tables of the "
                f'paper are of {", ".join(map(str, challenge.valid))}; --valid chooses others'
            )
            findings.add('other_split', sequence.name, message)
    if set(numbers) != set(challenge.valid):
        message = f'no table of the paper is of {", ".join(map(str, sorted(set(numbers))))} alone'
        findings.add('other_split', 'valid', message)
    return {
        sequence.name: 'valid' if sequence.name in validated else 'train' for sequence in sequences
    }


def _compare(sequences: list[SourceSequence], challenge: EndoVis, findings: Findings) -> None:
    """Report sequences and images that the challenge has and the archives lack, or the reverse."""
    found = {sequence.name: sequence for sequence in sequences}
    for number, length in challenge.lengths.items():
        name = f'seq_{number}'
        if name not in found:
            findings.add('missing_sequence', name, 'not among the archives')
            continue
        there = {frame.number for frame in found[name].frames}
        for frame in range(length):
            if frame not in there:
                findings.add('missing_image', name, 'not among the archives', f'{frame:05d}')
    for name in sorted(set(found) - {f'seq_{number}' for number in challenge.lengths}):
        findings.add('unknown_sequence', name, f'{challenge.title} has none of this number')


def _join(target: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Join the settings with those that the target was begun with; SourceError if they differ."""
    path = target / PREPARED
    if not path.is_file():
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise SourceError(f'{target} holds other files; give a new or empty folder')
        return settings
    begun = json.loads(path.read_text(encoding='utf-8'))
    old, new = begun['sequences'], settings['sequences']
    other = [name for name in set(old) & set(new) if not _goes_on(old[name], new[name])]
    if begun['dataset'] != settings['dataset'] or other:
        raise SourceError(
            f'{target} was begun with another data set, split, source of labels or set of archives '
            f'({", ".join(sorted(other)) or begun["dataset"]}, see {path}); give another folder, '
            'or remove it to start over'
        )
    return settings | {'sequences': old | new}


def _goes_on(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Tell whether a sequence begun one way may be gone on with another way."""
    return old == new or (old['labels'] == 'none' and old['split'] == new['split'])


def _unexpected(source: Path, challenge: EndoVis) -> str:
    entries = sorted(entry.name for entry in source.iterdir())
    more = ', …' if len(entries) > 8 else ''
    return (
        f'{source} holds no sequence of {challenge.title}; expected, below whatever folder or in '
        f'zip files: {challenge.expected}. Found: {", ".join(entries[:8]) or "nothing"}{more}'
    )
