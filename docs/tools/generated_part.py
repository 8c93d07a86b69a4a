# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Parts of a document that are made from the code, between two marker lines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GeneratedPart:
    """A part of a Markdown document, known by its name."""

    name: str

    @property
    def begin(self) -> str:
        """The line above it."""
        return f'<!-- {self.name}:begin -->'

    @property
    def end(self) -> str:
        """The line below it."""
        return f'<!-- {self.name}:end -->'

    def replaced(self, document: str, text: str) -> str:
        """Return the document with this text, which ends with a new line, as the part.

        Raises:
            ValueError: when the document has not exactly one of each marker, in order.
        """
        if document.count(self.begin) != 1 or document.count(self.end) != 1:
            raise ValueError(f'the document needs one line {self.begin} and one line {self.end}')
        head, _, rest = document.partition(self.begin)
        _, found, tail = rest.partition(self.end)
        if not found:
            raise ValueError(f'{self.end} stands before {self.begin}; exchange them')
        return f'{head}{self.begin}\n\n{text}\n{self.end}{tail}'
