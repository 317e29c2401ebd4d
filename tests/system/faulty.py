"""What must be true of a run against a sandbox with a fault, alone or with workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pytest_metarelease.sandbox import FAULTS
from pytest_metarelease.sandbox.api_faults import API_FAULTS
from pytest_metarelease.sandbox.browser_faults import BROWSER_FAULTS
from tests.system.running import EXIT_CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.system.running import Ran, Runs

#: Of the faults of API and page, which a bench of their own looks at, two stand for all here.
_SAMPLES = {"sign-unprotected", "dotenv-served"}
_BENCHED = {fault.name for fault in (*API_FAULTS, *BROWSER_FAULTS)} - _SAMPLES
CAUGHT_BY = {fault.name: fault.caught_by for fault in FAULTS if fault.name not in _BENCHED}
#: The faults that breach a declared trigger, and which.
TRIGGERED = {
    "api-errors": "api-errors",
    "transactions-failing": "transaction-failures",
    "database-down": "database-unreachable",
    "health-lies": "database-unreachable",
    "tampered-orders-accepted": "critical-security-finding",
    "sign-unprotected": "critical-security-finding",
}
#: Where nothing can be asked, nothing failed: the release is unknown, which is HOLD.
UNKNOWN = {"head-old", "wrong-chain"}


#: These are tried by whole runs, as a release is; of the others only what looks where they are.
WHOLE = {
    "api-errors", "api-slow", "health-lies", "database-down", "migration-missing",
    "frontend-wrong-address", "contract-missing", "contract-other-code", "wrong-arbiter",
    "arbiter-unfunded", "contract-paused", "transactions-failing", "wrong-chain",
    "tampered-orders-accepted", "external-down", "orders-diverge", "old-release", "old-replica",
}  # fmt: skip


def run_with(runs: Runs, fault: str, *arguments: str) -> Ran:
    """Run the main job against a sandbox with the fault and hold what is true of every fault."""
    # Hypothesis is here for our own tests; to import it takes half a second of each run.
    lean = ("-p", "no:hypothesispytest")
    expression = "post_deploy" if fault in WHOLE else f"post_deploy and {_facet(fault)}"
    ran = runs.pytest("-m", expression, "--release-fault", fault, *lean, *arguments)
    assert ran.decision, ran.text
    assert ran.decision["state"] == "finished", ran.text
    assert ran.decision["rehearsal"], ran.text
    assert (ran.verdict, ran.exit_code) == (expected(fault), EXIT_CODES[expected(fault)]), ran.text
    _is_caught(ran, fault)
    _is_explained(ran, CAUGHT_BY[fault])
    _is_triggered(ran, fault)
    return ran


def _facet(fault: str) -> str:
    return "security" if fault in _SAMPLES else "chain"


def expected(fault: str) -> str:
    """Return the verdict that a fault alone must have."""
    if fault in TRIGGERED:
        return "ROLLBACK"
    return "HOLD" if fault in UNKNOWN else "NO-GO"


def _is_caught(ran: Ran, fault: str) -> None:
    state = "not verified" if fault in UNKNOWN else "failed"
    assert ran.states[CAUGHT_BY[fault]] == state, ran.text


def _is_explained(ran: Ran, item: str) -> None:
    """The reason and the next step are in the decision and before the reader's eyes."""
    reasons = ran.reasons(item)
    assert reasons, ran.text
    assert all(one["text"].strip() and one["next"].strip() for one in reasons), reasons
    assert item in ran.text
    printed = _squeezed(ran.text)
    told = [one for one in reasons if all(part in printed for part in _parts(one["text"]))]
    assert told, (reasons, ran.text)
    assert any(_squeezed("next: " + one["next"]) in printed for one in told), (told, ran.text)


def _is_triggered(ran: Ran, fault: str) -> None:
    breached = [one["id"] for one in ran.decision["triggers"] if one["state"] == "breached"]
    # Without its database the API fails as well, so another trigger may be breached beside it.
    assert bool(breached) is (fault in TRIGGERED), ran.text
    assert TRIGGERED.get(fault) in [*breached, None], ran.text
    assert ran.decision["rollback"]["proposed"] is (fault in TRIGGERED), ran.text


def _parts(reason: str) -> tuple[str, str]:
    """Return the check that a reason names and how the rest begins, however lines are broken.

    Two parts, since what is true of several checks is said once, with their names below it. Of
    addresses a terminal shows the ends only.
    """
    check, _, said = reason.rpartition("::")[2].partition(" ")
    return check.removesuffix(":"), _squeezed(said.partition("0x")[0])[:80]


def _squeezed(text: str) -> str:
    return "".join(text.split())


_PLACES = {
    "contracts": ("contracts",),
    "chain": (
        "transaction-failures", "access", "multisig", "signatures", "flows", "balance", "node",
    ),
}  # fmt: skip


def faults_of(place: Literal["contracts", "chain", "elsewhere"]) -> Sequence[str]:
    """Return the faults that are caught in one place: a file each, to spread over workers."""
    places = {f"post.{item}": name for name, items in _PLACES.items() for item in items}
    return tuple(name for name, item in CAUGHT_BY.items() if places.get(item, "elsewhere") == place)
