"""The fingerprint of what keeps an item from being verified, so that a waiver can name it.

Values that differ from run to run (what came back, how long it took) are no part of it.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from pytest_metarelease.evidence import Judgement
from pytest_metarelease.gate.values import State
from pytest_metarelease.outcome import Outcome

if TYPE_CHECKING:
    from pytest_metarelease.gate.states import Assessment

_OPEN = (State.FAILED, State.NOT_VERIFIED)


def fingerprint(assessment: Assessment) -> str:
    """Return 16 hex digits for an open item, nothing for a settled one.

    SHA-256, cut, over the item's id, the codes of its reasons, its checks that did not pass (node
    id, outcome, code), and what they found unmet or unknown (subject, expected value). Equal for
    the same failure in another run, whatever the order of results.
    """
    if assessment.state not in _OPEN:
        return ""
    faults = [one for one in assessment.checks if one.outcome is not Outcome.PASSED]
    found = {
        "item": assessment.item.id,
        # What was given to carry the item from elsewhere is no part of the failure.
        "reasons": sorted(
            {
                one.reason.code
                for one in assessment.grounds
                if one.state in _OPEN and not one.reason.code.startswith("carry-")
            }
        ),
        "checks": sorted({(one.nodeid, one.outcome.value, one.code) for one in faults}),
        "evidence": sorted(
            {
                (citation.subject, citation.judgement.value, citation.expected)
                for one in faults
                for citation in one.judged
                if citation.judgement in (Judgement.UNMET, Judgement.UNKNOWN)
            }
        ),
    }
    text = json.dumps(found, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
