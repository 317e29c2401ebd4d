"""The section of the terminal that says the verdict, why, and what to do next.

Lines are plain values with the name of a style; nothing here prints or imports pytest, and no line
is wider than the terminal.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pytest_metarelease.gate.values import Decision, State, Verdict
from pytest_metarelease.reports import decision_json
from pytest_metarelease.reports.heading import header
from pytest_metarelease.reports.summary import breached, counts, unsettled, verified_of, weighty
from pytest_metarelease.reports.terminal_items import NARROWEST, Block, grouped, item_block
from pytest_metarelease.reports.terminal_target import rollback_blocks, trigger_block
from pytest_metarelease.reports.text import brief, columns, counted, one_line, shorten, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Line", "header", "lines"]

Style = Literal["red", "yellow", "green", "bold"]
_LABEL = 14
_COLOURS: dict[Verdict, Style] = {
    Verdict.GO: "green",
    Verdict.HOLD: "yellow",
    Verdict.NO_GO: "red",
    Verdict.ROLLBACK: "red",
}
_SETTLED = (State.WAIVED, State.CARRIED, State.SIGNED, State.DEFERRED)
_MANY = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the terminal and the style it may be shown in."""

    text: str
    style: Style | None = None


def lines(decision: Decision, width: int = 80, *, packet: str = "", digest: str = "") -> list[Line]:
    """Return the section: title, failed, not verified, exceptions, counts, triggers, rollback.

    ``packet`` is the folder as the reader would type it; ``digest`` the SHA-256 of
    ``decision.json``, computed here where it is not given.
    """
    width = max(width, NARROWEST)
    shown = [_title(decision, width)]
    for block, verdict in _blocks(decision, width - 2 - _LABEL):
        style = None if verdict in (None, Verdict.GO) else _COLOURS[verdict]
        shown += _laid_out(block, width, style)
    if packet:
        digest = digest or hashlib.sha256(decision_json.render(decision)).hexdigest()
        name = f"{packet.rstrip('/')}/decision.json"
        shown += _laid_out(Block("packet", f"{name}  sha256 {digest[:12]}..."), width, None)
    return shown


def _title(decision: Decision, width: int) -> Line:
    text = shorten(f" release verdict: {one_line(decision.title, 200)} ", width)
    return Line(text.center(width, "="), _COLOURS[decision.verdict])


def _laid_out(block: Block, width: int, style: Style | None) -> list[Line]:
    indent = " " * (2 + _LABEL)
    room = width - len(indent)
    start = f"  {block.label:<{_LABEL}}"
    first, *more = wrap(block.head, room, block.most) or [""]
    if block.aside and not more:
        first = f"{first}  {shorten(block.aside, room - columns(first) - 2)}".rstrip()
    laid = [Line(start + first, style), *(Line(indent + one, style) for one in more)]
    for text in block.body:
        laid += [Line(indent + one) for one in _hanging(text, room, block.most)]
    return laid


def _hanging(text: str, room: int, most: int) -> list[str]:
    """Wrap below the start of the text: past leading spaces and the number of a step."""
    bare = text.lstrip()
    number = bare.partition(". ")[0]
    first = " " * (len(text) - len(bare))
    after = first + " " * (len(number) + 2 if number.isdigit() else 0)
    wrapped = wrap(bare, room - len(after), most)
    return [(after if at else first) + one for at, one in enumerate(wrapped)]


def _blocks(decision: Decision, room: int) -> Iterator[tuple[Block, Verdict | None]]:
    triggers = trigger_block(decision, room)
    if breached(decision) and triggers:
        # Then they are the reason of the verdict, and stand where the reason is looked for.
        yield triggers, Verdict.ROLLBACK
    yield from _unsettled(decision)
    yield from _exceptions(decision)
    yield _counts(decision), None
    if triggers and not breached(decision):
        yield triggers, None
    for block in rollback_blocks(decision):
        yield block, None
    for note in _notes(decision):
        yield note, None


def _unsettled(decision: Decision) -> Iterator[tuple[Block, Verdict | None]]:
    shown: set[str] = {one.text for one in breached(decision)}
    if shown:
        # The block of the triggers has said it, with the numbers.
        shown.add("trigger-breached")
    for group in grouped([one for one in unsettled(decision) if one.state is State.FAILED], _MANY):
        yield item_block("failed", group, shown), group[0].verdict
    for check in decision.unclaimed[:_MANY]:
        body = [brief(check.text)] if check.text else []
        body += [f"next: {one_line(check.next_step)}"] if check.next_step else []
        head = f"{one_line(check.nodeid)}  {check.outcome}, no item claims it"
        yield Block("unclaimed", head, tuple(body)), Verdict.NO_GO
    if len(decision.unclaimed) > _MANY:
        rest = counted(len(decision.unclaimed) - _MANY, "more check")
        yield Block("unclaimed", f"{rest}: see decision.md"), Verdict.NO_GO
    yield from _findings(decision, shown)
    rest_of = [one for one in unsettled(decision) if one.state is State.NOT_VERIFIED]
    for group in grouped(rest_of, _MANY):
        yield item_block("not verified", group, shown), group[0].verdict


def _findings(decision: Decision, shown: set[str]) -> Iterator[tuple[Block, Verdict | None]]:
    found = [one for one in weighty(decision.findings) if one.reason.text not in shown]
    for finding in found[:_MANY]:
        reason = finding.reason
        body = [brief(reason.text)]
        body += [f"next: {one_line(reason.next_step)}"] if reason.next_step else []
        shown.add(reason.text)
        yield Block("the run", f"{reason.code}  {finding.verdict}", tuple(body)), finding.verdict
    if len(found) > _MANY:
        rest = counted(len(found) - _MANY, "more finding")
        yield Block("the run", f"{rest}: see decision.md"), found[_MANY].verdict


def _exceptions(decision: Decision) -> Iterator[tuple[Block, Verdict | None]]:
    for state in _SETTLED:
        for group in grouped([one for one in decision.items if one.state is state], _MANY):
            yield item_block(state.value, group, set()), None


def _counts(decision: Decision) -> Block:
    absent = counts(decision)[State.NOT_APPLICABLE]
    declared = f"; {absent} not applicable here, as declared" if absent else ""
    return Block("verified", f"{verified_of(decision)} items{declared}")


def _notes(decision: Decision) -> Iterator[Block]:
    for note in decision.notes[:_MANY]:
        text = brief(note.text)
        if note.next_step:
            text += f" ({one_line(note.next_step)})"
        yield Block("note", text)
    if len(decision.notes) > _MANY:
        yield Block("note", f"{counted(len(decision.notes) - _MANY, 'more note')}: see decision.md")
