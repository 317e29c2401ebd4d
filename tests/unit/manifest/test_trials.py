"""Domains, forgeries and state machines: tables with a hole in them are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_metarelease.manifest.expectations import Expectation
from pytest_metarelease.manifest.rules import broken_by
from pytest_metarelease.manifest.scalars import Wei
from pytest_metarelease.manifest.trials import (
    Action,
    Beside,
    Domain,
    Flow,
    Forged,
    Halt,
    Machine,
    OwnToken,
    SignedBy,
    Signing,
    Step,
)

SIGN = Signing(typed_data="pay", signer="judge", message={"to": "$buyer"})
FILL = Action(by=("buyer",), otherwise=("NotYou",), moves={"open": "full"}, elsewhere=("Stage",))
MACHINE = Machine(
    contract="till",
    roles=("buyer", "judge"),
    constructor=("$buyer", "$judge"),
    state="stage",
    states={"open": 0, "full": 1},
    actions={
        "fill": FILL,
        "pay": Action(
            by=("anyone",),
            moves={"full": "full"},
            elsewhere=("Stage",),
            args=("$buyer", "$signature"),
            sign=SIGN,
            changes=("$buyer balance", "contract:till 0 0x1 slots", "$deployer nonce"),
        ),
    },
    paused=Halt(reverts=("Halted",), goes_on={"pay": "nobody's money is held"}),
    changes=("$self balance slots",),
)


def problems(value: Any) -> list[str]:
    return [".".join(map(str, path)) + ": " + text for path, text in broken_by(value)]


def filling(**changes: Any) -> Machine:
    return replace(MACHINE, actions={**MACHINE.actions, "fill": replace(FILL, **changes)})


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (filling(otherwise=()), "actions.fill: needs `otherwise`"),
        (filling(elsewhere=()), "actions.fill: needs `elsewhere`"),
        (filling(by=("byer",)), "actions.fill.by.0: byer is not declared here; did you mean buyer"),
        (filling(moves={"open": "ful"}), "actions.fill.moves.open: ful is not declared here"),
        (filling(moves={"opn": "full"}), "actions.fill.moves.opn: opn is not declared here"),
        (filling(args=("$byer",)), "actions.fill.args.0: $byer stands for nothing"),
        (filling(args=("$signature",)), "actions.fill.args.0: $signature stands for nothing"),
        (filling(changes=("$byer balance",)), "actions.fill.changes.0: $byer stands for nothing"),
        (filling(changes=("$buyer",)), "actions.fill.changes.0: is written `ACCOUNT PART...`"),
        (filling(changes=("$buyer balanse",)), "actions.fill.changes.0: is written"),
        (filling(changes=("",)), "actions.fill.changes.0: is written"),
        (filling(otherwise=("0x08c379a0",)), "actions.fill.otherwise.0: 0x08c379a0 is how every"),
        (replace(MACHINE, roles=("buyer", "judge", "self")), "roles.2: self has a meaning"),
        (replace(MACHINE, roles=("buyer", "judge", "buyer")), "roles.2: buyer is named twice"),
        (replace(MACHINE, constructor=("$self",)), "constructor.0: $self stands for nothing"),
        (
            replace(MACHINE, states={**MACHINE.states, "lost": 2}),
            "states.lost: is reached by no action",
        ),
        (
            replace(MACHINE, paused=Halt(by="nobody", reverts=("Halted",))),
            "paused.by: nobody is not declared here",
        ),
        (
            replace(MACHINE, paused=Halt(reverts=("Halted",), goes_on={"pey": "x"})),
            "paused.goes_on.pey: pey is not declared here; did you mean pay",
        ),
    ],
)
def test_a_table_with_a_hole_is_refused(wanted: Machine, told: str) -> None:
    assert [one for one in problems(wanted) if one.startswith(told)], problems(wanted)


def test_a_whole_table_is_not() -> None:
    assert problems(MACHINE) == []


@pytest.mark.parametrize("key", ["reverts", "replay", "high_s", "length", "recovery"])
def test_what_every_text_begins_with_is_no_refusal(key: str) -> None:
    whole: dict[str, Any] = {"reverts": ("Wrong",), "replay": ("Again",)}
    assert problems(Forged(**whole)) == []
    (problem,) = problems(Forged(**{**whole, key: ("0x4e487b71",)}))
    assert problem.startswith(f"{key}.0: 0x4e487b71 is how every")


def test_reasons_of_arguments_are_reasons() -> None:
    wrong = Forged(reverts=("W",), replay=("A",), arguments={"to": ("0x08c379a0",)})
    assert problems(wrong)[0].startswith("arguments.to.0: ")


def test_a_domain_is_published_in_one_way() -> None:
    plain = Domain(typed_data="pay", contracts=("till",))
    assert problems(plain) == []
    assert problems(replace(plain, contracts=("till", "till"))) == [
        "contracts.1: till is named twice"
    ]
    both = replace(plain, separator="DOMAIN_SEPARATOR", unpublished="old")
    assert problems(both)[0].startswith("unpublished: stands beside a separator")


def test_what_a_service_signs_knows_the_contract_only() -> None:
    signed = SignedBy(
        endpoint="a.b",
        contract="till",
        message={"of": "$self", "to": "$buyer"},
        signature_at="signature",  # type: ignore[arg-type]
        signer="account:judge",
    )
    (problem,) = problems(Domain(typed_data="pay", contracts=("till",), signed_by=signed))
    assert problem.startswith("signed_by.message.to: $buyer stands for nothing")


def test_what_a_step_may_change_is_an_account_and_its_parts() -> None:
    step = Step(call="fill", sender="buyer", changes=("$buyer balance", "$seller balance", "$self"))
    found = problems(Flow(contract="till", roles=("buyer",), steps=(step,)))
    assert [one.partition(" ")[0] for one in found] == ["steps.0.changes.1:", "steps.0.changes.2:"]


GOLD = Beside(token=OwnToken())
STEP = Step(call="fill", sender="buyer")


def having(**changes: Any) -> Flow:
    return Flow(contract="till", roles=("buyer",), **{"steps": (STEP,), **changes})


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (Beside(), ": is either a `contract` of the manifest or a `token: {}`"),
        (Beside(contract="till", token=OwnToken()), ": is either a `contract`"),
        (replace(GOLD, constructor=("1",)), "constructor: is for contracts"),
        (having(beside={"buyer": GOLD}), "beside.buyer: buyer has a meaning of its own"),
        (having(beside={"self": GOLD}), "beside.self: self has a meaning of its own"),
        (having(beside={"deployer": GOLD}), "beside.deployer: deployer has a meaning"),
        (having(beside={"a.b": GOLD}), "beside.a.b: a.b has a meaning"),
        (having(beside={f"t{n}": GOLD for n in range(21)}), "beside: more than 20 contracts"),
        # What is deployed later has no address yet; what a contract is told may be its own.
        (
            having(
                beside={"a": Beside(contract="till", constructor=("$gold",)), "gold": GOLD},
            ),
            "beside.a.constructor.0: $gold stands for nothing",
        ),
        (having(constructor=("$gold",)), "constructor.0: $gold stands for nothing"),
        (having(steps=(replace(STEP, to="gold"),)), "steps.0.to: gold is not declared here"),
        (
            having(steps=(replace(STEP, then={"gold.balanceOf": Expectation(equals=1)}),)),
            "steps.0.then.gold.balanceOf: gold is not declared here",
        ),
        (
            having(steps=(replace(STEP, pays={"$seller": Wei(1)}),)),
            "steps.0.pays.$seller: $seller stands for nothing",
        ),
        (
            having(steps=(replace(STEP, pays={"$buyer": Wei(1)}, reverts="No"),)),
            "steps.0.pays: stands beside reverts",
        ),
        (filling(pays={"$byer": Wei(1)}), "actions.fill.pays.$byer: $byer stands for nothing"),
        (replace(MACHINE, prepare=(replace(STEP, reverts="No"),)), "prepare.0: must be done"),
        (replace(MACHINE, prepare=(replace(STEP, to="gold"),)), "prepare.0.to: gold is not"),
    ],
)
def test_what_stands_nowhere_is_refused(wanted: Any, told: str) -> None:
    assert [one for one in problems(wanted) if one.startswith(told)], problems(wanted)


def test_what_stands_beside_may_be_called_read_and_changed() -> None:
    step = replace(
        STEP,
        to="gold",
        args=("$self", "$gold"),
        then={
            "gold.balanceOf#1": Expectation(equals=1, args=("$till",)),
            "of(address)": Expectation(),
        },
        changes=("$gold slots", "created"),
        pays={"$gold": Wei(0)},
    )
    beside = {"gold": GOLD, "till": Beside(contract="till", constructor=("$gold", "$buyer"))}
    assert problems(having(beside=beside, steps=(step,), constructor=("$till",))) == []
    assert problems(replace(MACHINE, beside=beside, prepare=(step,))) == []
