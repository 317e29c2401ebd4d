"""Which waivers are good, and what each of them covers.

A waiver covers what is open at one item of one release. It never covers what asks for a ROLLBACK:
nobody writes a breached trigger away.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_metarelease.approvals.model import GivenWaiver
from pytest_metarelease.gate.fingerprint import fingerprint
from pytest_metarelease.gate.states import Assessment, Ground
from pytest_metarelease.gate.values import Finding, Reason, State, Verdict
from pytest_metarelease.gate.weights import weigh

if TYPE_CHECKING:
    from pytest_metarelease.approvals.model import Waiver
    from pytest_metarelease.gate.occasion import Occasion

_OPEN = (State.FAILED, State.NOT_VERIFIED)
_NEEDED = ("item", "version", "reason", "approver", "author", "expires")
_REMOVE = "remove the file, or write a new one: `metarelease waive`"


@dataclass(frozen=True, slots=True)
class Waived:
    """The items after the waivers, which waiver covers which item, and what is to be said."""

    items: Mapping[str, Assessment]
    used: Mapping[str, GivenWaiver]
    findings: tuple[Finding, ...]


def problem_of(waiver: Waiver, occasion: Occasion) -> Reason | None:
    """Return why a waiver is good for nothing on this occasion, or None where it is good."""
    empty = [name for name in _NEEDED if not getattr(waiver, name).strip()]
    if empty:
        return Reason("waiver-incomplete", f"it lacks {', '.join(empty)}", _REMOVE)
    item = occasion.checklist.by_id.get(waiver.item)
    if item is None:
        text = f"it is for {waiver.item}, which the checklist does not have"
        return Reason("waiver-unknown-item", text, _REMOVE)
    if same_person(waiver.approver, waiver.author):
        text = f"{waiver.author} asks for it and allows it; that takes two people"
        return Reason("waiver-self-approved", text, "let somebody else allow it")
    if waiver.version != occasion.version:
        text = f"it is for version {waiver.version}, this is {occasion.version}"
        return Reason("waiver-other-release", text, _REMOVE)
    if occasion.is_over(waiver.expires):
        return Reason("waiver-expired", f"it expired at {waiver.expires}", _REMOVE)
    if not item.waivable:
        text = f"{item.id} is declared `waivable: false`"
        return Reason("waiver-not-allowed", text, "remove the file; the item must be verified")
    return None


def same_person(one: str, other: str) -> bool:
    """Return whether two names are the same, whatever their case and spaces (Unicode NFKC)."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    kept = (
        one for one in folded if not one.isspace() and unicodedata.category(one) not in ("Cf", "Cc")
    )
    return "".join(kept)


def apply_waivers(
    waivers: Sequence[GivenWaiver],
    occasion: Occasion,
    items: Mapping[str, Assessment],
    breached: AbstractSet[str],
) -> Waived:
    """Return the items with what good waivers cover taken back to a note.

    ``breached`` are the items that a certainly breached trigger names.
    """
    changed = dict(items)
    used: dict[str, GivenWaiver] = {}
    findings: list[Finding] = []
    for given in sorted(waivers, key=lambda one: one.file):
        problem = problem_of(given.waiver, occasion)
        if problem is not None:
            # One that a release left behind covers nothing in the next, and needs no HOLD.
            left = problem.code == "waiver-other-release"
            findings.append(_finding(Verdict.GO if left else Verdict.HOLD, given, problem))
            continue
        name = given.waiver.item
        against = _unneeded(given.waiver, changed.get(name))
        if against is None and _asks_for_rollback(items[name], breached):
            text = (
                f"{name} is named by a breached trigger or asks for a ROLLBACK: no waiver covers it"
            )
            against = Reason("waiver-not-for-rollback", text, "roll back, or correct the release")
        if against is not None:
            findings.append(_finding(Verdict.GO, given, against))
            continue
        changed[name], used[name] = _covered(items[name], given), given
    return Waived(changed, used, tuple(findings))


def _finding(verdict: Verdict, given: GivenWaiver, problem: Reason) -> Finding:
    return Finding(verdict, replace(problem, text=f"{given.file}: {problem.text}"))


def _unneeded(waiver: Waiver, assessment: Assessment | None) -> Reason | None:
    """Return why a good waiver covers nothing here, or None where there is something to cover."""
    if assessment is None:
        return Reason("waiver-unused", f"{waiver.item} is not in scope")
    if assessment.state not in _OPEN:
        return Reason("waiver-unused", f"not needed: {waiver.item} is {assessment.state}")
    found = fingerprint(assessment)
    if waiver.fingerprint is not None and waiver.fingerprint != found:
        text = f"it covers the failure {waiver.fingerprint} of {waiver.item}, this is {found}"
        return Reason("waiver-other-failure", text)
    return None


def _asks_for_rollback(assessment: Assessment, breached: AbstractSet[str]) -> bool:
    named = assessment.item.id in breached
    return named or weigh(assessment.item, assessment.state) is Verdict.ROLLBACK


def _covered(assessment: Assessment, given: GivenWaiver) -> Assessment:
    one = given.waiver
    text = (
        f"until {one.expires} by {one.approver}, asked for by {one.author}: "
        f"{one.reason} ({given.file})"
    )
    ground = Ground(State.WAIVED, Reason("waived", text))
    return replace(assessment, state=State.WAIVED, grounds=(ground, *assessment.grounds))
