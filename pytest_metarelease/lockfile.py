"""``checks.lock``: the committed list of the checks of each item, read, written and compared.

Refuses a lock that is torn, edited into nonsense or says a thing twice. It never decides what a
missing check means; the gate does.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import TYPE_CHECKING

from pytest_metarelease.checklist import Lock, LockedItem
from pytest_metarelease.errors import ManifestError
from pytest_metarelease.manifest.nodes import Mapping as MappingNode
from pytest_metarelease.manifest.nodes import Node, Scalar, Sequence, parse
from pytest_metarelease.manifest.plain import not_text
from pytest_metarelease.manifest.problems import Mark, Problems, suggestion
from pytest_metarelease.manifest.source import read_source
from pytest_metarelease.manifest.values import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_MOST_BYTES = 64 << 20
_MOST_NODES = 1_000_000
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:\[\]=,-]*(?<!:)")
_BETWEEN_NAMES = ", "
_HEADER = """\
# The checks of each checklist item, by environment. Written by `metarelease lock`, compared in CI
# by `metarelease lock --check`, and reviewed like code: a line less here is a check less there.
"""


def read_lock(path: Path) -> Lock:
    """Return the lock; one without a digest where there is no file.

    Raises:
        ManifestError: The file is malformed; one line per problem, with its place.
    """
    problems = Problems(str(path))
    try:
        source = read_source(path, problems, _MOST_BYTES)
    except FileNotFoundError:
        return Lock()
    root = parse(source.text, problems, most_nodes=_MOST_NODES)
    problems.raise_if_any()
    items = _Reading(problems).items(root)
    problems.raise_if_any()
    return Lock(items, hashlib.sha256(source.data).hexdigest())


def write_lock(path: Path, items: Mapping[str, LockedItem]) -> None:
    """Write the lock whole or not at all; equal items give equal bytes.

    Raises:
        ManifestError: The file cannot be written.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(render_lock(items).encode())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ManifestError(f"{path}: cannot be written: {error.strerror or error}") from None


def render_lock(items: Mapping[str, LockedItem]) -> str:
    """Return the text of a lock, sorted; environments with the same checks share one list."""
    lines = ["items:" if items else "items: {}"]
    for name in sorted(items):
        lines += [f"  {_scalar(name)}:", f"    digest: {_scalar(items[name].digest)}"]
        shared = _shared(items[name].checks)
        lines.append("    environments:" if shared else "    environments: {}")
        for environments, checks in shared:
            lines.append(f"      {_scalar(_BETWEEN_NAMES.join(environments))}:")
            lines += [f"        - {_scalar(check)}" for check in checks]
    return _HEADER + "\n".join(lines) + "\n"


def differences(committed: Lock, fresh: Mapping[str, LockedItem]) -> tuple[str, ...]:
    """Return how the committed lock differs from a fresh one, one line each, for people."""
    if committed.missing:
        return ("there is no lock yet",)
    return tuple(_differences(committed.items, fresh))


def _differences(
    committed: Mapping[str, LockedItem], fresh: Mapping[str, LockedItem]
) -> Iterator[str]:
    for name in sorted({*committed, *fresh}):
        if name not in committed:
            yield f"{name}: is not in the lock"
        elif name not in fresh:
            yield f"{name}: is in the lock, but not in the checklist"
        elif committed[name].digest != fresh[name].digest:
            yield f"{name}: what the manifest declares of it has changed"
        was, now = _by_check(committed.get(name)), _by_check(fresh.get(name))
        for check in sorted({*was, *now}):
            before, after = was.get(check, set()), now.get(check, set())
            if gone := sorted(before - after):
                yield f"{name}: - {check} ({_BETWEEN_NAMES.join(gone)})"
            if new := sorted(after - before):
                yield f"{name}: + {check} ({_BETWEEN_NAMES.join(new)})"


def _by_check(item: LockedItem | None) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for environment, checks in item.checks.items() if item else ():
        for check in checks:
            found.setdefault(check, set()).add(environment)
    return found


def _shared(checks: Mapping[str, tuple[str, ...]]) -> list[tuple[list[str], tuple[str, ...]]]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for environment in sorted(checks):
        unique = tuple(sorted(set(checks[environment])))
        if unique:
            groups.setdefault(unique, []).append(environment)
    return [(names, unique) for unique, names in groups.items()]


def _scalar(text: str) -> str:
    """Return a YAML scalar that reads as ``text``: plain where that is clear, else quoted."""
    if _PLAIN.fullmatch(text) and not_text(text) is None:
        return text
    # JSON's quoting is YAML's, except for what YAML does not let stand unescaped.
    return re.sub(
        r"[\x7f-\x9f\u2028\u2029\ufeff]",
        lambda found: f"\\u{ord(found[0]):04x}",
        json.dumps(text, ensure_ascii=False),
    )


class _Reading:
    """One pass over the tree of a lock; problems are collected, not raised."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems

    def items(self, root: Node | None) -> dict[str, LockedItem]:
        """Return the items of the lock as far as they can be read."""
        top = self._keys(root, "", ("items",))
        found = {}
        node = top.get("items") if top else None
        for name, entry in node.entries.items() if isinstance(node, MappingNode) else ():
            item = self._keys(entry.node, f"items.{name}", ("digest", "environments"))
            if item is not None:
                found[name] = self._item(item, f"items.{name}")
        if node is not None and not isinstance(node, MappingNode):
            self.problems.add(node.mark, "items", "expected the items by their ids")
        return found

    def _keys(self, node: Node | None, key: str, known: tuple[str, ...]) -> MappingNode | None:
        if not isinstance(node, MappingNode):
            mark = node.mark if node is not None else Mark()
            self.problems.add(mark, key, f"expected {', '.join(known)}; run `metarelease lock`")
            return None
        for name, entry in node.entries.items():
            if name not in known:
                self.problems.add(
                    entry.mark, f"{key}.{name}".strip("."), f"unknown key{suggestion(name, known)}"
                )
        for name in known:
            if name not in node.entries:
                self.problems.add(node.mark, f"{key}.{name}".strip("."), "is missing")
        return node

    def _item(self, node: MappingNode, key: str) -> LockedItem:
        digest = node.get("digest")
        text = digest.text if isinstance(digest, Scalar) else ""
        if digest is not None and not _DIGEST.fullmatch(text):
            self.problems.add(digest.mark, f"{key}.digest", "is no SHA-256 in hexadecimal")
        environments = node.get("environments")
        if environments is not None and not isinstance(environments, MappingNode):
            why = "expected environments and their checks"
            self.problems.add(environments.mark, f"{key}.environments", why)
            environments = None
        return LockedItem(text, self._checks(environments, key))

    def _checks(self, node: MappingNode | None, key: str) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for names, entry in node.entries.items() if node else ():
            checks = self._list(entry.node, f"{key}.environments.{names}")
            for name in names.split(_BETWEEN_NAMES):
                if name in found:
                    why = f"{name} is listed twice"
                    self.problems.add(entry.mark, f"{key}.environments.{names}", why)
                found[name] = checks
        return found

    def _list(self, node: Node, key: str) -> tuple[str, ...]:
        if not isinstance(node, Sequence):
            self.problems.add(node.mark, key, "expected a list of node ids")
            return ()
        seen: dict[str, None] = {}
        for one in node.items:
            try:
                text = text_of(one) if isinstance(one, Scalar) else ""
            except ValueError as error:
                self.problems.add(one.mark, key, str(error))
                continue
            if not text or text in seen:
                why = f"{text} is listed twice" if text else "expected a node id"
                self.problems.add(one.mark, key, why)
            seen[text] = None
        return tuple(seen)
