"""The same decision on anvil and PostgreSQL as on the embedded node and SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.postgres import postgres_server
from tests.system.running import EMBEDDED, Ran, Runs, wait_until
from tests.tools import tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: A healthy release, and faults of chain and database: what the two targets have different.
FAULTS: tuple[str | None, ...] = (None, "database-down", "transactions-failing")
VERDICTS = {None: "GO", "database-down": "ROLLBACK", "transactions-failing": "ROLLBACK"}


@pytest.fixture(scope="module")
def real() -> Iterator[Mapping[str, str]]:
    with postgres_server() as url:
        yield {"RELEASE_ANVIL": str(tool("anvil")), "RELEASE_SANDBOX_DATABASE_URL": url}


def run(folder: Path, fault: str | None, using: Mapping[str, str]) -> Ran:
    faults = () if fault is None else ("--release-fault", fault)
    runs = Runs(folder)
    with runs.started("-m", "post_deploy", *faults, using=using) as process:
        if using["RELEASE_ANVIL"]:
            wait_until(lambda: _has_anvil(runs) or process.poll() is not None, within=60)
            assert process.poll() is None, runs.text()
        ran = runs.ended(process)
    assert ran.decision, ran.text
    assert runs.left() == []
    return ran


def _has_anvil(runs: Runs) -> bool:
    return any("anvil" in line.partition(" ")[0] for line in runs.processes().values())


def decided(ran: Ran) -> dict[str, Any]:
    """What must not depend on the target: everything but measured values, times and addresses."""
    decision = ran.decision
    return {
        "title": decision["title"],
        "verdict": decision["verdict"],
        "exit": (ran.exit_code, decision["exit_code"], decision["pytest_exit_code"]),
        "scope": decision["scope"],
        "items": {one["id"]: _item(one) for one in decision["items"]},
        "triggers": {one["id"]: one["state"] for one in decision["triggers"]},
        "findings": [one["code"] for one in decision["findings"]],
        "unclaimed": decision["unclaimed"],
        "proposed": decision["rollback"]["proposed"],
    }


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "state": item["state"],
        "verdict": item["verdict"],
        "reasons": [one["code"] for one in item["reasons"]],
        "checks": {one["nodeid"]: one["outcome"] for one in item["checks"]},
    }


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_both_targets_lead_to_the_same_decision(
    real: Mapping[str, str], tmp_path: Path, fault: str | None
) -> None:
    embedded = run(tmp_path / "embedded", fault, EMBEDDED)
    other = run(tmp_path / "real", fault, real)
    assert embedded.verdict == VERDICTS[fault], embedded.text
    assert decided(other) == decided(embedded), other.text
    # So that this does not compare the embedded target with itself.
    assert (database(embedded), database(other)) == ("sqlite", "postgresql")


def database(ran: Ran) -> str:
    """What answered for the database, as the measurements say."""
    checks = ran.items["post.database"]["checks"]
    (found,) = {one["asked"].partition(":")[0] for check in checks for one in check["measurements"]}
    return str(found)
