"""What must hold of domains, forgeries and state machines, across their fields.

Refuses tables with a hole in them: a state that no call reaches, a refusal without its reason.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_metarelease.manifest.problems import suggestion
from pytest_metarelease.manifest.rule_parts import (
    SIGNATURE_PARTS,
    Breach,
    Broken,
    of_all_texts,
    repeated,
    stand_ins,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from pytest_metarelease.manifest.scalars import Wei
    from pytest_metarelease.manifest.trials import (
        Action,
        Beside,
        Domain,
        Flow,
        Forged,
        Machine,
        Step,
    )

ANYONE = "anyone"
"""Stands for every role of a state machine."""

DEPLOYER = "deployer"
"""A role that every flow and state machine has."""

CREATED = "created"
"""Among changes: the contracts that a transaction creates."""

_PARTS = re.compile(r"balance|nonce|code|slots|0x[0-9a-fA-F]{1,64}|0|[1-9][0-9]{0,76}")
_RESERVED = {"self", ANYONE}
_MOST_BESIDE = 20


def domain(declared: Domain) -> Broken:
    """What a domain breaks."""
    yield from repeated(declared.contracts, ("contracts",))
    if declared.separator is not None and declared.unpublished is not None:
        yield ("unpublished",), "stands beside a separator; keep one of the two"
    if declared.signed_by is not None:
        yield from stand_ins(declared.signed_by.message, {"$self"}, ("signed_by", "message"))


def forged(declared: Forged) -> Broken:
    """What the refusals of forgeries break."""
    for key in ("reverts", "replay", "high_s", "length", "recovery"):
        yield from _texts(getattr(declared, key), (key,))
    for name, texts in declared.arguments.items():
        yield from _texts(texts, ("arguments", name))


def changes(texts: tuple[str, ...], known: set[str], path: tuple[str | int, ...]) -> Broken:
    """What the changes of transactions break; ``known`` are the stand-ins for accounts."""
    for index, text in enumerate(texts):
        if text == CREATED:
            continue
        account, *parts = text.split() or [""]
        yield from stand_ins(account, known | {f"${DEPLOYER}"}, (*path, index))
        if not parts or not all(map(_PARTS.fullmatch, parts)):
            why = "is written `ACCOUNT PART...`; a part is balance, nonce, code, slots, or a slot"
            yield (*path, index), why


def beside(declared: Beside) -> Broken:
    """What a contract that stands beside a flow's breaks."""
    if (declared.contract is None) == (declared.token is None):
        yield (), "is either a `contract` of the manifest or a `token: {}` of ours"
    if declared.token is not None and declared.constructor:
        yield ("constructor",), "is for contracts; a token is as `token` says"


def flow(declared: Flow) -> Broken:
    """What a flow breaks."""
    known = yield from _people(declared)
    for index, step in enumerate(declared.steps):
        for path, why in _step(step, known, declared):
            yield ("steps", index, *path), why


def machine(declared: Machine) -> Broken:
    """What a state machine breaks."""
    known = yield from _people(declared)
    for index, step in enumerate(declared.prepare):
        for path, why in _step(step, known, declared):
            yield ("prepare", index, *path), why
        if step.reverts is not None or (step.sign is not None and step.sign.forged is not None):
            yield ("prepare", index), "must be done; what must be refused belongs in a flow"
    for name, action in declared.actions.items():
        for path, why in _action(declared, action, known):
            yield ("actions", name, *path), why
    yield from _unreachable(declared)
    halt = declared.paused
    if halt is not None:
        yield from _known(halt.by, {*declared.roles, DEPLOYER}, ("paused", "by"))
        yield from _texts(halt.reverts, ("paused", "reverts"))
        for name in halt.goes_on:
            yield from _known(name, declared.actions, ("paused", "goes_on", name))


