"""The precondition: which subjects are not shown to be the release that is judged.

Nothing here asks a service; it reads what the run recorded of each, against what is declared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.evidence import Judgement

if TYPE_CHECKING:
    from pytest_metarelease.checklist import Checklist
    from pytest_metarelease.gate.values import Record


def unidentified_subjects(checklist: Checklist, record: Record) -> dict[str, str]:
    """Return the subjects whose identity is open, with what is known of it.

    A service that declares its identity and is not on record at all is open as well: a lost answer
    must not look better than a wrong one.
    """
    declared = checklist.manifest.environments.get(checklist.environment)
    names = declared.identities if declared else ()
    known = {one.subject for one in record.identifications}
    found = {
        subject: "was not asked which release it is"
        for subject in (f"service:{name}" for name in names)
        if subject not in known
    }
    for one in sorted(record.identifications, key=lambda each: each.actual):
        if one.judgement is not Judgement.MET:
            found[one.subject] = f"is not shown to be {one.expected}: it says {one.actual}"
    return found
