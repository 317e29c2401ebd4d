"""Blocks of the terminal section about items: one by one, or grouped where many share a reason.

A block holds text only; how it is laid out in columns is in ``terminal``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_metarelease.reports.text import brief, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.gate.values import ItemDecision

NARROWEST = 40
_REASONS = 3
_LINES = 6
_NAMES = 16


@dataclass(frozen=True, slots=True)
class Block:
    """A label, what stands beside it, and the texts below; each is wrapped to ``most`` lines.

    ``aside`` follows the head where there is room, cut to it.
    """

    label: str
    head: str
    body: tuple[str, ...] = ()
    aside: str = ""
    most: int = _LINES


def grouped(items: Sequence[ItemDecision], many: int) -> list[tuple[ItemDecision, ...]]:
    """Return items one by one, but those of which more than ``many`` share a reason together."""
    code_of = {one.id: one.reasons[0].code if one.reasons else "" for one in items}
    frequent = {code for code, count in Counter(code_of.values()).items() if count > many}
    groups: list[tuple[ItemDecision, ...]] = []
    seen: set[str] = set()
    for item in items:
        code = code_of[item.id]
        if code not in frequent:
            groups.append((item,))
        elif code not in seen:
            seen.add(code)
            groups.append(tuple(one for one in items if code_of[one.id] == code))
    return groups


def item_block(label: str, items: Sequence[ItemDecision], shown: set[str]) -> Block:
    """Return the block of one item, or of several with the same reason.

    ``shown`` collects the sentences that the reader has seen, so that none is said twice.
    """
    if len(items) == 1:
        return _single(label, items[0], shown)
    return _several(label, items, shown)


def _single(label: str, item: ItemDecision, shown: set[str]) -> Block:
    head = f"{item.id}  {item.severity}"
    body: list[str] = []
    for reason in item.reasons[:_REASONS]:
        body += _said_once(brief(reason.text, 600), shown)
        if reason.next_step:
            body += _said_once(f"next: {one_line(reason.next_step, 400)}", shown)
    if len(item.reasons) > _REASONS:
        body.append(f"and {len(item.reasons) - _REASONS} more: see decision.md")
    return Block(label, head, tuple(body), one_line(item.title, 200))


def _said_once(text: str, shown: set[str]) -> list[str]:
    if not text or text in shown:
        return []
    shown.add(text)
    return [text]


def _several(label: str, items: Sequence[ItemDecision], shown: set[str]) -> Block:
    severities = Counter(one.severity.value for one in items)
    by_severity = ", ".join(f"{count} {name}" for name, count in sorted(severities.items()))
    reasons = [one.reasons[0] for one in items if one.reasons]
    head = f"{len(items)} items ({by_severity})"
    body: list[str] = []
    if reasons:
        head += f": {reasons[0].code}"
        same = len({one.text for one in reasons}) == 1
        text = brief(reasons[0].text, 600)
        body += _said_once(text if same else f"such as: {text}", shown)
        if reasons[0].next_step:
            body += _said_once(f"next: {one_line(reasons[0].next_step, 400)}", shown)
    rest = f" and {len(items) - _NAMES} more: see decision.md" if len(items) > _NAMES else ""
    body.append(", ".join(one.id for one in items[:_NAMES]) + rest)
    return Block(label, head, tuple(body))
