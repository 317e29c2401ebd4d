"""A till of another product, sound or with one defect, and what its manifest says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MetareleaseError, UnmetError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.model import (
    Contract,
    Expectation,
    TypedData,
    TypedField,
)
from pytest_metarelease.manifest.scalars import Access, Address, RelativePath, Wei
from pytest_metarelease.manifest.trials import Action, Flow, Forged, Halt, Machine, Signing, Step
from pytest_metarelease.probes.chain.artifact import Artifact, load
from pytest_metarelease.probes.chain.companions import Part
from pytest_metarelease.probes.chain.directory import Directory
from pytest_metarelease.probes.chain.flows import FlowProbe
from pytest_metarelease.probes.chain.machines import MachineProbe
from pytest_metarelease.probes.chain.snapshot import pin
from tests.probes.chain.nodes import CHAIN_ID, chain_at, door

if TYPE_CHECKING:
    from collections.abc import Callable

ARTIFACT = Path(__file__).parents[2] / "contracts" / "Till.json"
(
    SOUND,
    HIGH_S,
    NO_CHAIN,
    REPLAY,
    BACK_AT_ANY_STAGE,
    PAYS_WHILE_HALTED,
    SECRET_SLOT,
    ANY_RECIPIENT,
    TIPS,
    COMPACT,
    LOW_V,
    EXTENSIONS,
    OTHER_VERSION,
    OPEN_AGREE,
    BURNS_GAS,
    NO_SIGNER,
    ANY_LENGTH,
) = range(17)
FRIEND = "0x000000000000000000000000000000000000beef"
PAID = 10**15
PAY_OUT = TypedData(
    domain={"name": "Till", "version": "3", "chainId": CHAIN_ID, "verifyingContract": "$self"},
    primary="PayOut",
    types={
        "PayOut": (
            TypedField(name="to", type="address"),
            TypedField(name="amount", type="uint256"),
        )
    },
)
SIGNED = Signing(
    typed_data="pay-out",
    signer="judge",
    message={"to": "$seller", "amount": str(PAID // 4)},
    forged=Forged(
        reverts=("BadSignature",),
        replay=("Spent",),
        high_s=("Malleable",),
        length=("WrongLength",),
        recovery=("BadSignature",),
    ),
)
ROLES = ("buyer", "seller", "judge", "stranger")
FILL = Step(call="fill", sender="buyer", value=Wei(PAID), then={})
AGREE = Step(call="agree", sender="seller", changes=("$self 0",))
PAY = Step(
    call="payOut",
    sender="stranger",
    args=("$seller", PAID // 4, "$signature"),
    sign=SIGNED,
    changes=("$seller balance",),
)
BACK = Step(call="giveBack", sender="judge", changes=("$buyer balance",))


def is_(value: Any) -> Expectation:
    return Expectation(equals=value, states_equals=True)


def flow(*steps: Step, defect: int = SOUND, judge: str = "$judge") -> Flow:
    return Flow(
        contract="till",
        roles=ROLES,
        constructor=("$buyer", "$seller", judge, defect),
        steps=steps,
    )


def machine(defect: int = SOUND) -> Machine:
    stage, you = ("WrongStage",), ("NotYou",)
    return Machine(
        contract="till",
        roles=ROLES,
        constructor=("$buyer", "$seller", "$judge", defect),
        state="stage",
        states={"open": 0, "filled": 1, "agreed": 2, "closed": 3},
        actions={
            "fill": Action(
                by=("buyer",),
                otherwise=you,
                moves={"open": "filled"},
                elsewhere=stage,
                value=Wei(PAID),
            ),
            "agree": Action(
                by=("seller",),
                otherwise=you,
                moves={"filled": "agreed"},
                elsewhere=stage,
                changes=("$self 0",),
            ),
            "give-back": Action(
                call="giveBack",
                by=("judge",),
                otherwise=you,
                moves={"filled": "closed"},
                elsewhere=stage,
                changes=("$buyer balance",),
            ),
            "pay-out": Action(
                call="payOut",
                by=("anyone",),
                moves={"agreed": "agreed"},
                elsewhere=stage,
                args=PAY.args,
                sign=replace(SIGNED, forged=None),
                changes=("$seller balance",),
            ),
        },
        paused=Halt(call="halt", by="deployer", undo="resume", reverts=("Halted",)),
    )


def till() -> Artifact:
    return load(ARTIFACT)


def declared(address: str = "0x00000000000000000000000000000000000BEEF0", **more: Any) -> Contract:
    return Contract(artifact=RelativePath("Till.json"), address=Address(address), **more)


def perform(
    url: str,
    wanted: Flow | Machine,
    how: str = "run",
    access: Access = Access.TRANSACT,
    **more: Any,
) -> tuple[Notebook, BaseException | None]:
    """Run a flow (or try its ``forgeries``) or a machine; return records, and how it ended."""
    notebook = Notebook()
    notebook.check = "check"
    typed: TypedData = more.pop("typed", PAY_OUT)
    directory: Directory = more.pop("directory", Directory())
    chain = chain_at(url, **more)
    with door(chain, access) as rpc:
        kind: Callable[..., Any] = FlowProbe if isinstance(wanted, Flow) else MachineProbe
        probe = kind(
            "till",
            wanted,
            {wanted.contract: Part(declared(), till())},
            chain=chain,
            rpc=rpc,
            snapshot=pin(rpc, chain),
            recorder=notebook,
            typed_data={"pay-out": typed},
            directory=directory,
        )
        try:
            getattr(probe, how)()
        except (MetareleaseError, UnmetError) as problem:
            return notebook, problem
    return notebook, None


def judged(notebook: Notebook) -> set[Judgement]:
    cited = notebook.citations.get("check", [])
    return {one.judgement for one in cited} - {Judgement.NONE}
