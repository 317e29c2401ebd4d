"""Flows on real nodes: sent where that is allowed, simulated where it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import (
    ForbiddenError,
    MetareleaseError,
    RefusedError,
    UndeclaredError,
    UnmetError,
    UnsupportedError,
    UsageError,
)
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.expectations import Expectation
from pytest_metarelease.manifest.scalars import Access, Wei
from pytest_metarelease.manifest.trials import Flow, Signing, Step
from pytest_metarelease.probes.chain.companions import Part
from pytest_metarelease.probes.chain.flows import FlowProbe
from pytest_metarelease.probes.chain.quantities import quantity
from pytest_metarelease.probes.chain.signing import fresh_key
from pytest_metarelease.probes.chain.snapshot import pin
from pytest_metarelease.sandbox.accounts import SPENDER
from tests.probes.chain.deployed import NOBODY, RELEASE, artifact, declared, is_
from tests.probes.chain.nodes import chain_at, door

if TYPE_CHECKING:
    from pytest_metarelease.probes.chain.rpc import Rpc

ETHER = 10**18
SIGNED = Signing(
    typed_data="release",
    signer="arbiter",
    message={
        "escrowAddress": "$self",
        "to": "$counterparty",
        "token": NOBODY,
        "amount": str(ETHER // 10),
    },
)
RELEASED = ("$counterparty", NOBODY, "0.1 ether", "$signature")

DEPOSIT = Step(
    call="deposit",
    sender="depositor",
    value=Wei(ETHER // 10),
    emits=("Deposited",),
    then={"currentState": is_(1), "depositor": is_("$depositor")},
)
CONFIRM = Step(
    call="confirmTrade", sender="counterparty", emits=("Confirmed",), then={"currentState": is_(2)}
)
RELEASE_IT = Step(
    call="releaseWithSignature",
    sender="counterparty",
    args=RELEASED,
    sign=SIGNED,
    emits=("FundsReleased",),
    then={"amount": is_(0), "owner": is_("$deployer")},
)


def flow(*steps: Step, **changes: Any) -> Flow:
    values: dict[str, Any] = {
        "contract": "escrow",
        "roles": ("depositor", "counterparty", "arbiter"),
        "constructor": (
            "$depositor",
            NOBODY,
            "0.1 ether",
            "$counterparty",
            "$arbiter",
            "0x" + "12" * 32,
            NOBODY,
        ),
        "steps": steps,
        **changes,
    }
    return Flow(**values)


HAPPY = flow(
    Step(
        call="deposit",
        sender="counterparty",
        value=Wei(1),
        reverts="Only the depositor can call this function",
    ),
    DEPOSIT,
    replace(CONFIRM, sender="depositor", reverts="Only the counterparty can call this function"),
    CONFIRM,
    replace(
        RELEASE_IT, sign=replace(SIGNED, signer="depositor"), reverts="Invalid arbiter signature"
    ),
    RELEASE_IT,
    replace(RELEASE_IT, reverts="Insufficient escrow balance"),
)


def run(
    url: str, wanted: Flow, access: Access = Access.TRANSACT, **changes: Any
) -> tuple[Notebook, BaseException | None]:
    """Run a flow; return what was recorded, and how it ended."""
    notebook = Notebook()
    notebook.check = "check"
    chain = chain_at(url, **changes)
    with door(chain, access) as rpc:
        found = FlowProbe(
            "release",
            wanted,
            {
                wanted.contract: Part(
                    declared("0x00000000000000000000000000000000000BEEF0"), artifact()
                )
            },
            chain=chain,
            rpc=rpc,
            snapshot=pin(rpc, chain),
            recorder=notebook,
            typed_data={"release": RELEASE},
        )
        try:
            found.run()
        except (MetareleaseError, UnmetError) as problem:
            return notebook, problem
    return notebook, None


def judged(notebook: Notebook) -> list[Judgement]:
    cited = notebook.citations.get("check", [])
    return [one.judgement for one in cited if one.judgement is not Judgement.NONE]


def balance(rpc: Rpc, address: str) -> int:
    return quantity(rpc.call("eth_getBalance", address, "latest"), "balance")


# ---------------------------------------------------------------------- not at all


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (flow(DEPOSIT, replace(CONFIRM, sender="nobody")), "no role nobody"),
        (flow(replace(CONFIRM, call="confirm")), "no function confirm"),
        (flow(replace(CONFIRM, emits=("Confirmd",))), "did you mean Confirmed"),
        (flow(replace(RELEASE_IT, sign=None)), r"\$signature stands for nothing"),
        (flow(replace(DEPOSIT, args=(1,))), "takes 0 arguments"),
        (flow(DEPOSIT, constructor=()), "takes 7 arguments"),
        (flow(replace(RELEASE_IT, sign=replace(SIGNED, typed_data="x"))), "no x; declared"),
        (flow(replace(RELEASE_IT, sign=replace(SIGNED, message={}))), "needs escrowAddress"),
    ],
)
def test_a_flow_that_cannot_be_is_a_usage_error_before_anything_is_sent(
    anvil: str, wanted: Flow, text: str
) -> None:
    with door(chain_at(anvil)) as rpc:
        before = balance(rpc, SPENDER.address)
        notebook, problem = run(anvil, wanted)
        assert isinstance(problem, UsageError)
        with pytest.raises(UsageError, match=text):
            raise problem
        assert balance(rpc, SPENDER.address) == before
    assert judged(notebook) == []


def test_the_cap_is_checked_before_anything_is_sent(either: str) -> None:
    with door(chain_at(either)) as rpc:
        before = balance(rpc, SPENDER.address)
        notebook, problem = run(either, HAPPY, spending_cap=Wei(ETHER // 10))
        assert isinstance(problem, ForbiddenError)
        assert "spending_cap" in str(problem)
        assert balance(rpc, SPENDER.address) == before
    assert judged(notebook) == [Judgement.UNKNOWN]


def test_no_spending_account_is_said(anvil: str) -> None:
    _, problem = run(anvil, HAPPY, spending_key=None)
    assert isinstance(problem, UndeclaredError)


def test_a_spending_account_without_money_is_unknown(either: str) -> None:
    notebook, problem = run(either, HAPPY, spending_key=fresh_key())
    assert isinstance(problem, RefusedError)
    assert judged(notebook) == [Judgement.UNKNOWN]


def test_a_key_is_never_shown(anvil: str) -> None:
    _, problem = run(anvil, HAPPY, spending_key="0xnot-a-key-but-secret")
    assert isinstance(problem, UsageError)
    assert "secret" not in str(problem)


# ---------------------------------------------------------------------- sent


def test_the_flow_of_the_product_is_met_step_by_step(either: str) -> None:
    with door(chain_at(either)) as rpc:
        before = balance(rpc, SPENDER.address)
        notebook, problem = run(either, HAPPY)
        assert problem is None
        # The deployment, seven steps, what each of the four transactions changed, and that the
        # three steps among them are not made again by whom they pay.
        assert judged(notebook) == [Judgement.MET] * (1 + len(HAPPY.steps) + 4 + 3)
        # What the roles did not use came back: the flow cost gas and nothing else.
        assert before - balance(rpc, SPENDER.address) < ETHER // 50
    subjects = {one.subject for one in notebook.measurements.values()}
    assert subjects == {"contract:escrow"}


WRONG = {
    "an event that is not emitted": (
        flow(replace(DEPOSIT, emits=("Deposited", "Confirmed"))),
        "event Confirmed was not emitted",
    ),
    "an event emitted once and declared twice": (
        flow(replace(DEPOSIT, emits=("Deposited", "Deposited"))),
        "event Deposited was not emitted",
    ),
    "another state afterwards": (
        flow(replace(DEPOSIT, then={"currentState": is_(2)})),
        "then currentState is 1, not 2",
    ),
    "an expectation that states nothing": (
        flow(replace(DEPOSIT, then={"currentState": Expectation()})),
        "currentState",
    ),
    "a revert that nobody declared": (
        flow(CONFIRM),
        "reverts: Invalid state",
    ),
    "a revert that does not come": (
        flow(replace(DEPOSIT, reverts="Pausable: paused")),
        "it does not revert",
    ),
    "a revert for another reason": (
        flow(replace(CONFIRM, reverts="Pausable: paused")),
        "Invalid state",
    ),
    "a signature by somebody else": (
        flow(DEPOSIT, CONFIRM, replace(RELEASE_IT, sign=replace(SIGNED, signer="counterparty"))),
        "Invalid arbiter signature",
    ),
    "a constructor that reverts": (
        flow(DEPOSIT, constructor=(NOBODY, *HAPPY.constructor[1:])),
        "Depositor is the zero address",
    ),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("access", [Access.TRANSACT, Access.READ_ONLY])
def test_what_is_not_as_declared_is_unmet(anvil: str, name: str, access: Access) -> None:
    wanted, text = WRONG[name]
    notebook, problem = run(anvil, wanted, access)
    assert isinstance(problem, UnmetError)
    assert text in str(problem)
    assert judged(notebook)[-1] is Judgement.UNMET
    assert judged(notebook).count(Judgement.UNMET) == 1


def test_several_flows_may_spend_from_one_account_at_a_time(either: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: run(either, flow(DEPOSIT)), range(3)))
    assert [problem for _, problem in found] == [None] * 3


def test_money_comes_back_from_a_flow_that_fails(either: str) -> None:
    with door(chain_at(either)) as rpc:
        before = balance(rpc, SPENDER.address)
        _, problem = run(either, flow(CONFIRM, DEPOSIT))
        assert isinstance(problem, UnmetError)
        assert before - balance(rpc, SPENDER.address) < ETHER // 50


# ---------------------------------------------------------------------- simulated


def test_read_only_simulates_the_whole_flow_and_sends_nothing(anvil: str) -> None:
    with door(chain_at(anvil)) as rpc:
        head = rpc.call("eth_blockNumber")
        notebook, problem = run(anvil, HAPPY, Access.READ_ONLY, spending_key=None)
        assert problem is None
        assert judged(notebook) == [Judgement.MET] * (1 + len(HAPPY.steps))
        assert rpc.call("eth_blockNumber") == head


def test_the_deployer_may_send_steps(anvil: str) -> None:
    pausing = flow(
        Step(call="pause", sender="deployer", emits=("Paused",), then={"paused": is_(True)}),
        replace(DEPOSIT, reverts="Pausable: paused"),
    )
    for access in (Access.READ_ONLY, Access.TRANSACT):
        assert run(anvil, pausing, access)[1] is None


def test_a_node_that_simulates_nothing_is_unsupported(embedded: str) -> None:
    notebook, problem = run(embedded, HAPPY, Access.READ_ONLY)
    assert isinstance(problem, UnsupportedError)
    assert judged(notebook) == [Judgement.UNKNOWN]
