"""Forged signatures on three nodes: each kind is tried, refused by reason, or found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import (
    MetareleaseError,
    RefusedError,
    UndeclaredError,
    UnmetError,
    UnsupportedError,
    UsageError,
)
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.quantities import quantity
from tests.probes.chain import tills
from tests.probes.chain.nodes import Blocks, RpcFault, chain_at, door
from tests.probes.chain.tills import AGREE, FILL, PAY, SIGNED, flow, judged, perform

if TYPE_CHECKING:
    from pytest_metarelease.manifest.trials import Flow, Step
    from tests.probes.chain.nodes import FakeNode


def signing(defect: int = tills.SOUND, *, pay: Step = PAY, judge: str = "$judge") -> Flow:
    return flow(FILL, AGREE, pay, defect=defect, judge=judge)


def tried(url: str, wanted: Flow, access: Access = Access.READ_ONLY) -> BaseException | None:
    return perform(url, wanted, "forgeries", access)[1]


# ---------------------------------------------------------------------- not at all


def test_without_declared_refusals_nothing_is_verified(anvil: str) -> None:
    notebook, problem = perform(
        anvil, signing(pay=replace(PAY, sign=replace(SIGNED, forged=None))), "forgeries"
    )
    assert isinstance(problem, UndeclaredError)
    assert judged(notebook) == set()


def test_a_call_without_its_signature_is_wrong_usage(anvil: str) -> None:
    pay = replace(PAY, args=("$seller", 1, "0x"))
    assert isinstance(tried(anvil, signing(pay=pay)), UsageError)


def test_a_node_that_simulates_nothing_is_unsupported(fake: FakeNode) -> None:
    fake.methods = Blocks(head=3).methods()
    notebook, problem = perform(fake.url, signing(), "forgeries", Access.READ_ONLY)
    assert isinstance(problem, UnsupportedError)
    assert judged(notebook) == {Judgement.UNKNOWN}


def test_a_node_that_ignores_overrides_is_unsupported(fake: FakeNode) -> None:
    fake.methods = {**Blocks(head=3).methods(), "eth_call": lambda *_: "0x"}
    notebook, problem = perform(fake.url, signing(), "forgeries", Access.READ_ONLY)
    assert isinstance(problem, UnsupportedError)
    assert judged(notebook) == {Judgement.UNKNOWN}


def test_an_error_of_the_node_is_no_refusal(fake: FakeNode) -> None:
    def broken(*_: object) -> str:
        raise RpcFault(code=-32000, message="BadSignature: the database is locked")

    fake.methods = {**Blocks(head=3).methods(), "eth_call": broken, "eth_simulateV1": broken}
    notebook, problem = perform(fake.url, signing(), "forgeries", Access.READ_ONLY)
    assert isinstance(problem, MetareleaseError)
    assert judged(notebook) == {Judgement.UNKNOWN}


# ---------------------------------------------------------------------- sound


@pytest.mark.parametrize("access", Access)
def test_a_sound_contract_refuses_every_forgery(any_node: str, access: Access) -> None:
    notebook, problem = perform(any_node, signing(), "forgeries", access)
    assert problem is None
    assert judged(notebook) == {Judgement.MET}
    said = " ".join(one.expected for one in notebook.citations["check"])
    for kind in (
        "signed by another key",
        "signed with another to",
        "signed with another amount",
        "signed for another name",
        "signed for another version",
        "signed for another chain (chainId)",
        "signed for another contract (verifyingContract)",
        "with the high s",
        "in 64 bytes (EIP-2098)",
        "without a signature",
        "with a byte too many",
        "with v 29",
        "with a signature of zeros",
        "to changed after signing",
        "amount changed after signing",
        "a replay",
        "a replay with the high s",
    ):
        assert f"{kind} reverts" in said, kind


def test_nothing_is_sent_on_read_only(any_node: str) -> None:
    with door(chain_at(any_node)) as rpc:
        head = rpc.call("eth_blockNumber")
        notebook, problem = perform(
            any_node, signing(), "forgeries", Access.READ_ONLY, spending_key=None
        )
        assert (problem, judged(notebook)) == (None, {Judgement.MET})
        assert rpc.call("eth_blockNumber") == head


def test_money_comes_back(either: str) -> None:
    from pytest_metarelease.sandbox.accounts import SPENDER

    with door(chain_at(either)) as rpc:
        before = quantity(rpc.call("eth_getBalance", SPENDER.address, "latest"), "balance")
        assert tried(either, signing(), Access.TRANSACT) is None
        after = quantity(rpc.call("eth_getBalance", SPENDER.address, "latest"), "balance")
    assert before - after < 10**17


# ---------------------------------------------------------------------- defects

DEFECTS = {
    tills.HIGH_S: "with the high s: it does not revert",
    tills.COMPACT: "in 64 bytes (EIP-2098): it does not revert",
    tills.ANY_LENGTH: "with a byte too many: it does not revert",
    tills.NO_SIGNER: "with a signature of zeros: it does not revert",
    tills.REPLAY: "a replay: it does not revert",
    tills.NO_CHAIN: "reverts: BadSignature",
    tills.OTHER_VERSION: "reverts: BadSignature",
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_is_found(any_node: str, defect: int) -> None:
    notebook, problem = perform(any_node, signing(defect), "forgeries", Access.READ_ONLY)
    assert isinstance(problem, UnmetError)
    assert DEFECTS[defect] in str(problem)
    assert str(problem).count("does not revert") <= DEFECTS[defect].count("does not revert") * (
        6 if defect == tills.NO_SIGNER else 1
    )
    assert Judgement.UNMET in judged(notebook)


def test_a_v_of_0_or_1_is_found(any_node: str) -> None:
    problem = tried(any_node, signing(tills.LOW_V))
    assert isinstance(problem, UnmetError)
    assert any(f"with v {v}: it does not revert" in str(problem) for v in (0, 1))


def test_a_member_that_the_signature_does_not_bind_is_found(any_node: str) -> None:
    # What is signed is that the buyer be paid, which this till reads as "anybody".
    own = replace(SIGNED, message={**SIGNED.message, "to": "$buyer"})
    pay = replace(PAY, args=("$buyer", *PAY.args[1:]), sign=own, changes=("$buyer balance",))
    assert tried(any_node, signing(pay=pay)) is None
    problem = tried(any_node, signing(tills.ANY_RECIPIENT, pay=pay))
    assert isinstance(problem, UnmetError)
    assert "to changed after signing: it does not revert" in str(problem)


@pytest.mark.parametrize("defect", [tills.HIGH_S, tills.REPLAY])
def test_executed_they_are_found_as_well(either: str, defect: int) -> None:
    problem = tried(either, signing(defect), Access.TRANSACT)
    assert isinstance(problem, UnmetError)
    assert DEFECTS[defect] in str(problem)


def test_another_reason_than_the_declared_one_is_no_refusal(any_node: str) -> None:
    assert SIGNED.forged is not None
    other = replace(SIGNED, forged=replace(SIGNED.forged, high_s=("BadSignature",)))
    problem = tried(any_node, signing(pay=replace(PAY, sign=other)))
    assert isinstance(problem, UnmetError)
    assert "with the high s: reverts: Malleable()" in str(problem)


def test_an_unknown_argument_is_wrong_usage(anvil: str) -> None:
    assert SIGNED.forged is not None
    other = replace(SIGNED, forged=replace(SIGNED.forged, arguments={"too": ("TooMuch",)}))
    problem = tried(anvil, signing(pay=replace(PAY, sign=other)))
    assert isinstance(problem, UsageError)
    assert "has no argument too; it has to, amount, signature" in str(problem)


def test_out_of_gas_is_no_refusal(any_node: str) -> None:
    agree = replace(AGREE, sender="stranger", reverts="0x")
    for access in Access:
        wanted = flow(FILL, agree, defect=tills.BURNS_GAS)
        notebook, problem = perform(any_node, wanted, "run", access)
        assert isinstance(problem, RefusedError), (access, problem)
        assert Judgement.UNKNOWN in judged(notebook)


def test_one_call_without_an_answer_does_not_hide_a_failure_beside_it(any_node: str) -> None:
    steps = (
        replace(AGREE, sender="judge", reverts="0x"),
        replace(FILL, sender="seller", reverts="Halted"),
    )
    for access in Access:
        wanted = flow(*steps, defect=tills.BURNS_GAS)
        notebook, problem = perform(any_node, wanted, "run", access)
        assert isinstance(problem, UnmetError), (access, problem)
        assert "fill() as seller" in str(problem)
        assert Judgement.UNMET in judged(notebook)
