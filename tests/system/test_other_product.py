"""Another product, another manifest, the very same checks: GO when healthy, caught when not."""

from __future__ import annotations

import filecmp
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.system.other_product import ground, service
from tests.system.running import ROOT, Ran, Runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ABSENT = {
    "post.ux",
    "post.order-signatures",
    "post.signatures",
    "post.flows",
    "post.balance",
    "post.order-content",
    "post.data",
    "post.queries",
    "post.performance-baseline",
    "post.pause",
    "post.authentication",
    "post.records",
    "post.rate-limiting",
    "post.tls",
}


@dataclass(frozen=True, slots=True)
class Repository:
    """The product's repository at its release commit."""

    path: Path
    commit: str


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    path = tmp_path_factory.mktemp("parcels") / "repository"
    return Repository(path, ground.make_repository(path))


@contextmanager
def product(
    repository: Repository,
    folder: Path,
    *,
    symbol: str = ground.SYMBOL,
    changes: int | None = None,
    counts_in_words: bool = False,
) -> Iterator[Mapping[str, str]]:
    """The product, running; what its manifest refers to."""
    database = folder / "parcels.db"
    url = ground.make_database(database, changes=changes)
    with ground.node(folder / "node") as node, service.courier() as courier:
        behind = service.Gateway(database, repository.commit, node, courier, counts_in_words)
        with service.gateway(behind) as gateway:
            yield {
                **ground.deploy(node, symbol=symbol),
                "PARCELS_URL": gateway,
                "COURIER_URL": courier,
                "NODE_URL": node,
                "PARCELS_DB": url,
            }


def verify(repository: Repository, folder: Path, using: Mapping[str, str], *more: str) -> Ran:
    ran = Runs(folder / "run", cwd=repository.path).pytest("-m", "post_deploy", *more, using=using)
    assert ran.decision, ran.text
    return ran


def wrong(ran: Ran) -> dict[str, str]:
    return {
        name: state
        for name, state in ran.states.items()
        if state != ("not applicable" if name in ABSENT else "verified")
    }


def test_the_checks_are_the_bundled_ones(repository: Repository) -> None:
    bundled = sorted(path.relative_to(ROOT / "verification") for path in _checks())
    assert len(bundled) > 10
    _, different, missing = filecmp.cmpfiles(
        ROOT / "verification", repository.path, bundled, shallow=False
    )
    assert (different, missing) == ([], [])


def _checks() -> Iterator[Path]:
    return (ROOT / "verification").rglob("*.py")


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_it_is_go_when_healthy(
    repository: Repository, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    with product(repository, tmp_path) as using:
        ran = verify(repository, tmp_path, using, *workers)
    assert (ran.exit_code, ran.decision["title"]) == (0, "GO"), ran.text
    assert wrong(ran) == {}, ran.text
    assert {name for name in ran.items if not ran.judged("met", name)} == ABSENT
    assert {one["state"] for one in ran.decision["triggers"]} == {"ok"}
    assert "Parcel Ledger 3.1.4" in ran.text


def test_another_answer_is_caught_by_the_endpoints(repository: Repository, tmp_path: Path) -> None:
    with product(repository, tmp_path, counts_in_words=True) as using:
        ran = verify(repository, tmp_path, using)
    assert (ran.exit_code, ran.verdict) == (1, "NO-GO"), ran.text
    assert wrong(ran) == {"post.endpoints": "failed"}, ran.text
    assert any("several" in one["text"] for one in ran.reasons("post.endpoints"))


def test_another_value_is_caught_by_the_contracts(repository: Repository, tmp_path: Path) -> None:
    with product(repository, tmp_path, symbol="PXQ") as using:
        ran = verify(repository, tmp_path, using)
    assert (ran.exit_code, ran.verdict) == (1, "NO-GO"), ran.text
    assert wrong(ran) == {"post.contracts": "failed"}, ran.text
    assert any("PXQ" in one["text"] for one in ran.reasons("post.contracts"))


def test_without_its_artifact_a_contract_is_not_verified(
    repository: Repository, tmp_path: Path
) -> None:
    copy = Repository(tmp_path / "copy", repository.commit)
    shutil.copytree(repository.path, copy.path)
    (copy.path / "build" / "SimpleToken.json").unlink()
    with product(copy, tmp_path) as using:
        ran = verify(copy, tmp_path, using)
    assert (ran.exit_code, ran.verdict) == (21, "HOLD"), ran.text
    assert ran.states["post.contracts"] == "not verified", ran.text
    assert "SimpleToken.json: No such file" in ran.text


def test_a_pending_change_is_caught_by_the_database(repository: Repository, tmp_path: Path) -> None:
    with product(repository, tmp_path, changes=1) as using:
        ran = verify(repository, tmp_path, using)
    assert (ran.exit_code, ran.verdict) == (1, "NO-GO"), ran.text
    assert wrong(ran) == {"post.database": "failed"}, ran.text
    assert any("002_where_parcels_are" in one["text"] for one in ran.reasons("post.database"))
