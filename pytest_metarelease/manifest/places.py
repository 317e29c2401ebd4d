"""Where each key of a manifest stands, so that a failure can say ``release.yaml:41``.

Refuses nothing: what is not written is where the nearest key above it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.manifest.nodes import Node, render, walk

if TYPE_CHECKING:
    from collections.abc import Sequence


class Places:
    """Where each key of one file stands, found by its path."""

    def __init__(self, file: str, root: Node) -> None:
        self._file = file
        self._root = root
        self._lines: dict[str, int] | None = None

    def of(self, key_path: str | Sequence[str]) -> str:
        """Return ``release.yaml:41`` for a key path, written with dots or as its steps.

        What is not written (a default) is where the nearest key above it is. Elements of a list
        are named by their ``id``, or by their index.
        """
        text = key_path if isinstance(key_path, str) else ".".join(key_path)
        wanted = _flat(text)
        lines = self._index()
        while wanted and wanted not in lines:
            wanted = wanted.rpartition(".")[0]
        return f"{self._file}:{lines.get(wanted, 1)}"

    def _index(self) -> dict[str, int]:
        if self._lines is None:
            self._lines = {}
            for path, mark, _ in walk(self._root):
                self._lines.setdefault(_flat(render(path, self._root)), mark.line)
        return self._lines


def _flat(text: str) -> str:
    return text.replace("[", ".").replace("]", "")
