# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The archives of the 2018 Robotic Scene Segmentation challenge (Allan et al., 2020).

What is assumed of their structure, from public code that reads them; the folders of the releases
(`miccai_challenge_2018_release_1`, `miccai_challenge_release_2` to `_4`) may be there or not:

    seq_<1..7, 9..16>/left_frames/frame<000..148>.png   1280x1024
    seq_…/labels/frame….png                             colour of the class, with transparency
    labels.json                                         [{"name", "color": [r, g, b], "classid"}],
                                                        or a dictionary with these as "classes";
                                                        each release lists some of the classes
    repairs/seq_<1, 4>_frame….png                       seven label images, corrected

Sequences below a folder named `test…` have other content under the same numbers and are passed
over. The labels tell parts of instruments, not instruments: shaft, wrist and clasper are joined,
and instruments numbered by `instance_linking` with the ids 1 to 10, as suction instruments and
ultrasound probes are. All else is its class number plus 7, which gives kidney 11, covered kidney
12 and intestine 17, the tissue ids in the annotations of SurgSAM2's authors; that their numbers
come about like this is an inference.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import numpy as np

from surgsam2_ros.datasets.archive_files import ArchiveFile
from surgsam2_ros.datasets.endovis_source import (
    EndoVis,
    SourceFrame,
    SourceSequence,
    by_frame,
    decode,
    grouped,
)
from surgsam2_ros.datasets.findings import Findings
from surgsam2_ros.datasets.instance_linking import RawLabels
from surgsam2_ros.sources import SourceError

Colours = dict[tuple[int, int, int], str]

COLOURS: Colours = {
    (0, 0, 0): 'background_tissue',
    (0, 255, 0): 'instrument_shaft',
    (0, 255, 255): 'instrument_clasper',
    (125, 255, 12): 'instrument_wrist',
    (255, 55, 0): 'kidney_parenchyma',
    (24, 55, 125): 'covered_kidney',
    (187, 155, 25): 'thread',
    (0, 255, 125): 'clamps',
    (255, 255, 125): 'suturing_needle',
    (123, 15, 175): 'suction_instrument',
    (124, 155, 5): 'small_intestine',
    (12, 255, 141): 'ultrasound_probe',
}
INSTRUMENTS = {
    'instrument_shaft': 'instrument',
    'instrument_clasper': 'instrument',
    'instrument_wrist': 'instrument',
    'suction_instrument': 'suction_instrument',
    'ultrasound_probe': 'ultrasound_probe',
}
OTHERS = {
    'kidney_parenchyma': 11,
    'covered_kidney': 12,
    'thread': 13,
    'clamps': 14,
    'suturing_needle': 15,
    'small_intestine': 17,
}
_SYNONYMS = {'intestine': 'small_intestine'}

CHALLENGE = EndoVis(
    title='EndoVis 2018',
    lengths={number: 149 for number in range(1, 17) if number != 8},
    valid=(2, 5, 9, 15),
    expected='folders seq_1 to seq_16 with left_frames/frame000.png and labels/frame000.png, and '
    'a labels.json',
    common_classes={label: name for name, label in OTHERS.items()},
    corrected_names={'seq_13': {2: 'prograsp_forceps', 3: 'large_needle_driver'}},
)

_SEQUENCE = r'(?:^|/)seq_0*(?P<sequence>\d+)/'
_FRAME = r'/frame(?P<frame>\d+)\.png$'
_IMAGE = re.compile(_SEQUENCE + 'left_frames' + _FRAME)
_LABELS = re.compile(_SEQUENCE + 'labels?' + _FRAME)
_REPAIR = re.compile(r'(?:^|/)repairs/(?:.*/)?seq_0*(?P<sequence>\d+)_frame(?P<frame>\d+)\.png$')
_LABELS_JSON = re.compile(r'(?:^|/)labels\.json$')
_TEST = re.compile(r'(?:^|/)test[^/]*/', re.IGNORECASE)


