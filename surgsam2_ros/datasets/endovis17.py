# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The archives of the 2017 Robotic Instrument Segmentation challenge (Allan et al., 2019).

What is assumed of their structure, from the challenge's page and public code that reads them; the
folders of the archives themselves (`instrument_1_4_training` and so on) may be there or not:

    instrument_dataset_<1..8>/left_frames/frame<000..224>.png        training, 1920x1080
    instrument_dataset_<1..8>/ground_truth/<instrument>/frame….png   one mask an instrument, not 0
                                                                     where it is, parts 10, 20, 30
    instrument_dataset_<1..10>/left_frames/frame<225..299>.png       test; 000..299 in 9 and 10
    instrument_dataset_<1..10>/[gt/]TypeSegmentation/frame….png      test labels, pixel = type 1..7

Folders of instruments are named after their type, and side where there are two:
`Left_Prograsp_Forceps_labels`, `Large_Needle_Driver_Right_labels`, `Right_Vessel_Sealer`. They
get the ids 1, 2, … of their sequence in alphabetical order. Test labels tell types alone, so that
instruments there are numbered by `instance_linking`. Type 8 is taken for 7, as others do.

A sequence's training and test frames are one video. The split is that of the paper on SurgSAM2,
which validates on 9 and 10, also with the authors' Ref-Endovis17, which validates on 2, 5 and 6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from surgsam2_ros.datasets.archive_files import ArchiveFile
from surgsam2_ros.datasets.endovis_source import (
    EndoVis,
    LabelSource,
    SourceFrame,
    SourceSequence,
    by_frame,
    decode,
    grouped,
)
from surgsam2_ros.datasets.findings import Findings
from surgsam2_ros.datasets.instance_linking import RawLabels
from surgsam2_ros.sources import SourceError

TYPES = {
    1: 'bipolar_forceps',
    2: 'prograsp_forceps',
    3: 'large_needle_driver',
    4: 'vessel_sealer',
    5: 'grasping_retractor',
    6: 'monopolar_curved_scissors',
    7: 'other',
}

CHALLENGE = EndoVis(
    title='EndoVis 2017',
    lengths=dict.fromkeys(range(1, 11), 300),
    valid=(9, 10),
    expected='folders instrument_dataset_1 to instrument_dataset_10 with left_frames/frame000.png '
    'and, in the training archives, ground_truth/<instrument>_labels/frame000.png, in the labels '
    'of the test, TypeSegmentation/frame225.png',
    common_classes={},
    corrected_names={'seq_9': {2: 'bipolar_forceps', 4: 'prograsp_forceps'}},
)

_SEQUENCE = r'(?:^|/)instrument_dataset_0*(?P<sequence>\d+)/'
_FRAME = r'/frame(?P<frame>\d+)\.png$'
_IMAGE = re.compile(_SEQUENCE + 'left_frames' + _FRAME)
_MASK = re.compile(_SEQUENCE + '(?:ground_truth|gt)/(?P<folder>[^/]+)' + _FRAME)
_TYPE = re.compile(_SEQUENCE + '(?:(?:ground_truth|gt)/)?TypeSegmentation' + _FRAME)
_NOT_INSTRUMENTS = re.compile('Segmentation', re.IGNORECASE)


@dataclass(frozen=True)
class InstrumentMasks:
    """The masks of all instruments of a training frame, by object id."""

    files: tuple[tuple[int, ArchiveFile], ...]
    numbered = True

    def read(self) -> RawLabels:
        """Put the masks into one label image; where they overlap, the higher id stays."""
        labels = None
        for label, file in self.files:
            mask = decode(file)
            mask = mask if mask.ndim == 2 else mask.max(axis=2)
            labels = np.zeros(mask.shape, np.uint8) if labels is None else labels
            if mask.shape != labels.shape:
                raise SourceError(
                    f'{file} is {mask.shape[1]}x{mask.shape[0]}, the mask of another instrument '
                    f'{labels.shape[1]}x{labels.shape[0]}'
                )
            labels[mask > 0] = label
        return RawLabels(labels)


@dataclass(frozen=True)
class TypeMask:
    """The types of instruments in a test frame; `ids` has those of which there is one alone."""

    file: ArchiveFile
    ids: dict[str, int]
    numbered = False

    def read(self) -> RawLabels:
        """Read the types: those of one instrument have its number, others are left unnumbered."""
        types = decode(self.file)
        types = types if types.ndim == 2 else types.max(axis=2)
        types = np.where(types == 8, 7, types)
        unknown = sorted(set(np.unique(types).tolist()) - {0, *TYPES})
        if unknown:
            raise SourceError(f'{self.file} has the values {unknown}; types are 1 to {max(TYPES)}')
        raw = RawLabels(np.zeros(types.shape, np.uint8))
        for number, name in TYPES.items():
            if name in self.ids:
                raw.labels[types == number] = self.ids[name]
            elif (types == number).any():
                raw.unnumbered[name] = types == number
        return raw


def read_sequences(files: list[ArchiveFile], findings: Findings) -> list[SourceSequence]:
    """Return the sequences among the files of the archives; see `prepare`."""
    images, masks, types = (grouped(files, pattern) for pattern in (_IMAGE, _MASK, _TYPE))
    return [
        _sequence(number, images[number], masks.get(number, []), types.get(number, []), findings)
        for number in sorted(images)
    ]


def instrument_type(folder: str) -> str | None:
    """Return the type of instrument that a folder of masks is named after, None if unknown."""
    words = folder.lower().removesuffix('_labels').split('_')
    name = '_'.join(word for word in words if word not in ('left', 'right', 'maryland'))
    return name if name in TYPES.values() else None


def _sequence(number, images, masks, types, findings: Findings) -> SourceSequence:
    name = f'seq_{number}'
    folders = sorted({match['folder'] for match, _ in masks})
    folders = [folder for folder in folders if not _NOT_INSTRUMENTS.search(folder)]
    classes: dict[int, str] = {}
    by_folder: dict[int, dict[int, ArchiveFile]] = {}
    for folder in folders:
        kind = instrument_type(folder)
        if kind is None:
            findings.add(
                'unknown_folder',
                f'{name}: {folder}',
                f'passed over; no instrument known ({", ".join(TYPES.values())})',
            )
            continue
        label = len(classes) + 1
        classes[label] = kind
        own = ((int(m['frame']), file) for m, file in masks if m['folder'] == folder)
        by_folder[label] = by_frame(own, findings)
    kinds = list(classes.values())
    alone = {kind: label for label, kind in classes.items() if kinds.count(kind) == 1}
    type_files = by_frame(((int(m['frame']), file) for m, file in types), findings)
    image_files = by_frame(((int(m['frame']), file) for m, file in images), findings)
    labelled = {frame for own in by_folder.values() for frame in own} | set(type_files)
    for frame in sorted(labelled - set(image_files)):
        findings.add('orphan_labels', name, 'labels without an image', f'{frame:05d}')

    def frame_of(number: int) -> SourceFrame:
        image = image_files[number]
        own = tuple((label, files[number]) for label, files in by_folder.items() if number in files)
        lacking = [kind for label, kind in classes.items() if number not in by_folder[label]]
        if own and lacking:
            return SourceFrame(number, image, None, f'no mask of {", ".join(lacking)}')
        labels: LabelSource | None = InstrumentMasks(own) if own else None
        if labels is None and number in type_files:
            labels = TypeMask(type_files[number], alone)
        return SourceFrame(number, image, labels)

    frames = tuple(frame_of(number) for number in sorted(image_files))
    return SourceSequence(name, frames, classes, complete=bool(classes))
