"""What a reason tells a release manager to do next, and how to run one check again.

Texts only: no state and no verdict depends on anything in here.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pytest_metarelease.gate.values import Reason

if TYPE_CHECKING:
    from pytest_metarelease.checklist import Checklist
    from pytest_metarelease.manifest.model import Item
    from pytest_metarelease.outcome import CheckResult

_NEXT = {
    "check-broken": "find out why the question got no answer, then run it again",
    "check-crashed": "find out what ended the process, then run it again",
    "check-failed": "correct the release or the check, then run it again",
    "check-flaky": "find out why it does not always pass, or declare `attempts` on the item",
    "check-interrupted": "find out what ended the run early, then run it again",
    "check-moved": "restore the mark, or run `metarelease lock` and have the change reviewed",
    "check-not-locked": "run `metarelease lock` and have the change reviewed",
    "check-not-run": "run the whole stage: nothing but -m may make it smaller",
    "check-repeated": "run every check once: a plugin or an option repeats it",
    "check-skipped": "supply what it lacks, then run it again",
    "check-without-evidence": "let the check ask through a probe and judge with .expect(...)",
    "check-xfail": "remove the xfail mark: what is expected to fail verifies nothing",
    "evidence-unknown": "find out why the question got no answer, then run it again",
    "evidence-unmet": "correct the release, or the expectation in the manifest",
    "identity-unverified": "deploy the release that is judged everywhere, then run it again",
    "intake-missing": "hand in the result of the tool; until then the item stays open",
    "lock-missing": "run `metarelease lock` and commit checks.lock",
    "lock-stale": "run `metarelease lock` and have the change reviewed",
    "no-check-locked": "write a check with @pytest.mark.verifies, then run `metarelease lock`",
    "no-evidence": "let a check of this item measure the subject that it declares",
    "not-ready": "find out why the service does not become healthy, then run it again",
    "subtest-skipped": "supply what the subtest lacks, then run it again",
    "too-few-attempts": "run the check as often as the item declares",
    "too-little-evidence": "measure as often as the item declares, or correct its `evidence`",
    "trigger-breached": "roll back what the plan proposes, then verify the rollback stage",
    "trigger-idle": "wait for traffic, or declare `when_idle: note` on the trigger",
    "trigger-inconclusive": "sample longer, then run it again",
    "trigger-not-measured": "let a check of the item record a sample of the measure",
    "unclaimed-broken": "find out why it broke, or let it verify an item",
    "unclaimed-failed": "correct what it found, or let it verify an item",
}


def run_again(nodeid: str, item: Item | None, checklist: Checklist) -> str:
    """Return the command that runs one check again; ``nodeid`` is relative to the manifest."""
    place = PurePosixPath(checklist.manifest.file).parent / nodeid
    stage = f" -m {item.stage.value}" if item else ""
    return f'pytest{stage} --release-env {checklist.environment} "{place}"'


# What an item's own `next` is about: the release is not as it must be. Where nobody could ask,
# it would send people to repair what nobody looked at.
_SEEN = {"check-failed", "evidence-unmet"}


def reason(code: str, text: str, next_step: str | None = None) -> Reason:
    """Return a reason about an item as a whole; without a next step the code's own."""
    return Reason(code, text, next_step or _NEXT[code])


def reason_of_check(
    result: CheckResult, item: Item | None, checklist: Checklist, code: str = "", text: str = ""
) -> Reason:
    """Return the reason that one check gives, with what it saw and how to run it again."""
    code = code or result.code
    text = text or f"{result.outcome.value}: {result.text or 'nothing was said about why'}"
    if item and item.next and code in _SEEN:
        return Reason(code, f"{result.nodeid} {text}", item.next)
    step = result.next_step or _NEXT.get(code, "find out why, then run it again")
    again = run_again(result.nodeid, item, checklist)
    return Reason(code, f"{result.nodeid} {text}", f"{step}. Again: {again}")
