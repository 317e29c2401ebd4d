"""Walks through state machines: every move is done, every cell is tried, by every caller."""

from __future__ import annotations

from pytest_metarelease.manifest.trials import Action, Halt, Machine
from pytest_metarelease.probes.chain.walking import Call, Turn, walks

YOU, STAGE, HALTED = ("NotYou",), ("WrongStage",), ("Halted",)


def machine(**changes: object) -> Machine:
    values: dict[str, object] = {
        "contract": "till",
        "roles": ("buyer", "judge"),
        "state": "stage",
        "states": {"open": 0, "filled": 1, "closed": 2},
        "actions": {
            "fill": Action(by=("buyer",), otherwise=YOU, moves={"open": "filled"}, elsewhere=STAGE),
            "back": Action(
                by=("judge",), otherwise=YOU, moves={"filled": "closed"}, elsewhere=STAGE
            ),
            "note": Action(by=("anyone",), moves={"filled": "filled"}, elsewhere=STAGE),
        },
        **changes,
    }
    return Machine(**values)  # type: ignore[arg-type]


def calls(of: Machine) -> list[Call]:
    return [one for walk in walks(of) for one in walk if isinstance(one, Call)]


def test_a_machine_that_goes_nowhere_is_walked_all_the_same() -> None:
    stuck = machine(states={"open": 0}, actions={"note": Action(by=("anyone",), moves={"x": "x"})})
    assert walks(stuck) == []


def test_every_move_is_done_and_no_walk_is_part_of_another() -> None:
    done = [
        [one.action for one in walk if isinstance(one, Call) and one.done]
        for walk in walks(machine())
    ]
    assert done == [["fill", "back"], ["fill", "note"]]


def test_every_action_is_tried_by_everybody_in_every_state() -> None:
    tried = [one for one in calls(machine()) if not one.done]
    cells = [(one.state, one.action, one.role) for one in tried]
    assert len(cells) == len(set(cells)) == 3 * 3 * 3
    assert {one.role for one in tried} == {"buyer", "judge", "deployer"}


def test_what_is_wrong_with_a_call_says_how_it_may_be_refused() -> None:
    found = {
        (one.state, one.action, one.role): one.refusals for one in calls(machine()) if not one.done
    }
    assert found["open", "fill", "buyer"] == ()
    assert found["open", "fill", "judge"] == YOU
    assert found["filled", "fill", "buyer"] == STAGE
    assert found["filled", "fill", "judge"] == (*YOU, *STAGE)
    assert found["open", "note", "deployer"] == STAGE
    assert found["filled", "note", "deployer"] == ()


def test_paused_nothing_is_allowed_but_what_goes_on() -> None:
    halt = Halt(reverts=HALTED, goes_on={"note": "it moves nothing"})
    of = machine(paused=halt)
    paused = [one for one in calls(of) if one.paused]
    assert len(paused) == 3 * 3 * 3
    found = {(one.state, one.action, one.role): one.refusals for one in paused}
    assert found["open", "fill", "buyer"] == HALTED
    assert found["open", "fill", "judge"] == (*HALTED, *YOU)
    assert found["filled", "note", "buyer"] == ()
    turns = [one for walk in walks(of) for one in walk if isinstance(one, Turn)]
    assert [one.on for one in turns] == [True, False] * 3
