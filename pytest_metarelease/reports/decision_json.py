"""``decision.json``: the decision for programs, schema ``metarelease/decision/v1``.

Equal decisions give equal bytes. The schema is ``docs/decision.schema.json``, and the policy for
changing it ``docs/decision.md``; a field is never renamed here without a new schema version.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_metarelease import __version__
from pytest_metarelease.evidence import Citation, Judgement, Measurement
from pytest_metarelease.gate.carrying import carried_text
from pytest_metarelease.gate.values import (
    Decision,
    Finding,
    GivenCarry,
    ItemDecision,
    Reason,
    Record,
    TriggerDecision,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_metarelease.approvals.model import GivenSignOff, GivenWaiver
    from pytest_metarelease.outcome import CheckResult

SCHEMA = "metarelease/decision/v1"
_LONGEST = 20_000


def render(decision: Decision, record_digest: str | None = None) -> bytes:
    """Return the decision as JSON, ASCII, keys sorted, ending in a newline.

    One line for each field and for each element of a list, so that two files can be compared.
    Texts longer than 20,000 characters are cut and say so; the ledger has them whole.
    ``record_digest`` is the SHA-256, hex, of the ``record.json`` beside it.

    Raises:
        ValueError: A number in the decision is NaN or infinite, which JSON cannot say.
    """
    document = {**_document(decision), "record_digest": record_digest}
    fields = [f'"{name}": {_field(document[name])}' for name in sorted(document)]
    text = "{\n" + ",\n".join(fields) + "\n}\n"
    return text.replace("\x7f", "\\u007f").encode("ascii")


def _field(value: Any) -> str:
    # Not json's own indentation: that is written in Python and takes a second for 10,000 items.
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(" " + _one_line(one) for one in value) + "\n]"
    return _one_line(value)


def _one_line(value: Any) -> str:
    # ASCII only: a terminal that shows the file must not obey a control character in it.
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False)
    # Most need not be walked: no text in it can be too long.
    if len(text) <= _LONGEST or _only_short_texts(text):
        return text
    return json.dumps(_bounded(value), sort_keys=True, ensure_ascii=True, allow_nan=False)


def _only_short_texts(document: str) -> bool:
    # Between two quotes is a text, or what stands between two texts. An escaped quote would cut a
    # long text in two; how long it stays does not depend on it.
    plain = document.replace("\\\\", "..").replace('\\"', "..") if "\\" in document else document
    return max(map(len, plain.split('"'))) <= _LONGEST


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return _short(value)
    if isinstance(value, dict):
        return {key: _bounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_bounded(one) for one in value]
    return value


class _Cut(str):
    """A text that was cut: it is longer than the longest by what it says about that."""

    __slots__ = ()


def _short(text: str) -> str:
    if len(text) <= _LONGEST or isinstance(text, _Cut):
        return text
    return _Cut(f"{text[:_LONGEST]}... ({len(text)} characters)")


def _document(decision: Decision) -> dict[str, Any]:
    record = decision.record
    return {
        "schema": SCHEMA,
        "title": decision.title,
        "verdict": decision.verdict.value,
        "exit_code": decision.exit_code,
        "state": decision.state,
        **_run(record),
        "scope": {
            "expression": decision.scope.expression,
            "items": list(decision.scope.items),
            "complete": decision.scope.complete,
        },
        "release": {
            "name": decision.release_name,
            "version": record.release_version,
            "commit": record.release_commit,
        },
        "target": _target(record),
        "items": [_item(one, record.measurements) for one in decision.items],
        "triggers": [_trigger(one) for one in decision.triggers],
        "rollback": _rollback(decision),
        "unclaimed": [
            {**_check(one, record.measurements), "code": one.code, "text": _short(one.text)}
            for one in decision.unclaimed
        ],
        "waivers": [
            _waiver(item, item.waiver) for item in decision.items if item.waiver is not None
        ],
        "sign_offs": [
            _sign_off(item, given) for item in decision.items for given in item.sign_offs
        ],
        "carried": [
            _carried(item, item.carried) for item in decision.items if item.carried is not None
        ],
        "findings": [_finding(one) for one in decision.findings],
        "notes": [_reason(one) for one in decision.notes],
        "tool": {"name": "pytest-metarelease", "version": __version__},
    }


def _run(record: Record) -> dict[str, Any]:
    return {
        "run_id": record.run_id,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "pytest_exit_code": record.pytest_exit,
        "environment": record.environment,
        "rehearsal": record.rehearsal,
        "manifest_digest": record.manifest_digest,
        "lock_digest": record.lock_digest,
        "parts": [
            {
                "run_id": one.run_id,
                "shard": one.shard,
                "shards": one.shards,
                "started_at": one.started_at,
                "finished_at": one.finished_at,
            }
            for one in record.parts
        ],
    }


def _target(record: Record) -> dict[str, Any]:
    target = record.target
    return {
        "chain_id": target.chain_id,
        "block_number": target.block_number,
        "block_hash": target.block_hash,
        "code_hashes": dict(target.code_hashes),
        "api_versions": dict(target.api_versions),
        "migration_heads": dict(target.migration_heads),
        "identities": [
            {
                "subject": one.subject,
                "judgement": one.judgement.value,
                "expected": one.expected,
                "actual": one.actual,
            }
            for one in record.identifications
        ],
    }


def _item(item: ItemDecision, measurements: Mapping[str, Measurement]) -> dict[str, Any]:
    return {
        "id": item.id,
        "title": item.title,
        "stage": item.stage.value,
        "severity": item.severity.value,
        "owner": item.owner,
        "state": item.state.value,
        "verdict": item.verdict.value,
        "met": item.met,
        "fingerprint": item.fingerprint or None,
        "reasons": [_reason(one) for one in item.reasons],
        "checks": [_check(one, measurements) for one in item.checks],
    }


def _reason(reason: Reason) -> dict[str, Any]:
    # What targets say can be megabytes: cut where it comes in, they are never made into JSON.
    return {"code": reason.code, "text": _short(reason.text), "next": reason.next_step}


def _finding(finding: Finding) -> dict[str, Any]:
    reason = _reason(finding.reason)
    return {**reason, "verdict": finding.verdict.value, "nodeid": finding.nodeid}


def _check(check: CheckResult, measurements: Mapping[str, Measurement]) -> dict[str, Any]:
    return {
        "nodeid": check.nodeid,
        "outcome": check.outcome.value,
        "attempts": check.attempts,
        "duration": check.duration,
        "measurements": [
            _citation(one, measurements.get(one.measurement))
            for one in check.citations
            if one.judgement is not Judgement.NONE
        ],
    }


def _citation(citation: Citation, measurement: Measurement | None) -> dict[str, Any]:
    """Return one judged citation joined with its measurement.

    The measurement's own fields are null where it is not on record, which happens only where a
    ledger was lost; the gate has its own finding for that.
    """
    return {
        "id": citation.measurement,
        "subject": citation.subject,
        "judgement": citation.judgement.value,
        "expected": _short(citation.expected),
        "actual": _short(citation.actual),
        "where": citation.where,
        "attempt": citation.attempt,
        "probe": measurement.probe if measurement else None,
        "asked": measurement.asked if measurement else None,
        "at": measurement.at if measurement else None,
        "duration": measurement.duration if measurement else None,
        "answer": _short(measurement.answer) if measurement else None,
        "block": measurement.block if measurement else None,
    }


def _trigger(trigger: TriggerDecision) -> dict[str, Any]:
    return {
        "id": trigger.id,
        "item": trigger.item,
        "measure": trigger.measure,
        "state": trigger.state,
        "text": trigger.text,
        "limit": trigger.limit,
        "bad": trigger.bad,
        "total": trigger.total,
        "low": trigger.low,
        "high": trigger.high,
        "undo": list(trigger.undo),
    }


def _rollback(decision: Decision) -> dict[str, Any]:
    return {
        "readiness": "declared" if decision.rollback else "none",
        "proposed": any(step.proposed for step in decision.rollback),
        "plan": [
            {
                "component": step.component,
                "run": list(step.run),
                "verify": list(step.verify),
                "proposed": step.proposed,
            }
            for step in decision.rollback
        ],
    }


def _waiver(item: ItemDecision, given: GivenWaiver) -> dict[str, Any]:
    one = given.waiver
    text = f"until {one.expires} by {one.approver}: {one.reason}"
    return {
        "item": item.id,
        **_reason(Reason("waived", text)),
        "file": given.file,
        "approver": one.approver,
        "author": one.author,
        "reason": one.reason,
        "expires": one.expires,
        "fingerprint": one.fingerprint,
    }


def _carried(item: ItemDecision, given: GivenCarry) -> dict[str, Any]:
    record = given.record
    return {
        "item": item.id,
        **_reason(Reason("carried", carried_text(given))),
        "folder": given.folder,
        "environment": record.environment if record else None,
        "rehearsal": record.rehearsal if record else None,
        "run_id": record.run_id if record else None,
        "commit": record.release_commit if record else None,
        "finished_at": record.finished_at if record else None,
    }


def _sign_off(item: ItemDecision, given: GivenSignOff) -> dict[str, Any]:
    one = given.sign_off
    why = f": {one.reason}" if one.reason else ""
    return {
        "item": item.id,
        **_reason(Reason("signed", f"by {one.signer} until {one.expires}{why}")),
        "file": given.file,
        "signer": one.signer,
        "account": given.account,
        "shown_by": given.said,
        "commit": one.commit,
        "signed_at": one.signed_at,
        "expires": one.expires,
        "reason": one.reason,
    }
