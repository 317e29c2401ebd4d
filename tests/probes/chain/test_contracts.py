"""Contracts on real nodes: values, reverts, state, balance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import UnmetError, UsageError, WrongTargetError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.model import ViewExpectation
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.abi import read_abi
from pytest_metarelease.probes.chain.moving import told_now
from pytest_metarelease.probes.chain.state import prefetch, views
from pytest_metarelease.sandbox.accounts import ARBITER, COUNTERPARTY, DEPOSITOR
from tests.probes.chain.deployed import (
    AMOUNT,
    Bench,
    bench,
    declared,
    deploy,
    invoke,
    is_,
    state,
)
from tests.probes.chain.nodes import chain_at, door

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.probes.chain.rpc import Rpc


@pytest.fixture(scope="module")
def rpc(either: str) -> Iterator[Rpc]:
    with door(chain_at(either), Access.TRANSACT) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(rpc: Rpc) -> str:
    return deploy(rpc)


@pytest.fixture
def escrow(rpc: Rpc, address: str) -> Bench:
    return bench(rpc, declared(address))


def test_a_contract_without_views_leaves_the_measurement_that_it_is_there(rpc: Rpc) -> None:
    for address, judged in ((DEPOSITOR.address, Judgement.UNMET), (deploy(rpc), Judgement.MET)):
        silent = bench(rpc, declared(address, state={}))
        silent.probe.interface = read_abi("Silent", [])
        if judged is Judgement.UNMET:
            with pytest.raises(UnmetError, match="bytes of code"):
                silent.probe.state()
        else:
            silent.probe.state()
        assert silent.verdicts == {judged}


def test_a_contract_that_is_not_there_verifies_nothing(rpc: Rpc) -> None:
    found = bench(rpc, declared("0x00000000000000000000000000000000000BEEF0"))
    with pytest.raises(UnmetError, match="no code at the address"):
        found.probe.read("arbiter")
    with pytest.raises(UnmetError, match="no code at the address"):
        found.probe.state()
    assert Judgement.MET not in found.verdicts


def test_values_are_read_as_people_write_them(escrow: Bench) -> None:
    assert escrow.probe.read("arbiter").value == ARBITER.address
    assert escrow.probe.read("amount").value == AMOUNT
    assert escrow.probe.read("paused").value is False
    assert escrow.probe.read("tradeHash").value == "0x" + "ab" * 32
    assert escrow.probe.read("usedSignatures", "0x" + "00" * 32).value is False
    domain = escrow.probe.read("eip712Domain").value
    assert domain[:4] == ("0x0f", "Escrow", "1", 31337)
    assert domain[4] == escrow.probe.address


def test_reading_alone_judges_nothing(escrow: Bench) -> None:
    escrow.probe.read("arbiter")
    assert escrow.cited == []


def test_a_reading_is_compared_and_recorded(escrow: Bench) -> None:
    escrow.probe.read("arbiter").expect(ARBITER.address.lower())
    with pytest.raises(UnmetError, match="arbiter"):
        escrow.probe.read("arbiter").expect(DEPOSITOR.address)
    assert [one.judgement for one in escrow.cited] == [Judgement.MET, Judgement.UNMET]
    assert {one.subject for one in escrow.cited} == {"contract:escrow"}
    measured = escrow.notebook.measurements.values()
    assert {one.block for one in measured} == {escrow.probe.snapshot.number}


def test_a_function_that_the_abi_lacks_is_a_usage_error(escrow: Bench) -> None:
    with pytest.raises(UsageError, match="did you mean arbiter"):
        escrow.probe.read("arbitr")


def test_arguments_that_do_not_fit_are_a_usage_error(escrow: Bench) -> None:
    with pytest.raises(UsageError, match=r"usedSignatures.*0x12.*does not fit"):
        escrow.probe.read("usedSignatures", "0x12" + "00" * 40)
    with pytest.raises(UsageError, match="takes 1 arguments"):
        escrow.probe.read("usedSignatures")


def test_the_declared_state_is_compared_line_by_line(escrow: Bench) -> None:
    escrow.probe.state()
    assert escrow.verdicts == {Judgement.MET}
    assert len(escrow.cited) == len(views(escrow.probe)) - 1  # eip712Domain is unchecked


def test_one_wrong_value_is_unmet_and_all_others_are_still_compared(rpc: Rpc, address: str) -> None:
    wrong = declared(address, state=state(arbiter=is_(DEPOSITOR.address), paused=is_(True)))
    found = bench(rpc, wrong)
    with pytest.raises(UnmetError, match=r"(?s)arbiter.*paused"):
        found.probe.state()
    judged = [one.judgement for one in found.cited]
    assert judged.count(Judgement.UNMET) == 2
    assert judged.count(Judgement.MET) == len(views(found.probe)) - 3


def test_a_view_of_which_the_manifest_is_silent_is_a_finding(rpc: Rpc, address: str) -> None:
    found = bench(rpc, declared(address, state=state(owner=None)))
    with pytest.raises(UnmetError, match=r"owner: \.\.\."):
        found.probe.state()
    assert [one.judgement for one in found.cited].count(Judgement.UNMET) == 1


def test_a_line_that_the_abi_lacks_is_a_usage_error(rpc: Rpc, address: str) -> None:
    found = bench(rpc, declared(address, state=state(isPaused=is_(False))))
    with pytest.raises(UsageError, match="isPaused"):
        found.probe.state()


def test_an_expectation_that_states_nothing_is_not_met(rpc: Rpc, address: str) -> None:
    found = bench(rpc, declared(address, state=state(owner=ViewExpectation())))
    with pytest.raises(UnmetError, match="states nothing"):
        found.probe.state()


def test_single_expectations_share_one_prefetch(rpc: Rpc, address: str) -> None:
    found = bench(rpc, declared(address))
    prefetch([found.probe])
    before = len(found.notebook.measurements)
    rpc_calls = _counting(found)
    for key in views(found.probe):
        found.probe.expect_state(key)
    assert rpc_calls == []
    assert len(found.notebook.measurements) == before + len(views(found.probe)) - 1


def test_a_mistake_about_one_contract_does_not_hide_another(rpc: Rpc, address: str) -> None:
    good = bench(rpc, declared(address))
    bad = bench(rpc, declared(address, state=state(isPaused=is_(False))))
    prefetch([bad.probe, good.probe])
    assert len(good.probe.remembered) == len(views(good.probe)) - 1
    with pytest.raises(UsageError, match="isPaused"):
        bad.probe.state()


def _counting(found: Bench) -> list[Any]:
    calls: list[Any] = []
    real = found.rpc.batch

    class Counting:
        masked = found.rpc.masked

        def batch(self, asks: Any) -> Any:
            calls.append(asks)
            return real(asks)

    found.probe.rpc = Counting()  # type: ignore[assignment]
    return calls


def test_a_declared_revert_is_met_and_no_other(escrow: Bench) -> None:
    reason = "Only the arbiter can call this function"
    escrow.probe.expect_revert("refund", sender=DEPOSITOR.address, reverts=reason)
    with pytest.raises(UnmetError, match="Only the arbiter"):
        escrow.probe.expect_revert("refund", sender=DEPOSITOR.address, reverts="paused")
    with pytest.raises(UnmetError, match="Invalid state"):
        escrow.probe.expect_revert("refund", sender=ARBITER.address, reverts=reason)
    assert [one.judgement for one in escrow.cited] == [
        Judgement.MET,
        Judgement.UNMET,
        Judgement.UNMET,
    ]


def test_a_call_that_succeeds_is_no_revert(escrow: Bench) -> None:
    with pytest.raises(UnmetError, match="it succeeds"):
        escrow.probe.expect_revert(
            "deposit", sender=DEPOSITOR.address, value=AMOUNT, reverts="anything"
        )


def test_a_node_that_is_down_is_never_a_revert(rpc: Rpc, address: str) -> None:
    found = bench(rpc, declared(address))
    with door(chain_at("http://127.0.0.1:9", timeout=1.0)) as dead:
        found.probe.rpc = dead
        with pytest.raises(Exception, match="no connection") as caught:
            found.probe.expect_revert("refund", sender=DEPOSITOR.address, reverts="")
    assert not isinstance(caught.value, UnmetError)
    assert found.verdicts == {Judgement.UNKNOWN}


def test_reads_stay_at_the_pinned_block(rpc: Rpc) -> None:
    address = deploy(rpc)
    found = bench(rpc, declared(address))
    invoke(rpc, DEPOSITOR, address, "deposit", value=AMOUNT)
    assert found.probe.read("currentState").value == 0
    assert found.probe.balance().value == 0
    later = bench(rpc, declared(address))
    assert later.probe.read("currentState").value == 1
    later.probe.balance().at_least(AMOUNT)


def test_a_node_that_reads_by_number_is_watched(rpc: Rpc, address: str) -> None:
    found = bench(rpc, declared(address))
    assert found.probe.snapshot.by_hash
    found.probe.snapshot = replace(found.probe.snapshot, by_hash=False)
    assert found.probe.read("counterparty").value == COUNTERPARTY.address
    found.probe.snapshot = replace(found.probe.snapshot, hash="0x" + "99" * 32)
    with pytest.raises(WrongTargetError, match="reorganised"):
        found.probe.read("counterparty")


def test_what_the_newest_block_says_is_read_where_it_moves(rpc: Rpc) -> None:
    moved = bench(rpc, declared(deploy(rpc)))
    contracts = {"escrow": moved.probe}
    with pytest.raises(UsageError, match="no contract vault"):
        told_now("vault.arbiter()", contracts)
    assert told_now("escrow.arbiter()", contracts) == ARBITER.address
    before = told_now("balance(self)", contracts)
    invoke(rpc, DEPOSITOR, moved.probe.address, "deposit", value=AMOUNT)
    assert told_now("balance(self)", contracts) == before + AMOUNT
    # Pinned before it.
    assert moved.probe.balance().value == before
