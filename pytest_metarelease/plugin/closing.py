"""The end of a gated run: gather the record, ask the gate, write the packet, print the verdict."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_metarelease.checklist import Checklist
from pytest_metarelease.gate import decide
from pytest_metarelease.gate.values import (
    Finding,
    Identification,
    Part,
    Reason,
    Record,
    Verdict,
)
from pytest_metarelease.gate.values import Target as TargetFacts
from pytest_metarelease.lockfile import read_lock
from pytest_metarelease.outcome import CheckResult, Outcome, assemble
from pytest_metarelease.plugin import suspicion
from pytest_metarelease.plugin.activation import now
from pytest_metarelease.plugin.approving import Gathered, gather
from pytest_metarelease.plugin.ledger import LedgerContents, read_ledgers
from pytest_metarelease.plugin.recording import digest_of
from pytest_metarelease.plugin.session_target import target_of
from pytest_metarelease.plugin.tree import tree_findings
from pytest_metarelease.plugin.witness import unreported
from pytest_metarelease.reports import heading, terminal, writing

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from pytest_metarelease.checklist import Lock, Scope
    from pytest_metarelease.evidence import Citation
    from pytest_metarelease.gate.values import Decision
    from pytest_metarelease.plugin.session import GatedSession
    from pytest_metarelease.plugin.state import Gate, Run
    from pytest_metarelease.plugin.target import Target
    from pytest_metarelease.reports.packet import Packet


def gather_approvals(session: GatedSession) -> Gathered:
    """Return what people vouch for; to be asked while the target still runs."""
    run, target = session.run, target_of(session.config)
    return gather(
        run.root,
        run.manifest.signers,
        target.environment,
        target.prepared.snapshot,
        target.recorder,
    )


def decide_run(session: GatedSession, pytest_exit: int, gathered: Gathered) -> Decision:
    """Return the gate's decision over everything that the run recorded, and what people signed."""
    run = session.run
    lock = read_lock(run.root / "checks.lock")
    contents = _contents(session)
    record = _record(session, contents, pytest_exit, lock, gathered)
    checklist = Checklist.of(run.manifest, run.environment)
    scope, moment = session.scope(), record.finished_at
    return decide(checklist, scope, lock, record, gathered.approvals, session.carries, now=moment)


def _contents(session: GatedSession) -> LedgerContents:
    notebook = session.recording.notebook
    if session.run.role == "single":
        return LedgerContents(
            measurements=dict(notebook.measurements),
            citations=dict(notebook.citations),
            bindings=dict(session.bindings()),
            facts=dict(notebook.facts),
            raised=dict(session.recording.witness.raised),
            torn=[session.recording.lost] if session.recording.lost else [],
        )
    return read_ledgers(session.run.packet / "ledger")


def _record(
    session: GatedSession,
    contents: LedgerContents,
    pytest_exit: int,
    lock: Lock,
    gathered: Gathered,
) -> Record:
    run, target = session.run, target_of(session.config)
    claimed = _claimed(session, contents)
    facts, finished_at = _target_facts(target, contents), now()
    return Record(
        run_id=run.run_id,
        started_at=run.started_at,
        finished_at=finished_at,
        finished=not any(one.reason.code == "run-interrupted" for one in session.findings),
        pytest_exit=pytest_exit,
        environment=run.environment,
        rehearsal=run.declared.sandbox,
        release_version=target.version,
        release_commit=target.commit,
        manifest_digest=run.manifest.digest,
        lock_digest=lock.digest,
        results=_results(session, contents, claimed),
        measurements=contents.measurements,
        bindings=claimed,
        identifications=_identifications(target),
        findings=(
            *session.findings,
            *_differences(session, contents),
            *map(suspicion.of_shared_teardown, sorted(session.gathering.shared)),
            *suspicion.of_clock(finished_at),
            *tree_findings(run, target, lock),
        ),
        attestations=gathered.attestations,
        target=facts,
        parts=(_part(session, facts, finished_at),),
    )


def _part(session: GatedSession, facts: TargetFacts, finished_at: str) -> Part:
    """Return what a combination must know of this run."""
    run, scope = session.run, session.scope()
    shard, shards = run.shard or (None, None)
    return Part(
        run_id=run.run_id,
        started_at=run.started_at,
        finished_at=finished_at,
        expression=scope.expression,
        items=scope.items,
        shard=shard,
        shards=shards,
        chain_id=facts.chain_id,
        block_number=facts.block_number,
        block_hash=facts.block_hash,
    )


def _claimed(session: GatedSession, contents: LedgerContents) -> dict[str, tuple[str, ...]]:
    """Return what the checks that ran claim; those that were only collected claim nothing yet."""
    phases = session.gathering.phases
    return {nodeid: ids for nodeid, ids in contents.bindings.items() if nodeid in phases}


