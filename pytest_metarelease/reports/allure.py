"""The one door to Allure: results that it cannot know of, written after the run.

Nothing that Allure wrote is removed. A result is corrected only where it says passed of a check
that the run never saw pass, or that passed without any evidence.
"""

from __future__ import annotations

import json
import time
import uuid
from datetime import datetime
from hashlib import md5
from typing import TYPE_CHECKING, Any

from allure_commons import model2
from attr import asdict

from pytest_metarelease.outcome import Outcome
from pytest_metarelease.reports import decision_json, markdown
from pytest_metarelease.reports.allure_context import categories, environment, executor
from pytest_metarelease.reports.allure_entries import (
    VERDICT,
    Entry,
    check_entries,
    finding_entries,
    items_without_checks,
    verdict_entry,
    verdict_labels,
    verdict_place,
)
from pytest_metarelease.reports.allure_found import by_check, earlier_starts, results_in, root_of
from pytest_metarelease.reports.allure_masking import MEASURED_NOTHING
from pytest_metarelease.reports.files import write_atomically
from pytest_metarelease.reports.text import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_metarelease.gate.values import Decision
    from pytest_metarelease.outcome import CheckResult
    from pytest_metarelease.reports.allure_found import Found
    from pytest_metarelease.reports.allure_steps import Step

_NAMES = uuid.UUID("6f1f3a52-6a0e-5c0c-9d6e-2f7b8c1d4e90")
_INCOMPLETE_NEXT = "look at the end of the log of the run; a verdict needs a run that finished"


