# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The instance annotations that SurgSAM2's authors release beside the challenges' archives.

What is assumed of `VOS-Endovis18`, `Ref-Endovis17` and `Ref-Endovis18`, below whatever folder:

    {train,valid}/Annotations/seq_<N>/<00000>.png   palette images, pixel = instance of the sequence
    {train,valid}/VOS/<folder>/seq_<N>/<00000>.png  prompt masks, copied
    {train,valid}/Meta/seq_<N>.json                 names of the instances
    {train,valid}/[Meta/]meta_expressions.json      the same for all sequences of the split

Both challenges number their sequences alike; archives whose name has the year of the other one are
passed over. The form of the names is not published. Understood are `{"1": "bipolar forceps"}`, an
object with `exp`, `category` or `name` in place of the text, and expressions with an `obj_id`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from surgsam2_ros.datasets.archive_files import ArchiveFile
from surgsam2_ros.datasets.endovis_source import EndoVis, IndexLabels, SourceSequence, by_frame
from surgsam2_ros.datasets.findings import Findings

_SPLIT = r'(?:^|/)(?P<split>train|valid)/'
_FRAME = r'/(?P<sequence>seq_\d+)/(?P<frame>\d+)\.png$'
_ANNOTATION = re.compile(_SPLIT + 'Annotations' + _FRAME)
_PROMPT = re.compile(_SPLIT + r'(?P<folder>VOS/[^/]+)' + _FRAME)
_YEAR = re.compile(r'endovis[ _-]?(?:20)?(\d\d)(?!\d)', re.IGNORECASE)
_NAMES = re.compile(_SPLIT + r'(?:Meta/)?(?P<name>seq_\d+|meta_expressions)\.json$')


def annotate(
    sequences: list[SourceSequence],
    files: list[ArchiveFile],
    challenge: EndoVis,
    findings: Findings,
) -> list[SourceSequence]:
    """Label sequences with the authors' annotations where there are any among the files.

    Args:
        sequences: of the challenge.
        files: of the archives.
        challenge: for the names that the authors corrected.
        findings: to which is added what is missing or odd.

    Returns:
        The sequences, those annotated with the labels and names of the annotations, and with the
        split that these are in.
    """
    found: dict[str, list[tuple[re.Match[str], ArchiveFile]]] = {}
    files = _of_challenge(files, challenge)
    for match, file in _matches(_ANNOTATION, files):
        found.setdefault(match['sequence'], []).append((match, file))
    if not found:
        return sequences
    names = _read_names(files, findings)
    for name in sorted(set(found) - {sequence.name for sequence in sequences}):
        findings.add('orphan_labels', name, 'annotations, but no images in the archives')
    annotated = []
    for sequence in sequences:
        if sequence.name not in found:
            findings.add('missing_annotations', sequence.name, "the challenge's labels are used")
            annotated.append(sequence)
            continue
        matches = found[sequence.name]
        labels = by_frame(((int(match['frame']), file) for match, file in matches), findings)
        for number in sorted(set(labels) - {frame.number for frame in sequence.frames}):
            message = 'annotations without an image'
            findings.add('orphan_labels', sequence.name, message, f'{number:05d}')
        classes = names.get(sequence.name, {})
        for label, name in challenge.corrected_names.get(sequence.name, {}).items():
            if classes.get(label, name) != name:
                message = f'object {label} is {name}, as the authors corrected later'
                findings.add('corrected_name', sequence.name, message)
                classes[label] = name
        frames = tuple(
            replace(frame, labels=IndexLabels(labels[frame.number]))
            if frame.number in labels
            else replace(frame, labels=None)
            for frame in sequence.frames
        )
        split = matches[0][0]['split']
        annotated.append(SourceSequence(sequence.name, frames, classes, split=split))
    return annotated


@dataclass(frozen=True)
class PromptMask:
    """A prompt mask: the folder below its split, sequence and file name, and the file itself."""

    folder: str
    sequence: str
    name: str
    file: ArchiveFile


def prompt_masks(files: list[ArchiveFile], challenge: EndoVis) -> list[PromptMask]:
    """Return the prompt masks among the files."""
    return [
        PromptMask(match['folder'], match['sequence'], f'{match["frame"]}.png', file)
        for match, file in _matches(_PROMPT, _of_challenge(files, challenge))
    ]


def object_names(content: Any) -> dict[int, str]:
    """Return the names by object id in what a file of names holds; {} when it holds none."""
    if not isinstance(content, dict):
        return {}
    for key in ('objects', 'expressions'):
        if isinstance(content.get(key), dict):
            return object_names(content[key])
    names = {}
    for key, value in content.items():
        text, label = value, key
        if isinstance(value, dict):
            text = next((value[k] for k in ('exp', 'category', 'name') if k in value), None)
            label = value.get('obj_id', key)
        if isinstance(text, str) and str(label).isdigit():
            names[int(label)] = text.strip().lower().replace(' ', '_').replace('-', '_')
    return names


def _read_names(files: list[ArchiveFile], findings: Findings) -> dict[str, dict[int, str]]:
    names: dict[str, dict[int, str]] = {}
    for match, file in _matches(_NAMES, files):
        try:
            content = json.loads(file.read())
        except ValueError as error:
            findings.add('unreadable', file, f'no JSON ({error}); its names are not used')
            continue
        if isinstance(content, dict) and isinstance(content.get('videos'), dict):
            content = content['videos']
        by_video = content if match['name'] == 'meta_expressions' else {match['name']: content}
        understood = False
        for video, objects in by_video.items() if isinstance(by_video, dict) else ():
            own = object_names(objects)
            understood |= bool(own)
            names.setdefault(video, {}).update(own)
        if not understood:
            findings.add('unreadable', file, 'no names of objects found in it')
    return names


def _of_challenge(files: list[ArchiveFile], challenge: EndoVis) -> list[ArchiveFile]:
    """Leave out files of archives that are named after the other challenge."""
    years = ((_YEAR.search(file.path), file) for file in files)
    return [file for year, file in years if year is None or challenge.title.endswith(year[1])]


def _matches(
    pattern: re.Pattern[str], files: list[ArchiveFile]
) -> list[tuple[re.Match[str], ArchiveFile]]:
    return [(match, file) for file in files if (match := pattern.search(file.path))]