def _results(
    session: GatedSession, contents: LedgerContents, claimed: dict[str, tuple[str, ...]]
) -> dict[str, CheckResult]:
    nothing: list[Citation] = []
    results = {}
    seconds = session.gathering.seconds
    for nodeid, phases in session.gathering.phases.items():
        raised = contents.raised.get(nodeid)
        seen = [*phases, *unreported(phases, raised)] if raised else phases
        result = assemble(
            nodeid,
            seen,
            contents.citations.get(nodeid, nothing),
            seconds=seconds.get(nodeid, 0.0),
        )
        # A test that claims no item and passed says nothing about the release.
        if nodeid in claimed or result.outcome is not Outcome.PASSED:
            results[nodeid] = result
    return results


def _differences(session: GatedSession, contents: LedgerContents) -> list[Finding]:
    """Compare what reports say was cited with what the ledgers hold: they must be the same."""
    found = [
        Finding(
            Verdict.HOLD,
            Reason(
                "ledger-torn",
                f"{place} of the ledger is broken: some of the evidence is lost",
                "look for a full disk or a killed process, and run it again",
            ),
        )
        for place in contents.torn
    ]
    sealed_by = session.gathering.sealed
    nothing = digest_of(())
    # Also what reports say nothing of: a line that no process of this run wrote is no evidence.
    for nodeid in sorted(_ended(session, contents.citations) | sealed_by.keys()):
        sealed = sealed_by.get(nodeid, nothing)
        held = digest_of(contents.citations.get(nodeid, []))
        if held != sealed:
            text = f"{nodeid}: its report and its ledger differ ({sealed} and {held})"
            found.append(
                Finding(Verdict.HOLD, Reason("evidence-differs", text, "run it again"), nodeid)
            )
    return found


def _ended(session: GatedSession, nodeids: Iterable[str]) -> set[str]:
    """Return those of ``nodeids`` of which a teardown was reported, which would have sealed."""
    phases = session.gathering.phases
    return {
        nodeid
        for nodeid in nodeids
        if any(phase.when == "teardown" for phase in phases.get(nodeid, ()))
    }


def _identifications(target: Target) -> tuple[Identification, ...]:
    return tuple(
        Identification(
            subject=seen.subject,
            judgement=seen.judgement,
            expected=seen.expected,
            actual=seen.actual,
        )
        for _name, seen in sorted(target.prepared.identity.items())
    )


def _target_facts(target: Target, contents: LedgerContents) -> TargetFacts:
    snapshot = target.prepared.snapshot or {}
    return TargetFacts(
        chain_id=snapshot.get("chain_id"),
        block_number=snapshot.get("number"),
        block_hash=snapshot.get("hash"),
        code_hashes=contents.facts.get("code_hash", {}),
        api_versions={name: seen.actual for name, seen in target.prepared.identity.items()},
        migration_heads=contents.facts.get("migration_head", {}),
    )


def write(decision: Decision, packet: Packet, config: pytest.Config) -> str:
    """Write the packet and return the SHA-256 of ``decision.json``, hex.

    Raises:
        OSError: Something could not be written; the tombstone stands.
    """
    folder = getattr(config.option, "allure_report_dir", None)
    return writing.write(decision, packet, allure=Path(folder) if folder else None)


def append_summary(text: str) -> str:
    """Append Markdown to CI's step summary, if there is one; return why not, or nothing."""
    return writing.append_summary(text, os.environ.get("GITHUB_STEP_SUMMARY", ""))


def header(run: Run, target: Target, scope: Scope) -> list[str]:
    """Return what a reader needs before the first test: what is judged, where, over what."""
    seen = [*target.prepared.readiness.values(), *target.prepared.identity.values()]
    by_subject = {one.subject: one.actual for one in seen}
    targets = [
        (name, service.url, by_subject.get(f"service:{name}", ""))
        for name, service in target.environment.services.items()
    ]
    return heading.header(
        release=target.release,
        environment=run.environment,
        manifest=run.manifest.file,
        access=target.environment.access.value,
        targets=targets,
        chain=_chain_line(target),
        scope=scope,
        items=run.manifest.checklist,
        gate=run.gate.why,
    )


def _chain_line(target: Target) -> tuple[str, str] | None:
    chain = target.environment.chain
    if chain is None:
        return None
    from pytest_metarelease.redaction import mask_url

    snapshot = target.prepared.snapshot
    said = (
        f"{snapshot['chain_id']}, block {snapshot['number']}"
        if snapshot
        else target.prepared.snapshot_error
    )
    return mask_url(chain.rpc), said


def print_decision(
    reporter: pytest.TerminalReporter, decision: Decision, packet: Path, digest: str, gate: Gate
) -> None:
    """Print the section with the verdict."""
    width: int = reporter._tw.fullwidth  # noqa: SLF001 - the only way to know the width
    for line in terminal.lines(decision, width, packet=_short(packet), digest=digest):
        markup: dict[str, Any] = {line.style: True} if line.style else {}
        reporter.write_line(line.text, **markup)
    if gate.advisory:
        reporter.write_line("advisory: the exit code is pytest's own, not the verdict's")


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
