"""YAML text as a tree of nodes that know their places.

Refuses what makes a manifest say something else than it seems to: aliases, tags, duplicate keys,
several documents, and whatever is too large or too deep. Nothing here knows what keys mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeAlias

import yaml

from pytest_metarelease.manifest.plain import not_text
from pytest_metarelease.manifest.problems import Mark, Problems, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_NODES = 50_000
MOST_DEPTH = 40


class Style(Enum):
    """How a scalar came: plain scalars may mean numbers, quoted ones never do."""

    PLAIN = "plain"
    QUOTED = "quoted"
    VARIABLE = "variable"


@dataclass(slots=True)
class Scalar:
    """A single value as its text."""

    mark: Mark
    text: str
    style: Style


@dataclass(slots=True)
class Sequence:
    """A list of nodes."""

    mark: Mark
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    """Keys, each with its own place, and their nodes, in the order of the file."""

    mark: Mark
    entries: dict[str, Entry] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        """Return the node under ``key``, or None."""
        entry = self.entries.get(key)
        return entry.node if entry else None


@dataclass(slots=True)
class Entry:
    """One key of a mapping, where it stands, and its node."""

    mark: Mark
    node: Node


Node: TypeAlias = Scalar | Sequence | Mapping
Path: TypeAlias = tuple[str | int, ...]
_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def render(path: Path, root: Node | None = None) -> str:
    """Return a path for people: ``checklist[post.health].severity``.

    Elements of a list are named by their ``id`` where they have one, else by their index.
    """
    text, node = "", root
    for step in path:
        if isinstance(step, int):
            items = node.items if isinstance(node, Sequence) else []
            node = items[step] if step < len(items) else None
            text += f"[{_id_of(node) or step}]"
        else:
            node = node.get(step) if isinstance(node, Mapping) else None
            text += f".{step}" if text else step
    return text


def _id_of(node: Node | None) -> str | None:
    named = node.get("id") if isinstance(node, Mapping) else None
    return named.text if isinstance(named, Scalar) else None


def locate(root: Node, path: Path, *, key: bool = False) -> Mark:
    """Return where the value at ``path`` stands, or its key, or what is nearest above it.

    Values that span lines, and what is missing, are found by their key.
    """
    node, mark = root, root.mark
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str) and step in node.entries:
            entry = node.entries[step]
            node = entry.node
            mark = node.mark if isinstance(node, Scalar) and not key else entry.mark
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            mark = node.mark
        else:
            break
    return mark


def walk(node: Node, path: Path = ()) -> Iterator[tuple[Path, Mark, Node]]:
    """Yield every node with its path and the place of its key, parents first."""
    yield path, node.mark, node
    if isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from walk(item, (*path, index))
    elif isinstance(node, Mapping):
        for key, entry in node.entries.items():
            below = walk(entry.node, (*path, key))
            next(below)
            yield (*path, key), entry.mark, entry.node
            yield from below


def parse(text: str, problems: Problems, *, most_nodes: int = MOST_NODES) -> Node | None:
    """Return the tree of one YAML document, or None where there is none to be had.

    Problems are added to ``problems``; after a syntax error the rest of the text is not read.
    """
    builder = _Builder(problems, most_nodes)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            if not builder.take(event):
                return None
    except yaml.YAMLError as error:
        _report(error, text, problems)
        return None
    return builder.root


@dataclass(slots=True)
class _Frame:
    """An open collection; of a mapping also the key whose value is read or awaited."""

    node: Mapping | Sequence
    key: str = ""
    key_mark: Mark = field(default_factory=Mark)
    awaits_key: bool = True


class _Builder:
    """Builds the tree from parser events without recursion, so that depth is ours to bound."""

    def __init__(self, problems: Problems, most_nodes: int) -> None:
        self.problems = problems
        self._most_nodes = most_nodes
        self.root: Node | None = None
        self._open: list[_Frame] = []
        self._count = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> bool:
        """Take one event; False means that reading further makes no sense."""
        mark = _mark(event.start_mark)
        if isinstance(event, yaml.ScalarEvent):
            # The C parser says None or an empty style for plain scalars, the other one too.
            style = Style.QUOTED if event.style else Style.PLAIN
            return self._add(Scalar(mark, event.value, style), event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._enter(Mapping(mark), event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._enter(Sequence(mark), event)
        if isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
        elif isinstance(event, yaml.AliasEvent):
            why = f"alias *{event.anchor}: aliases are not read here; write the value out"
            return self._stop(mark, why)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                return self._stop(mark, "a second document starts here; the file must hold one")
        return True

    def _stop(self, mark: Mark, text: str) -> bool:
        self.problems.add(mark, self._path(), text)
        return False

    def _enter(self, node: Mapping | Sequence, event: yaml.NodeEvent) -> bool:
        if len(self._open) >= MOST_DEPTH:
            return self._stop(node.mark, f"nested deeper than {MOST_DEPTH} levels")
        if self._open and isinstance(self._open[-1].node, Mapping) and self._open[-1].awaits_key:
            return self._stop(node.mark, "a key must be a text; quote a ${NAME} inside {...}")
        going_on = self._add(node, event)
        self._open.append(_Frame(node))
        return going_on

    def _add(self, node: Node, event: yaml.NodeEvent) -> bool:
        self._count += 1
        if self._count > self._most_nodes:
            return self._stop(node.mark, f"more than {self._most_nodes} values")
        if (tag := getattr(event, "tag", None)) is not None:
            why = f"tag {quoted(tag)}: tags are not read here; quote texts instead"
            self.problems.add(node.mark, self._path(), why)
        if not self._open:
            self.root = node
            return True
        frame = self._open[-1]
        if isinstance(frame.node, Sequence):
            frame.node.items.append(node)
        elif isinstance(node, Scalar) and frame.awaits_key:
            self._add_key(frame, frame.node, node)
        else:
            frame.awaits_key = True
            # The first of two equal keys stays; the second was reported with its own place.
            frame.node.entries.setdefault(frame.key, Entry(frame.key_mark, node))
        return True

    def _add_key(self, frame: _Frame, parent: Mapping, key: Scalar) -> None:
        frame.key, frame.key_mark, frame.awaits_key = key.text, key.mark, False
        first = parent.entries.get(key.text)
        if first is not None:
            why = f"duplicate key; it stands in line {first.mark.line} already"
            self.problems.add(key.mark, self._path(), why)
        elif key.style is Style.PLAIN and (unclear := not_text(key.text)) is not None:
            self.problems.add(key.mark, self._path(), f"as a key, {unclear}")

    def _path(self) -> str:
        steps: list[str | int] = []
        for frame in self._open:
            if isinstance(frame.node, Mapping):
                steps.append(frame.key)
            else:
                steps.append(max(len(frame.node.items) - 1, 0))
        return render(tuple(step for step in steps if step != ""), self.root)


class _YamlMark(Protocol):
    line: int
    column: int


def _mark(mark: _YamlMark | None) -> Mark:
    if mark is None:
        return Mark()
    return Mark(mark.line + 1, mark.column + 1)


def _report(error: yaml.YAMLError, text: str, problems: Problems) -> None:
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        mark = Mark(before.count("\n") + 1, error.position - (before.rfind("\n") + 1) + 1)
        code = error.character if isinstance(error.character, int) else ord(error.character)
        problems.add(mark, "", f"character U+{code:04X} may not stand in YAML; write it as \\x...")
        return
    found = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    mark = _mark(found)
    context = getattr(error, "context", None)
    what = getattr(error, "problem", None) or "no YAML"
    said = f"{what} {context}" if context else what
    problems.add(mark, "", f"not readable as YAML: {said}{_hint(text, mark)}")


def _hint(text: str, mark: Mark) -> str:
    """What people most often meant where the parser gave up."""
    line = (text.split("\n")[mark.line - 1 : mark.line] or [""])[0]
    at = line[mark.column - 1 :]
    if at.startswith("\t"):
        return "; indent with spaces, not with tabs"
    if at.startswith("{") and line[: mark.column - 1].endswith("$"):
        name = at.partition("}")[0] + "}"
        return f'; inside {{...}} and [...] quote a variable: "${name}"'
    if at.startswith(("@", "`", "%", "*", "&")):
        return "; quote a text that starts so"
    return ""
