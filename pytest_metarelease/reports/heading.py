"""The lines before the first test: what is released where, what answers there, and over what.

It shows what was measured before the run or declared; it judges nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pytest_metarelease.reports.text import columns, counted, one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.checklist import Scope
    from pytest_metarelease.manifest.model import Item, Release

_WIDTH = 80
_NAME = 10


def header(
    *,
    release: Release,
    environment: str,
    manifest: str,
    access: str,
    targets: Sequence[tuple[str, str, str]],
    chain: tuple[str, str] | None = None,
    scope: Scope,
    items: Sequence[Item],
    gate: str = "",
    width: int = _WIDTH,
) -> list[str]:
    """Return the block of the session's start.

    Args:
        release: Name, version and commit that are judged.
        environment: Where.
        manifest: Path of ``release.yaml`` as the user would type it.
        access: ``read-only`` or ``transact``.
        targets: Name, address, and what it said of itself, of every service.
        chain: Masked address of the RPC, and the pinned block.
        scope: What the run is about.
        items: The whole checklist, for counts by severity.
        gate: Why the gate is on.
        width: Columns of the terminal.
    """
    rows = [(name, address, said) for name, address, said in targets]
    if chain is not None:
        rows.append(("chain", *chain))
    commit = f" ({release.commit[:7]})" if release.commit else ""
    judged = f"{release.name} {release.version}{commit} -> {environment} ({access})"
    first = f"release  {one_line(judged, 300)}"
    shown = [_with_right(first, manifest, width), *_rows(rows, width)]
    shown.append(_labelled("scope", _scope(scope, items), width))
    if gate:
        shown.append(_labelled("gate", gate, width))
    return shown


def _with_right(left: str, right: str, width: int) -> str:
    right = one_line(right, 300)
    gap = width - columns(left) - columns(right)
    return f"{left}{' ' * gap}{right}" if gap >= 2 else shorten(left, width)


def _rows(rows: Sequence[tuple[str, str, str]], width: int) -> list[str]:
    """Return name, address, and what was said, the addresses aligned where that fits."""
    longest = max((columns(address) for _name, address, _said in rows), default=0)
    aligned = min(longest, (width - 2 - _NAME) // 2)
    texts = []
    for name, address, said in rows:
        address = one_line(address, 300)
        padded = address + " " * (aligned - columns(address))
        texts.append(
            _labelled(name, f"{padded}  {one_line(said, 300)}" if said else address, width)
        )
    return texts


def _labelled(label: str, text: str, width: int) -> str:
    name = shorten(one_line(label, 60), max(_NAME, 20))
    return shorten(f"  {name:<{_NAME - 1}} {text}", width).rstrip()


def _scope(scope: Scope, items: Sequence[Item]) -> str:
    chosen = set(scope.items)
    severities = Counter(item.severity.value for item in items if item.id in chosen)
    by_severity = "".join(f", {count} {name}" for name, count in sorted(severities.items()))
    part = "" if scope.complete else " (a part of its stage)"
    expression = scope.expression or "everything"
    return f"{expression}: {counted(len(scope.items), 'item')}{by_severity}{part}"