def _people(
    declared: Flow | Machine,
) -> Generator[Breach, None, set[str]]:
    """Find what is wrong with roles and what stands beside; return the stand-ins that are known."""
    yield from repeated(declared.roles, ("roles",))
    for index, role in enumerate(declared.roles):
        if role in _RESERVED or f"${role}" in SIGNATURE_PARTS:
            yield ("roles", index), f"{role} has a meaning of its own here; rename the role"
    known = {f"${DEPLOYER}", *(f"${role}" for role in declared.roles)}
    for name, one in declared.beside.items():
        if name in _RESERVED or "." in name or f"${name}" in known | SIGNATURE_PARTS:
            yield ("beside", name), f"{name} has a meaning of its own here; rename it"
        yield from stand_ins(one.constructor, known, ("beside", name, "constructor"))
        known.add(f"${name}")
    if len(declared.beside) > _MOST_BESIDE:
        yield ("beside",), f"more than {_MOST_BESIDE} contracts; a flow is about one of them"
    yield from stand_ins(declared.constructor, known, ("constructor",))
    known.add("$self")
    yield from changes(declared.changes, known, ("changes",))
    return known


def _step(step: Step, known: set[str], declared: Flow | Machine) -> Broken:
    signed = SIGNATURE_PARTS if step.sign is not None else set()
    yield from stand_ins(step.args, known | signed, ("args",))
    yield from of_all_texts(step.reverts, ("reverts",))
    yield from changes(step.changes, known, ("changes",))
    yield from _pays(step.pays, known)
    if step.pays and step.reverts is not None:
        yield ("pays",), "stands beside reverts; what is refused pays nobody"
    if step.to is not None:
        yield from _known(step.to, declared.beside, ("to",))
    if step.sign is not None:
        yield from stand_ins(step.sign.message, known, ("sign", "message"))
    for view, wanted in step.then.items():
        yield from stand_ins(wanted.args, known, ("then", view, "args"))
        name, dot, _ = view.partition("(")[0].rpartition(".")
        if dot:
            yield from _known(name, declared.beside, ("then", view))


def _pays(payments: Mapping[str, Wei], known: set[str]) -> Broken:
    for account in payments:
        yield from stand_ins(account, known, ("pays", account))


def _action(declared: Machine, action: Action, known: set[str]) -> Broken:
    callers = {*declared.roles, DEPLOYER, ANYONE}
    for index, role in enumerate(action.by):
        yield from _known(role, callers, ("by", index))
    if ANYONE not in action.by and not action.otherwise:
        yield (), "needs `otherwise`: a refusal counts only with its declared reason"
    if set(declared.states) - set(action.moves) and not action.elsewhere:
        yield (), "needs `elsewhere`: a refusal counts only with its declared reason"
    for start, end in action.moves.items():
        yield from _known(start, declared.states, ("moves", start))
        yield from _known(end, declared.states, ("moves", start))
    yield from changes(action.changes, known, ("changes",))
    yield from _pays(action.pays, known)
    yield from _texts(action.otherwise, ("otherwise",))
    yield from _texts(action.elsewhere, ("elsewhere",))
    signed = SIGNATURE_PARTS if action.sign is not None else set()
    yield from stand_ins(action.args, known | signed, ("args",))
    if action.sign is not None:
        yield from stand_ins(action.sign.message, known, ("sign", "message"))


def _unreachable(declared: Machine) -> Broken:
    reached = {next(iter(declared.states))}
    moves = [one for action in declared.actions.values() for one in action.moves.items()]
    for _ in declared.states:
        reached |= {end for start, end in moves if start in reached}
    for name in declared.states:
        if name not in reached:
            yield ("states", name), "is reached by no action, so that nothing can be tried in it"


def _known(name: str, known: Iterable[str], path: tuple[str | int, ...]) -> Broken:
    names = sorted(known)
    if name not in names:
        yield path, f"{name} is not declared here{suggestion(name, names)}"


def _texts(texts: tuple[str, ...], path: tuple[str | int, ...]) -> Broken:
    for index, text in enumerate(texts):
        yield from of_all_texts(text, (*path, index))
