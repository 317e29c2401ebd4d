"""What transactions of ours changed, on three nodes: by trace where there is one, else by reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import UnmetError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.probes.chain.directory import Directory
from tests.probes.chain import tills
from tests.probes.chain.tills import AGREE, BACK, FILL, FRIEND, flow, judged, perform

if TYPE_CHECKING:
    from pytest_metarelease.evidence import Notebook

WATCHED = Directory(accounts={"friend": FRIEND})
METHODS = {
    "anvil": "by debug_traceTransaction",
    "embedded": "the node has no debug_traceTransaction",
    "hardhat": "by debug_traceTransaction",
}


def changes(notebook: Notebook) -> list[str]:
    return [one.answer for one in notebook.measurements.values() if one.asked.startswith("what ")]


@pytest.mark.parametrize("kind", METHODS)
def test_it_says_how_it_was_measured(request: pytest.FixtureRequest, kind: str) -> None:
    notebook, problem = perform(request.getfixturevalue(kind), flow(FILL, AGREE))
    assert problem is None
    assert judged(notebook) == {Judgement.MET}
    seen = changes(notebook)
    assert len(seen) == 3
    assert all(METHODS[kind] in one for one in seen), seen
    assert "slot 0x0" in seen[-1]


def test_a_slot_beyond_the_declared_ones_is_found(any_node: str) -> None:
    notebook, problem = perform(any_node, flow(FILL, AGREE, defect=tills.SECRET_SLOT))
    assert isinstance(problem, UnmetError)
    assert ": slot 0x2 (by " in str(problem)
    assert "declare it under `changes:` in flows.till" in str(problem)
    assert Judgement.UNMET in judged(notebook)


def test_it_may_change_where_it_is_declared(any_node: str) -> None:
    for declared in (("$self 0 2",), ("$self slots",), ()):
        agree = replace(AGREE, changes=declared)
        assert perform(any_node, flow(FILL, agree, defect=tills.SECRET_SLOT))[1] is None


def test_an_account_beyond_the_declared_ones_is_found(any_node: str) -> None:
    wanted = flow(FILL, BACK, defect=tills.TIPS)
    _, problem = perform(any_node, wanted, directory=WATCHED)
    assert isinstance(problem, UnmetError)
    assert f"{FRIEND}: balance (by " in str(problem)
    tipping = replace(BACK, changes=(*BACK.changes, "account:friend balance"))
    assert perform(any_node, flow(FILL, tipping, defect=tills.TIPS), directory=WATCHED)[1] is None


def test_money_for_a_role_has_to_be_declared(any_node: str) -> None:
    _, problem = perform(any_node, flow(FILL, replace(BACK, changes=())))
    assert isinstance(problem, UnmetError)
    assert ": balance (by " in str(problem)
