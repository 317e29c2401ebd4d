"""The state of one item: from its checks, its lock and its evidence.

Nothing here turns a state into a verdict, and nothing but a met measurement verifies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pytest_metarelease.checklist import item_digest, not_applicable
from pytest_metarelease.gate.sign_offs import Vouched
from pytest_metarelease.gate.values import Reason, State
from pytest_metarelease.gate.words import reason, reason_of_check
from pytest_metarelease.manifest.model import Item
from pytest_metarelease.outcome import CheckResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_metarelease.gate.case import Case

_BADNESS = {State.NOT_VERIFIED: 1, State.FAILED: 2}


# More sentences than this about one item are read by nobody; its checks are all listed anyway.
_MOST_TOLD = 50


@dataclass(frozen=True, slots=True)
class Ground:
    """One reason, and the state that it leads to by itself; ``VERIFIED`` marks a note."""

    state: State
    reason: Reason


@dataclass(frozen=True, slots=True)
class Assessment:
    """The state of an item, every reason for it (worst first), and what it rests on.

    ``met`` are the distinct measurements that met, per subject.
    """

    item: Item
    state: State
    grounds: tuple[Ground, ...]
    checks: tuple[CheckResult, ...]
    met: Mapping[str, frozenset[str]]

    def with_ground(self, ground: Ground | None) -> Assessment:
        """Return the assessment with one more ground: its state only gets worse."""
        if ground is None:
            return self
        grounds = tuple(sorted((*self.grounds, ground), key=_badness, reverse=True))
        state = max(self.state, ground.state, key=lambda one: _BADNESS.get(one, 0))
        return replace(self, state=state, grounds=grounds)


def _badness(ground: Ground) -> int:
    return _BADNESS.get(ground.state, 0)


def assess(item: Item, case: Case, unidentified: Mapping[str, str]) -> Assessment:
    """Return the state of ``item`` before any trigger is looked at.

    ``unidentified`` are the subjects that are not shown to be the release (subject -> what they
    said): until they are, nothing that rests on them is verified.
    """
    why = not_applicable(item, case.checklist.environment)
    if why is not None:
        note = Ground(State.NOT_APPLICABLE, Reason("not-applicable", why))
        return Assessment(item, note.state, (note,), (), {})
    checks = case.locked_results(item)
    unlocked = case.unlocked_results(item)
    met = _met_by_subject(checks, case)
    grounds = [
        *_openings(item, case, checks),
        *(one for check in checks if (one := _of_check(item, check, case))),
        *(_of_unlocked(item, check, case) for check in unlocked),
    ]
    if not any(map(_badness, grounds)):
        grounds += _of_evidence(item, case, checks, met)
    if not any(map(_badness, grounds)):
        grounds += _of_identity(item, checks, unidentified)
    grounds.sort(key=_badness, reverse=True)
    state = grounds[0].state if grounds and _badness(grounds[0]) else _settled(item)
    return Assessment(item, state, tuple(grounds), (*checks, *unlocked), met)


def _settled(item: Item) -> State:
    return State.SIGNED if item.verified_by == "sign_off" else State.VERIFIED


def _not_verified(code: str, text: str) -> Ground:
    return Ground(State.NOT_VERIFIED, reason(code, text))


def _openings(item: Item, case: Case, checks: Sequence[CheckResult]) -> Iterator[Ground]:
    """Yield why the item cannot be verified, whatever its checks say."""
    if item.verified_by == "sign_off":
        vouched = case.vouched.get(item.id, Vouched())
        state = State.SIGNED if vouched.suffices(item) else State.NOT_VERIFIED
        yield from (Ground(state, one) for one in vouched.reasons(item))
    elif item.verified_by == "intake":
        yield _not_verified("intake-missing", "no result of its tool was handed in")
    elif case.lock.missing:
        yield _not_verified("lock-missing", "there is no checks.lock: nothing is demanded")
    elif not checks:
        text = f"checks.lock names no check of it for {case.checklist.environment}"
        yield _not_verified("no-check-locked", text)
    elif case.lock.items[item.id].digest != item_digest(item):
        yield _not_verified("lock-stale", "the item changed after checks.lock was written")


def _of_check(item: Item, check: CheckResult, case: Case) -> Ground | None:
    """Return what a demanded check says against the item; None where it is clean."""
    if check.outcome is Outcome.FAILED:
        return Ground(State.FAILED, reason_of_check(check, item, case.checklist))
    wanted = item.attempts
    flaky = check.code == "check-flaky"
    if check.outcome is not Outcome.PASSED and not flaky:
        return Ground(State.NOT_VERIFIED, reason_of_check(check, item, case.checklist))
    if flaky and not (wanted.passes <= check.passes and check.attempts <= wanted.of):
        return Ground(State.NOT_VERIFIED, reason_of_check(check, item, case.checklist))
    claimed = case.record.bindings.get(check.nodeid)
    if claimed is not None and item.id not in claimed:
        # The mark was moved and the lock was not: nobody meant this pass for this item.
        text = f"verifies {', '.join(claimed)} now, and this item no longer"
        moved = reason_of_check(check, item, case.checklist, "check-moved", text)
        return Ground(State.NOT_VERIFIED, moved)
    if check.passes < wanted.passes:
        text = f"passed {check.passes} times of the {wanted.passes} that the item declares"
        lacking = reason_of_check(check, item, case.checklist, "too-few-attempts", text)
        return Ground(State.NOT_VERIFIED, lacking)
    if flaky:
        text = f"passed in {check.passes} of {check.attempts} attempts, as declared"
        return Ground(State.VERIFIED, Reason(check.code, f"{check.nodeid} {text}"))
    return None


def _of_unlocked(item: Item, check: CheckResult, case: Case) -> Ground:
    """Return what a check outside the lock says: its failure counts, its pass does not."""
    if check.outcome in (Outcome.FAILED, Outcome.BROKEN):
        state = State.FAILED if check.outcome is Outcome.FAILED else State.NOT_VERIFIED
        return Ground(state, reason_of_check(check, item, case.checklist))
    text = f"{check.outcome.value}, but it is not in checks.lock and verifies nothing"
    note = reason_of_check(check, None, case.checklist, "check-not-locked", text)
    return Ground(State.VERIFIED, note)


def _met_by_subject(checks: Iterable[CheckResult], case: Case) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for check in checks:
        for citation in check.met:
            if case.supports(citation):
                found.setdefault(citation.subject, set()).add(citation.measurement)
    return {subject: frozenset(ids) for subject, ids in found.items()}


def _of_evidence(
    item: Item,
    case: Case,
    checks: Sequence[CheckResult],
    met: Mapping[str, frozenset[str]],
) -> list[Ground]:
    """Return what the evidence lacks: in each check, and over what the item declares."""
    grounds = _of_silence(item, case, checks)
    for need in item.evidence:
        about = [ids for subject, ids in met.items() if fnmatchcase(subject, need.subject)]
        count = len(frozenset().union(*about))
        if count < need.min:
            code = "too-little-evidence" if count else "no-evidence"
            text = f"{count} of {need.min} measurements about {need.subject} met an expectation"
            grounds.append(_not_verified(code, text))
    return grounds


def _of_silence(item: Item, case: Case, checks: Sequence[CheckResult]) -> list[Ground]:
    """Return a ground per check without evidence; of very many, the first ones and a count."""
    silent = [check for check in checks if not any(map(case.supports, check.met))]
    told = [Ground(State.NOT_VERIFIED, _silent(one, item, case)) for one in silent[:_MOST_TOLD]]
    if len(silent) > _MOST_TOLD:
        text = f"and {len(silent) - _MOST_TOLD} more checks of it are without evidence as well"
        told.append(_not_verified("check-without-evidence", text))
    return told


def _silent(check: CheckResult, item: Item, case: Case) -> Reason:
    text = "passed, but not one measurement on record met an expectation"
    return reason_of_check(check, item, case.checklist, "check-without-evidence", text)


def _of_identity(
    item: Item, checks: Sequence[CheckResult], unidentified: Mapping[str, str]
) -> list[Ground]:
    if not unidentified:
        return []
    cited = {citation.subject for check in checks for citation in check.judged}
    return [
        _not_verified("identity-unverified", f"{subject} {said}")
        for subject, said in sorted(unidentified.items())
        if subject in cited or any(fnmatchcase(subject, need.subject) for need in item.evidence)
    ]
