"""Blocks of the terminal section about items: one by one, or grouped where many share a reason.

A block holds text only; how it is laid out in columns is in ``terminal``.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_metarelease.reports.text import brief, counted, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.gate.values import ItemDecision

NARROWEST = 40
_REASONS = 3
_LINES = 6
_NAMES = 16
_CHECKS = 4
_LONGEST = 360
_OWN_STEPS = "each has its own in decision.md"
_NODEID = re.compile(r"\S+\.py::(\S+):? ")


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
    body = [*_reasons(item, shown), *_next_steps(item, shown)]
    return Block(label, f"{item.id}  {item.severity}", tuple(body), one_line(item.title, 200))


def _reasons(item: ItemDecision, shown: set[str]) -> list[str]:
    """Return what is new of an item's reasons, and which of its checks say what was said before."""
    texts: list[str] = []
    repeated: list[str] = []
    left = 0
    for reason in item.reasons:
        if reason.code in shown:
            continue
        name, said = _parted(reason.text)
        if said in shown:
            repeated += [name] if name else []
        elif len(texts) < _REASONS:
            shown.add(said)
            texts.append(f"{name} {said}".strip())
        else:
            left += 1
    if repeated:
        texts.append(f"as above: {_listed(repeated, _CHECKS)}")
    if left:
        texts.append(f"and {counted(left, 'more reason')}: see decision.md")
    return texts


def _parted(text: str) -> tuple[str, str]:
    """Return the check that a reason is about, without its file, and what is said of it.

    The summary of pytest and decision.md have the whole node id.
    """
    said = brief(text, _LONGEST)
    found = _NODEID.match(said)
    return (found[1], said[found.end() :]) if found else ("", said)


def _next_steps(item: ItemDecision, shown: set[str]) -> list[str]:
    steps = dict.fromkeys(one.next_step for one in item.reasons if one.next_step)
    return [text for step in steps for text in _said_once(f"next: {one_line(step, 400)}", shown)]


def _listed(names: Sequence[str], most: int) -> str:
    more = f" and {len(names) - most} more: see decision.md" if len(names) > most else ""
    return ", ".join(names[:most]) + more


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
        text = " ".join(_parted(reasons[0].text)).strip()
        body += _said_once(text if same else f"such as: {text}", shown)
        steps = {one.next_step for one in reasons}
        alone = one_line(reasons[0].next_step, 400) if len(steps) == 1 else _OWN_STEPS
        body += _said_once(f"next: {alone}", shown) if alone else []
    body.append(_listed([one.id for one in items], _NAMES))
    return Block(label, head, tuple(body))
