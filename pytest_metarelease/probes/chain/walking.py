"""Walks through a state machine: the paths that cover every move, and all that must be refused.

Values in, values out; asks nobody. Refuses nothing: what can never be reached is found when the
manifest is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from pytest_metarelease.manifest.trial_rules import ANYONE, DEPLOYER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.manifest.trials import Action, Machine


@dataclass(frozen=True, slots=True)
class Call:
    """One cell of the table: an action by a role, tried or done.

    ``refusals`` are the reasons of which one must come; none where it must succeed. ``done`` moves
    the machine to the state ``then``, with which the cell ends either way.
    """

    action: str
    role: str
    state: str
    then: str
    refusals: tuple[str, ...] = ()
    done: bool = False
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """The pause is set (``on``) or ended."""

    state: str
    on: bool


def walks(machine: Machine) -> list[list[Call | Turn]]:
    """Return the walks, each on a contract of its own, that try every cell at least once.

    Every cell of a state is tried where the state is first reached; every move is done.
    """
    found: list[list[Call | Turn]] = []
    tried: set[str] = set()
    for path in _paths(machine):
        walk: list[Call | Turn] = []
        state = next(iter(machine.states))
        for move in [*path, None]:
            if state not in tried:
                tried.add(state)
                walk += _cells(machine, state)
            if move is not None:
                walk.append(move)
                state = move.then
        found.append(walk)
    return found


def _paths(machine: Machine) -> list[list[Call]]:
    """Return the shortest way to each move and the move, without those that are within another."""
    ways: dict[str, list[Call]] = {next(iter(machine.states)): []}
    queue = list(ways)
    for state in queue:
        for move in _moves(machine, state):
            if move.then not in ways:
                ways[move.then] = [*ways[state], move]
                queue.append(move.then)
    every = [[*way, move] for state, way in ways.items() for move in _moves(machine, state)]
    return [
        one
        for one in every
        if not any(other is not one and other[: len(one)] == one for other in every)
    ]


def _moves(machine: Machine, state: str) -> Iterator[Call]:
    for name, action in machine.actions.items():
        if state in action.moves:
            role = next((one for one in action.by if one != ANYONE), machine.roles[0])
            yield Call(name, role, state, action.moves[state], done=True)


def _cells(machine: Machine, state: str) -> Iterator[Call | Turn]:
    every = list(product(machine.actions.items(), (*machine.roles, DEPLOYER)))
    for (name, action), role in every:
        yield _cell(name, action, role, state, ())
    halt = machine.paused
    if halt is None:
        return
    yield Turn(state, on=True)
    for (name, action), role in every:
        reasons = () if name in halt.goes_on else halt.reverts
        cell = _cell(name, action, role, state, reasons)
        yield Call(cell.action, role, state, cell.then, cell.refusals, paused=True)
    yield Turn(state, on=False)


def _cell(name: str, action: Action, role: str, state: str, reasons: tuple[str, ...]) -> Call:
    """Return what must become of a call; of several things that are wrong, any may be said."""
    if ANYONE not in action.by and role not in action.by:
        reasons += action.otherwise
    if state not in action.moves:
        reasons += action.elsewhere
    then = state if reasons else action.moves[state]
    return Call(name, role, state, then, tuple(dict.fromkeys(reasons)))
