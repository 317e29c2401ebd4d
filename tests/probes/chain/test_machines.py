"""State machines on three nodes: the whole table is met, and each hole in it is found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_metarelease.errors import ForbiddenError, RefusedError, UnmetError, UsageError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.scalars import Access, Wei
from tests.probes.chain import tills
from tests.probes.chain.nodes import chain_at, door
from tests.probes.chain.tills import judged, machine, perform

# ---------------------------------------------------------------------- not at all


def test_a_function_that_is_not_there_is_wrong_usage(anvil: str) -> None:
    actions = machine().actions
    wrong = replace(machine(), actions={**actions, "fill": replace(actions["fill"], call="fil")})
    notebook, problem = perform(anvil, wrong)
    assert isinstance(problem, UsageError)
    assert judged(notebook) == set()


def test_an_event_that_is_not_there_is_wrong_usage(anvil: str) -> None:
    actions = machine().actions
    wrong = replace(machine(), actions={**actions, "fill": replace(actions["fill"], emits=("F",))})
    notebook, problem = perform(anvil, wrong)
    assert isinstance(problem, UsageError)
    assert judged(notebook) == set()


def test_the_cap_is_kept(either: str) -> None:
    with door(chain_at(either)) as rpc:
        head = rpc.call("eth_blockNumber")
        notebook, problem = perform(either, machine(), spending_cap=Wei(10**14))
        assert isinstance(problem, ForbiddenError)
        assert judged(notebook) == {Judgement.UNKNOWN}
        assert rpc.call("eth_blockNumber") == head


# ---------------------------------------------------------------------- sound


@pytest.mark.parametrize("access", Access)
def test_a_sound_contract_is_its_table(any_node: str, access: Access) -> None:
    notebook, problem = perform(any_node, machine(), "run", access)
    assert problem is None
    assert judged(notebook) == {Judgement.MET}
    said = [one.expected for one in notebook.citations["check"]]
    # Four states, running and paused, with twenty calls each.
    tried = [one for one in said if "reverts: " in one]
    assert sum(one.count(" as ") for one in tried) >= 4 * 2 * 20
    for state in ("open", "filled", "agreed", "closed"):
        assert any(f"fill() as buyer with 1000000000000000 wei, in {state}" in one for one in said)
        assert any(f"in {state} while paused reverts: Halted" in one for one in tried)


# ---------------------------------------------------------------------- defects

DEFECTS = {
    tills.BACK_AT_ANY_STAGE: (
        "giveBack() as judge, in open: it does not revert",
        "giveBack() as judge, in agreed: it does not revert",
    ),
    tills.PAYS_WHILE_HALTED: ("payOut() as judge, in agreed while paused: it does not revert",),
    tills.OPEN_AGREE: ("agree() as stranger, in filled: it does not revert",),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_hole_is_found(any_node: str, defect: int) -> None:
    notebook, problem = perform(any_node, machine(defect), "run", Access.READ_ONLY)
    assert isinstance(problem, UnmetError)
    for text in DEFECTS[defect]:
        assert text in str(problem)
    assert judged(notebook) == {Judgement.MET, Judgement.UNMET}


@pytest.mark.parametrize("defect", [tills.BACK_AT_ANY_STAGE, tills.PAYS_WHILE_HALTED])
def test_executed_they_are_found_as_well(either: str, defect: int) -> None:
    _, problem = perform(either, machine(defect))
    assert isinstance(problem, UnmetError)
    for text in DEFECTS[defect]:
        assert text in str(problem)


def test_out_of_gas_is_no_refusal(any_node: str) -> None:
    notebook, problem = perform(any_node, machine(tills.BURNS_GAS), "run", Access.READ_ONLY)
    assert isinstance(problem, RefusedError)
    assert "out of gas, which is no refusal" in str(problem)
    assert Judgement.UNKNOWN in judged(notebook)


def test_another_state_after_a_move_is_found(any_node: str) -> None:
    wrong = replace(machine(), states={"open": 0, "filled": 1, "agreed": 3, "closed": 2})
    _, problem = perform(any_node, wrong, "run", Access.READ_ONLY)
    assert isinstance(problem, UnmetError)
    assert "then stage is 2, not 3" in str(problem)


def test_a_pause_that_does_not_undo_is_found(any_node: str) -> None:
    halt = machine().paused
    assert halt is not None
    wrong = replace(machine(), paused=replace(halt, by="stranger"))
    _, problem = perform(any_node, wrong, "run", Access.READ_ONLY)
    assert isinstance(problem, UnmetError)
    assert "NotYou" in str(problem)


def test_what_goes_on_while_paused_must_go_on(any_node: str) -> None:
    halt = machine().paused
    assert halt is not None
    wrong = replace(
        machine(), paused=replace(halt, goes_on={"give-back": "nobody's money is held hostage"})
    )
    _, problem = perform(any_node, wrong, "run", Access.READ_ONLY)
    assert isinstance(problem, UnmetError)
    assert "giveBack() as judge, in filled while paused: reverts: Halted()" in str(problem)