def write_incomplete(
    folder: Path,
    run_id: str,
    title: str,
    *,
    started_ms: int | None = None,
    why: str = "the run has not finished: there is no verdict, and tests may be missing",
) -> None:
    """Write the entry that stands until the run is over: INCOMPLETE, broken.

    Its file has a name of its own per run, which ``write_results`` replaces; written after that,
    it takes the verdict back.

    Args:
        folder: Allure's results; made where it is missing.
        run_id: The run.
        title: What is being released.
        started_ms: Milliseconds since 1970; now, where it is not given.
        why: Why there is no verdict.

    Raises:
        UnwrittenError: The file could not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    now = time.time_ns() // 1_000_000 if started_ms is None else started_ms
    entry = Entry(
        key=VERDICT,
        name=f"INCOMPLETE: {one_line(title, 200)}",
        status="broken",
        message=one_line(why, 2_000),
        trace=f"Next\n1. {_INCOMPLETE_NEXT}",
        labels=verdict_labels("INCOMPLETE"),
        place=verdict_place("INCOMPLETE"),
        stands_for="verdict",
    )
    _write(folder, _result(entry, run_id, now, now), durable=True)


def write_taken_back(decision: Decision, folder: Path, why: str) -> None:
    """Put INCOMPLETE in the place of the verdict that Allure shows first.

    Raises:
        UnwrittenError: The file could not be written.
    """
    start = _ms(decision.record.started_at)
    first = min(start, *earlier_starts(folder, start))
    title = decision.release_name
    write_incomplete(folder, decision.record.run_id, title, started_ms=first, why=why)


def write_results(
    decision: Decision, folder: Path, *, page: bytes | None = None, document: bytes | None = None
) -> None:
    """Write the verdict, checks and items that Allure has nothing of, and their context.

    Args:
        decision: What was decided.
        folder: Allure's results; made where it is missing.
        page: ``decision.md`` as the packet has it, to be attached; else it is made.
        document: ``decision.json``, likewise.

    Raises:
        UnwrittenError: A file could not be written; the INCOMPLETE entry may still stand.
    """
    folder.mkdir(parents=True, exist_ok=True)
    start, stop = _ms(decision.record.started_at), _ms(decision.record.finished_at)
    run_id = decision.record.run_id
    missing = check_entries(decision)
    elsewhere = bool(missing) or any(one.nodeid for one in decision.findings)
    astray = _not_passed(decision)
    # Only what says passed can say too much; a result without that word is not even read as JSON.
    word = b"" if elsewhere else b'"passed"'
    theirs = list(results_in(folder, holding=word)) if elsewhere or astray else []
    matches = by_check(theirs, astray)
    _correct(decision, matches)
    root = root_of(matches) or _root(theirs, decision)
    for entry in missing:
        if entry.nodeid not in matches:
            _write(folder, _result(entry, run_id, stop, stop, root))
    for entry in (*finding_entries(decision), *items_without_checks(decision)):
        _write(folder, _result(entry, run_id, stop, stop, root if entry.nodeid else ()))
    for name, content in (
        ("environment.properties", environment(decision)),
        ("categories.json", categories()),
        ("executor.json", executor(decision)),
    ):
        write_atomically(folder / name, content, durable=False)
    # Last: until everything else is there, the entry says INCOMPLETE.
    first = min(start, *earlier_starts(folder, start))
    verdict = _result(verdict_entry(decision), run_id, first, max(start, stop))
    verdict.attachments = _attachments(
        decision.record.run_id,
        folder,
        page or markdown.render(decision).encode(),
        document or decision_json.render(decision),
    )
    _write(folder, verdict, durable=True)


def _not_passed(decision: Decision) -> set[str]:
    checks = [check for item in decision.items for check in item.checks]
    return {one.nodeid for one in (*checks, *decision.unclaimed) if not _stands(one)}


def _stands(check: CheckResult) -> bool:
    """Return whether green is the truth about a check: it passed, and measured something."""
    return check.outcome is Outcome.PASSED and bool(check.met)


def _root(theirs: list[Found], decision: Decision) -> tuple[str, ...]:
    passed = {check.nodeid for item in decision.items for check in item.checks}
    return root_of(by_check(theirs, passed)) if theirs else ()


def _correct(decision: Decision, matches: dict[str, list[Found]]) -> None:
    """Take back a ``passed`` that Allure gave to a check which was interrupted or crashed."""
    results = {
        check.nodeid: check
        for check in (*(one for item in decision.items for one in item.checks), *decision.unclaimed)
    }
    for nodeid, found in matches.items():
        check = results[nodeid]
        for one in found:
            if one.status != "passed":
                continue
            status = {Outcome.FAILED: "failed", Outcome.SKIPPED: "skipped"}.get(
                check.outcome, "broken"
            )
            message = one_line(f"{check.outcome}: {check.text or check.code}")
            if check.outcome is Outcome.PASSED:
                message = MEASURED_NOTHING
            document = {
                **one.document,
                "status": status,
                "statusDetails": {
                    **(one.document.get("statusDetails") or {}),
                    "message": message,
                },
            }
            write_atomically(one.path, _json(document), durable=False)


def _attachments(run_id: str, folder: Path, page: bytes, document: bytes) -> list[Any]:
    attached = []
    for name, kind, content in (
        ("decision.md", "text/markdown", page),
        ("decision.json", "application/json", document),
    ):
        source = f"{_uuid(run_id, name)}-attachment.{name.rpartition('.')[2]}"
        write_atomically(folder / source, content, durable=False)
        attached.append(model2.Attachment(name=name, source=source, type=kind))
    return attached


def _result(
    entry: Entry, run_id: str, start: int, stop: int, root: tuple[str, ...] = ()
) -> model2.TestResult:
    return model2.TestResult(
        uuid=_uuid(run_id, entry.key),
        name=entry.name,
        fullName=one_line(f"metarelease#{entry.key}", 500),
        historyId=_digest(entry.history or entry.key),
        testCaseId=_digest(entry.history or entry.key),
        status=entry.status,
        statusDetails=_details(entry.message, entry.trace),
        description=entry.description or None,
        stage="finished",
        start=start,
        stop=stop,
        labels=[model2.Label(name=name, value=value) for name, value in entry.labels],
        parameters=[
            # Excluded: the history of a release's verdicts goes on over its commits.
            model2.Parameter(name=name, value=value, excluded=True)
            for name, value in entry.parameters
        ],
        titlePath=[*root, *entry.place],
        steps=[_step(one, stop) for one in entry.steps],
    )


def _step(step: Step, at: int) -> model2.TestStepResult:
    # At one moment: an item of the checklist takes no time, and the run's would stand at each.
    return model2.TestStepResult(
        name=step.name,
        status=step.status,
        statusDetails=_details(step.message, ""),
        stage="finished",
        start=at,
        stop=at,
        steps=[_step(one, at) for one in step.steps],
    )


def _details(message: str, trace: str) -> model2.StatusDetails | None:
    if not message and not trace:
        return None
    return model2.StatusDetails(message=message or None, trace=trace or None)


def _write(folder: Path, result: model2.TestResult, *, durable: bool = False) -> None:
    # As Allure's own logger does it: what is empty is left out.
    document = asdict(result, filter=lambda _field, value: bool(value) or value is False)
    name = model2.TEST_CASE_PATTERN.format(prefix=result.uuid)
    write_atomically(folder / name, _json(document), durable=durable)


def _json(document: Any) -> bytes:
    text = json.dumps(document, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return text.encode("ascii")


def _uuid(run_id: str, key: str) -> str:
    return str(uuid.uuid5(_NAMES, f"{run_id} {key}".encode("utf-8", "replace").decode()))


def _digest(key: str) -> str:
    return md5(key.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def _ms(moment: str) -> int:
    """Return an RFC 3339 time as milliseconds since 1970."""
    return int(datetime.fromisoformat(moment).timestamp() * 1000)
