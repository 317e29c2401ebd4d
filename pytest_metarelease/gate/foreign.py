"""A packet of another environment, held against this release, and one item judged anew from it.

Believes its record only as far as the manifest and the lock of this checkout make the same of it;
what its own decision says is not read. A waiver, a sign-off or a carried item there shows nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from pytest_metarelease.checklist import Checklist, Scope
from pytest_metarelease.gate.case import Case
from pytest_metarelease.gate.identity import unidentified_subjects
from pytest_metarelease.gate.integrity import integrity_findings, softened
from pytest_metarelease.gate.occasion import Occasion
from pytest_metarelease.gate.shards import oldest
from pytest_metarelease.gate.states import assess
from pytest_metarelease.gate.unclaimed import unclaimed_findings
from pytest_metarelease.gate.values import GivenCarry, Reason, State, Verdict
from pytest_metarelease.gate.weights import worst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.gate.values import Record
    from pytest_metarelease.manifest.model import AcceptFrom, Item

_AGAIN = "run it there again, on this very release, and give that packet"
_WHOLE = "give the whole packet as its run left it, or run it there again"


@dataclass(frozen=True, slots=True)
class Foreign:
    """One given packet with the case that it makes; ``case`` is None where there is no record."""

    given: GivenCarry
    here: Case
    occasion: Occasion
    case: Case | None

    @classmethod
    def of(cls, given: GivenCarry, here: Case, occasion: Occasion) -> Foreign:
        """Hold a packet against the release that is judged ``here``."""
        record, manifest = given.record, here.checklist.manifest
        if record is None or record.environment not in manifest.environments:
            return cls(given, here, occasion, None)
        checklist = Checklist.of(manifest, record.environment)
        everything = Scope("", tuple(checklist.by_id), complete=True)
        return cls(given, here, occasion, Case.of(checklist, everything, here.lock, record))

    def refusal(self, item: Item, accepted: AcceptFrom) -> Reason | None:
        """Return the first reason why ``item`` is not carried from it; None where it is."""
        return next(self._refusals(item, accepted), None)

    def _refusals(self, item: Item, accepted: AcceptFrom) -> Iterator[Reason]:
        record = self.given.record
        if record is None:
            problem = self.given.problem or "it could not be read"
            yield self._reason("unreadable", problem, _WHOLE)
            return
        yield from self._of_place(record, accepted)
        yield from self._of_release(record)
        yield from self._of_age(record, accepted)
        yield from self._of_code(record, accepted)
        if self.case is not None:
            yield from self._of_item(self.case, item)

    def _of_place(self, record: Record, accepted: AcceptFrom) -> Iterator[Reason]:
        if self.case is None or record.environment != accepted.environment:
            text = f"it is of {record.environment}, and the item takes {accepted.environment}"
            yield self._reason(
                "other-environment", text, f"give a packet of {accepted.environment}"
            )
            return
        declared = self.case.checklist.manifest.environments[record.environment]
        if (record.rehearsal or declared.sandbox) and not accepted.rehearsal:
            step = "verify it on a real environment, or declare accept_from: {rehearsal: true}"
            yield self._reason("rehearsal", "it is a rehearsal on a sandbox", step)

    def _of_release(self, record: Record) -> Iterator[Reason]:
        here = self.here.record
        compared = (
            ("commit", record.release_commit, here.release_commit),
            ("version", record.release_version, here.release_version),
            ("manifest", record.manifest_digest, self.here.checklist.manifest.digest),
            ("lock", record.lock_digest, self.here.lock.digest),
        )
        for name, found, wanted in compared:
            if not found or found != wanted:
                text = f"it is of {name} {found or 'unknown'}, this is {wanted or 'unknown'}"
                yield self._reason(f"other-{name}", text, _AGAIN)

    def _of_age(self, record: Record, accepted: AcceptFrom) -> Iterator[Reason]:
        # A combination is as old as its oldest part.
        for at in dict.fromkeys((record.started_at, record.finished_at, oldest(record))):
            if self.occasion.age(at) is None:
                text = f"its time {at} is still to come, or is none"
                yield self._reason(
                    "from-future", text, "set the clocks of both machines; run again"
                )
        age = self.occasion.age(oldest(record))
        if age is None or age > timedelta(seconds=accepted.max_age):
            days = f"{accepted.max_age / 86400:g} days"
            text = f"it was finished at {oldest(record)}, and the item takes none older than {days}"
            yield self._reason("too-old", text, _AGAIN)

    def _of_code(self, record: Record, accepted: AcceptFrom) -> Iterator[Reason]:
        """Yield contracts of both environments whose code is not shown to be the same."""
        if accepted.other_code is not None:
            return
        here = self.here.record
        for name in self._shared_contracts(record.environment, here.environment):
            there, ours = _code(record, name), _code(here, name)
            if not there or not ours:
                where = record.environment if not there else here.environment
                text = f"the code of {name} on {where} is not on record"
                step = "run the checks of contracts in both, or declare other_code with the reason"
                yield self._reason("code-unknown", text, step)
            elif there != ours:
                text = f"the code of {name} there is {there}, here it is {ours}"
                step = "deploy the same code in both, or declare other_code with the reason"
                yield self._reason("other-code", text, step)

    def _shared_contracts(self, *environments: str) -> list[str]:
        declared = self.here.checklist.manifest.environments
        named = [set(declared[one].contracts) for one in environments if one in declared]
        return sorted(set.intersection(*named)) if named else []

    def _of_item(self, case: Case, item: Item) -> Iterator[Reason]:
        """Judge the run and the item anew, as if it were decided there today."""
        if item.id in self.given.carried:
            yield self._reason("of-carried", "there it was carried itself", _AGAIN)
        findings = [
            *integrity_findings(case, self.occasion.now.isoformat()),
            *(softened(one, case) for one in case.record.findings),
            *(finding for _result, finding in unclaimed_findings(case)),
        ]
        verdict = worst(one.verdict for one in findings)
        if verdict is not Verdict.GO:
            said = min(one.reason.text for one in findings if one.verdict is verdict)
            yield self._reason("not-go", f"that run is {verdict}: {said}", _AGAIN)
        found = assess(item, case, unidentified_subjects(case.checklist, case.record))
        if found.state is State.VERIFIED:
            return
        why = f": {found.grounds[0].reason.text}" if found.grounds else ""
        code = "failed-there" if found.state is State.FAILED else "not-verified-there"
        step = "correct the release" if found.state is State.FAILED else _AGAIN
        yield self._reason(code, f"there it is {found.state}{why}", step)

    def _reason(self, code: str, text: str, step: str) -> Reason:
        return Reason(f"carry-{code}", f"not carried from {self.given.folder}: {text}", step)


def _code(record: Record, contract: str) -> str:
    return record.target.code_hashes.get(contract, "")
