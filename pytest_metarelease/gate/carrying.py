"""What cannot be tried here, carried from where it was verified (``accept_from``, DESIGN 4).

Only what is not verified here is carried, and never over something that was measured against it.
Nothing that the other packet concludes is believed; ``foreign`` judges its record anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_metarelease.evidence import Judgement
from pytest_metarelease.gate.foreign import Foreign
from pytest_metarelease.gate.shards import oldest
from pytest_metarelease.gate.states import Assessment, Ground
from pytest_metarelease.gate.values import Finding, GivenCarry, Reason, State, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.gate.case import Case
    from pytest_metarelease.gate.occasion import Occasion
    from pytest_metarelease.manifest.model import AcceptFrom


@dataclass(frozen=True, slots=True)
class Carried:
    """The items after carrying, from which packet each was carried, and notes about the others."""

    items: Mapping[str, Assessment]
    used: Mapping[str, GivenCarry]
    notes: tuple[Finding, ...] = ()


def carry(
    items: Mapping[str, Assessment],
    carries: Sequence[GivenCarry],
    case: Case,
    occasion: Occasion,
    measured: AbstractSet[str] = frozenset(),
) -> Carried:
    """Return ``items`` with those carried that one of ``carries`` shows, and the others told why.

    ``measured`` are the items that a trigger measures: a rate elsewhere says nothing of one here.
    A packet can only turn *not verified* into *carried*; of several good ones the newest counts.
    """
    packets = [Foreign.of(one, case, occasion) for one in sorted(carries, key=_age)]
    changed = dict(items)
    used: dict[str, GivenCarry] = {}
    for name, assessment in items.items():
        accepted = assessment.item.accept_from
        if accepted is None or assessment.state is not State.NOT_VERIFIED:
            continue
        against = _against(assessment, accepted, case, name in measured)
        refused = [against] if against else []
        if against is None:
            for packet in packets:
                why = packet.refusal(assessment.item, accepted)
                if why is None:
                    changed[name], used[name] = _carried(assessment, packet.given), packet.given
                    break
                refused.append(why)
        if name not in used:
            changed[name] = _refused(assessment, refused or [_missing(accepted)])
    return Carried(changed, used, tuple(_notes(carries, used)))


def _age(given: GivenCarry) -> tuple[bool, tuple[int, ...], str, str]:
    """Order packets from the newest to the oldest, whatever order they were given in."""
    if given.record is None:
        return (True, (), "", given.folder)
    newest_first = tuple(-ord(one) for one in oldest(given.record))
    return (False, newest_first, given.record.run_id, given.folder)


def _against(
    assessment: Assessment,
    accepted: AcceptFrom,
    case: Case,
    under_trigger: bool,  # noqa: FBT001 - said by its name
) -> Reason | None:
    """Return why the item may not be carried from anywhere, whatever a packet says."""
    if case.checklist.environment == accepted.environment:
        text = f"it is carried from {accepted.environment}; here it must be verified itself"
        return Reason("carry-same-environment", text, "let its checks run and measure")
    if under_trigger:
        text = "a trigger measures it: what was measured elsewhere says nothing of here"
        return Reason("carry-under-trigger", text, "remove accept_from; measure it here")
    if any(one.reason.code == "identity-unverified" for one in assessment.grounds):
        text = "what answers here is not shown to be the release, so nothing is carried to it"
        return Reason("carry-unidentified-here", text, "deploy the release, then run it again")
    for check in assessment.checks:
        unmet = any(one.judgement is Judgement.UNMET for one in check.judged)
        if unmet or check.code == "check-flaky":
            text = f"{check.nodeid} saw a failure here, which nothing from elsewhere outweighs"
            return Reason("carry-failed-here", text, "correct what it found, then run it again")
    return None


def _missing(accepted: AcceptFrom) -> Reason:
    text = f"it may be carried from {accepted.environment}, and no packet was given"
    step = "give the packet of a run there: --release-carry=DIR, or --carry DIR of `check`"
    return Reason("carry-missing", text, step)


def _refused(assessment: Assessment, refused: Sequence[Reason]) -> Assessment:
    grounds = (Ground(State.NOT_VERIFIED, one) for one in dict.fromkeys(refused))
    return replace(assessment, grounds=(*assessment.grounds, *grounds))


def _carried(assessment: Assessment, given: GivenCarry) -> Assessment:
    ground = Ground(State.CARRIED, Reason("carried", carried_text(given)))
    return replace(assessment, state=State.CARRIED, grounds=(ground, *assessment.grounds))


def carried_text(given: GivenCarry) -> str:
    """Return ``verified on staging, run R of DATE (FOLDER)``."""
    record = given.record
    if record is None:
        return f"from {given.folder}"
    rehearsal = " (a rehearsal)" if record.rehearsal else ""
    return (
        f"verified on {record.environment}{rehearsal} by run {record.run_id}, "
        f"finished {record.finished_at} ({given.folder})"
    )


def _notes(carries: Sequence[GivenCarry], used: Mapping[str, GivenCarry]) -> Iterator[Finding]:
    """Yield the packets that carry nothing: not needed, or refused, which their items tell."""
    for given in carries:
        if given not in used.values():
            text = f"nothing was carried from {given.folder}"
            text += f": {given.problem}" if given.problem else ""
            yield Finding(Verdict.GO, Reason("carry-unused", text))