@dataclass(frozen=True)
class ColourLabels:
    """A label image in the colours of the classes."""

    file: ArchiveFile
    colours: Colours
    numbered = False

    def read(self) -> RawLabels:
        """Read the classes: tissue has its number, instruments are left unnumbered."""
        image = decode(self.file)
        if image.ndim == 2:
            raise SourceError(f'{self.file} has one channel; expected the colours of the classes')
        codes = image.astype(np.int32) @ np.array([65536, 256, 1])
        raw = RawLabels(np.zeros(codes.shape, np.uint8))
        for code in np.unique(codes):
            colour = (int(code) >> 16, int(code) >> 8 & 255, int(code) & 255)
            name = self.colours.get(colour)
            if name is None:
                raise SourceError(f'{self.file} has the colour {colour}, which labels.json lacks')
            here = codes == code
            if name in INSTRUMENTS:
                kind = INSTRUMENTS[name]
                raw.unnumbered[kind] = raw.unnumbered.get(kind, False) | here
            elif name in OTHERS:
                raw.labels[here] = OTHERS[name]
        return raw


def read_sequences(files: list[ArchiveFile], findings: Findings) -> list[SourceSequence]:
    """Return the sequences among the files of the archives; see `prepare`.

    Raises:
        SourceError: when a `labels.json` cannot be understood.
    """
    test = {file.path for file in files if _TEST.search(file.path)}
    if any(_IMAGE.search(path) for path in test):
        findings.add('passed_over', 'test data', 'the sequences of the test are not prepared')
    files = [file for file in files if file.path not in test]
    colours = read_colours([file for file in files if _LABELS_JSON.search(file.path)], findings)
    images, labels, repairs = (grouped(files, p) for p in (_IMAGE, _LABELS, _REPAIR))
    sequences = []
    for number in sorted(images):
        name = f'seq_{number}'
        image_files = _frames(images[number], findings)
        label_files = _frames(labels.get(number, []), findings)
        for frame, file in _frames(repairs.get(number, []), findings).items():
            label_files[frame] = file
            findings.add('repaired', name, 'the label image of repairs/ was used', f'{frame:05d}')
        for frame in sorted(set(label_files) - set(image_files)):
            findings.add('orphan_labels', name, 'labels without an image', f'{frame:05d}')
        frames = tuple(
            SourceFrame(
                frame,
                image_files[frame],
                ColourLabels(label_files[frame], colours) if frame in label_files else None,
            )
            for frame in sorted(image_files)
        )
        sequences.append(SourceSequence(name, frames))
    return sequences


def read_colours(files: list[ArchiveFile], findings: Findings) -> Colours:
    """Return class names by colour, those of all `labels.json` together.

    Raises:
        SourceError: when one is not as expected, names an unknown class, or contradicts another.
    """
    if not files:
        findings.add('missing_file', 'labels.json', 'the published colours of the classes are used')
        return COLOURS
    colours: Colours = {}
    for file in files:
        try:
            content = json.loads(file.read())
            entries = content['classes'] if isinstance(content, dict) else content
            found = {tuple(map(int, entry['color'][:3])): entry['name'] for entry in entries}
        except (ValueError, TypeError, KeyError) as error:
            raise SourceError(
                f'{file} is not as expected ({error!r}): a list of '
                '{"name": "instrument-shaft", "color": [0, 255, 0], "classid": 1}'
            ) from error
        for colour, spelling in found.items():
            name = str(spelling).lower().replace('-', '_').replace(' ', '_')
            name = _SYNONYMS.get(name, name)
            if name not in COLOURS.values():
                raise SourceError(f'{file} has the class {spelling!r}, which is not known here')
            if colours.setdefault(colour, name) != name:
                raise SourceError(
                    f'{file} says that {colour} is {name}, another that it is {colours[colour]}'
                )
    return colours


def _frames(matches, findings: Findings) -> dict[int, ArchiveFile]:
    return by_frame(((int(match['frame']), file) for match, file in matches), findings)
