# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The files below a folder of archives, extracted or still zipped, as one list."""

from __future__ import annotations

import functools
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from surgsam2_ros.sources import SourceError

PREPARED = 'prepared.json'  # marks a folder that was prepared from archives


@dataclass(frozen=True)
class ArchiveFile:
    """A file on disk or within a zip file.

    Attributes:
        path: below the folder of archives, with '/'; the content of `a.zip` lies below `a/`.
        file: the file itself, or the zip file that holds it.
        member: its name within the zip file, None for a file on disk.
    """

    path: str
    file: Path
    member: str | None = None

    def __str__(self) -> str:
        return f'{self.file}' if self.member is None else f'{self.file}:{self.member}'

    @property
    def folder(self) -> str:
        """The folder that holds it, for messages."""
        return str(self).rpartition('/')[0]

    def read(self) -> bytes:
        """Return the content.

        Raises:
            OSError: when it cannot be read.
            SourceError: when its zip file is damaged.
        """
        if self.member is None:
            return self.file.read_bytes()
        try:
            return _open(self.file).read(self.member)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise SourceError(f'{self} is damaged ({error}); download the archive again') from error


def list_archives(root: str | Path) -> list[ArchiveFile]:
    """List all files below a folder, those within zip files included, sorted by path.

    Hidden files and `__MACOSX` folders, which archives made on a Mac carry along, are passed over,
    and so are data sets prepared from archives.

    Args:
        root: folder of archives.

    Raises:
        FileNotFoundError: when there is no such folder.
        SourceError: when a zip file is damaged.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f'{root} is no folder; give the one that holds the archives')
    return sorted(_list(root, root), key=lambda file: file.path)


@functools.lru_cache(maxsize=16)
def _open(file: Path) -> zipfile.ZipFile:
    """Open a zip file and keep it so: its table of contents takes longer to read than a frame."""
    return zipfile.ZipFile(file)


def _list(folder: Path, root: Path) -> Iterator[ArchiveFile]:
    if (folder / PREPARED).exists():
        return
    for entry in folder.iterdir():
        if _is_junk(entry.name):
            continue
        if entry.is_dir():
            yield from _list(entry, root)
        elif entry.suffix.lower() == '.zip':
            yield from _list_zip(entry, root)
        else:
            yield ArchiveFile(entry.relative_to(root).as_posix(), entry)


def _list_zip(file: Path, root: Path) -> Iterator[ArchiveFile]:
    prefix = file.relative_to(root).with_suffix('')
    try:
        with zipfile.ZipFile(file) as archive:
            members = [item.filename for item in archive.infolist() if not item.is_dir()]
    except zipfile.BadZipFile as error:
        raise SourceError(f'{file} is no complete zip file; download it again') from error
    for member in members:
        if not any(_is_junk(part) for part in PurePosixPath(member).parts):
            yield ArchiveFile((prefix / member).as_posix(), file, member)


def _is_junk(name: str) -> bool:
    return name.startswith('.') or name == '__MACOSX'
