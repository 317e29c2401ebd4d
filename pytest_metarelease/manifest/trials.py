"""What the manifest says of signatures and state machines: what must be refused, and how.

A refusal counts only with its declared reason. Nothing here signs, sends or asks.
"""

# Annotations are objects here, not texts, as in ``model``.

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Literal

from pytest_metarelease.manifest.expectations import Expectation
from pytest_metarelease.manifest.notes import Between, Name, NotEmpty, OneOrMany, Refers, Spelled
from pytest_metarelease.manifest.scalars import Json, Seconds, Share, ValuePath, Wei
from pytest_metarelease.record import record


@record
class Forged:
    """How signatures are refused that are not the signer's, over exactly this, used once.

    Each reason is a text of `require`, a custom error, a selector, or `0x`. What is left out is
    refused as `reverts` says.
    """

    reverts: Annotated[
        tuple[str, ...],
        "Another signer, a changed member of the message, another domain, garbage.",
        OneOrMany(),
        NotEmpty(),
    ]
    replay: Annotated[tuple[str, ...], "The same signature again.", OneOrMany(), NotEmpty()]
    high_s: Annotated[
        tuple[str, ...], "The other signature that fits, with the high s (EIP-2).", OneOrMany()
    ] = ()
    length: Annotated[
        tuple[str, ...],
        "Other than 65 bytes: none, 64 (EIP-2098), 66.",
        OneOrMany(),
    ] = ()
    recovery: Annotated[
        tuple[str, ...],
        "v other than 27 and 28, or numbers from which nobody follows.",
        OneOrMany(),
    ] = ()
    expired: Annotated[
        tuple[str, ...],
        "Rightly signed, and over: a member such as `deadline` or `expiry`, which the call takes "
        "too, lies in the past.",
        OneOrMany(),
    ] = ()
    arguments: Annotated[
        Mapping[str, Annotated[tuple[str, ...], OneOrMany()]],
        "Argument of the call -> how it is refused once it is another than what was signed, where "
        "the contract looks at it before the signature.",
    ] = field(default_factory=dict)


@record
class Signing:
    """An EIP-712 signature that is made for one argument of a call, written `$signature`."""

    typed_data: Annotated[str, "A name under `typed_data`.", Refers("typed_data")]
    signer: Annotated[str, "A role of the flow.", Refers("account_role")]
    message: Mapping[str, Json]
    forged: Annotated[
        Forged | None, "Forgeries are tried before the step, and the replay after it."
    ] = None


_CHANGES = (
    "What a transaction may change beside its sender's balance and nonce, as `ACCOUNT PART...`: an "
    "account is $self, $ROLE, contract:NAME or an address, a part is balance, nonce, code, slots "
    "(any) or the number of a slot. Where $self is not named, it may change all of it. `created` "
    "stands for contracts that it creates."
)
_PAYS = (
    "Account, as in `changes` -> what exactly it gets in ether, e.g. `0.1 ether`; gas and what the "
    "sender pays with the call are not counted."
)


@record
class Step:
    """One call of a flow and what must be true after it.

    ``$self`` is the flow's contract, ``$ROLE`` the address of a role, ``$NAME`` what stands
    ``beside`` it, ``$signature`` what ``sign`` made, or ``$v``, ``$r`` and ``$s`` where a function
    takes its numbers one by one.
    """

    to: Annotated[str | None, "A name under `beside` that is called; else the flow's contract."] = (
        None
    )
    call: Annotated[str, "Function name, or its signature where overloaded."]
    sender: Annotated[
        str, "A role of the flow. Written `as:`.", Spelled("as"), Refers("account_role")
    ]
    args: tuple[Json, ...] = ()
    value: Wei = Wei(0)
    sign: Signing | None = None
    reverts: Annotated[str | None, "Reason or custom error; the call must revert so."] = None
    emits: Annotated[tuple[str, ...], "Events that the call must emit."] = ()
    then: Annotated[
        Mapping[str, Expectation],
        "View functions after the call; of what stands `beside`: `NAME.view`, and several calls of "
        "one as `view#1`.",
    ] = field(default_factory=dict)
    pays: Annotated[Mapping[str, Wei], _PAYS] = field(default_factory=dict)
    after: Annotated[
        Seconds | None, "So much time passes before the call; the flow is then only simulated."
    ] = None
    changes: Annotated[tuple[str, ...], _CHANGES, OneOrMany()] = ()


@record
class OwnToken:
    """An ERC-20 token of ours; the deployer and every role of the flow have 10^30 of it."""

    decimals: Annotated[int, Between(0, 77)] = 18
    returns: Annotated[
        Literal["bool", "nothing"], "What its transfers return; `nothing`, as old tokens do (USDT)."
    ] = "bool"
    fee: Annotated[Share, "What each transfer takes from what arrives, e.g. `1%`."] = Share(0)
    trusted: Annotated[
        str | None,
        "Why nobody must look at what its transfers return, e.g. that the real one always reverts.",
    ] = None


@record
class Beside:
    """What stands beside a flow's contract: a declared contract or a token, deployed anew."""

    contract: Annotated[str | None, "A name under `contracts`.", Refers("contract")] = None
    token: OwnToken | None = None
    constructor: tuple[Json, ...] = ()


_BESIDE = (
    "What is deployed before the contract, in this order; `$NAME` is its address. An argument of "
    "type `bytes` may be a call: `{call: initialize, args: [...], to: NAME}`."
)


@record
class Flow:
    """A sequence of calls on a contract of our own, deployed from the verified artifact."""

    contract: Annotated[
        str, "A name under `contracts`; its artifact is deployed anew.", Refers("contract")
    ]
    roles: Annotated[
        tuple[str, ...], "Names; each becomes a fresh funded account.", Name(), NotEmpty()
    ]
    beside: Annotated[Mapping[str, Beside], _BESIDE] = field(default_factory=dict)
    constructor: tuple[Json, ...] = ()
    steps: Annotated[tuple[Step, ...], NotEmpty()]
    changes: Annotated[tuple[str, ...], "Of every step, as in a step.", OneOrMany()] = ()


@record
class SignedBy:
    """A service that signs messages of a domain, and the key that it must sign with.

    The message should be one that can do no harm, e.g. an amount that no contract can pay.
    """

    endpoint: Annotated[str, "`service.endpoint`; its method and path.", Refers("endpoint")]
    credential: Annotated[str | None, Refers("credential")] = None
    contract: Annotated[str, "Whose address is `$self`.", Refers("contract")]
    message: Annotated[Mapping[str, Json], NotEmpty()]
    message_at: Annotated[
        ValuePath | None, "Where the message stands in the body; left out, it is the body."
    ] = None
    signature_at: Annotated[ValuePath, "Where the signature stands in the answer."]
    signer: Annotated[str, "Whose signature it must be; a caller, as under `access`."]


@record
class Domain:
    """An EIP-712 domain that contracts, manifest and services must agree on, field by field."""

    typed_data: Annotated[str, "A name under `typed_data`.", Refers("typed_data")]
    contracts: Annotated[
        tuple[str, ...], "Each has the domain with its own address.", Refers("contract"), NotEmpty()
    ]
    separator: Annotated[
        str | None, "View that returns the separator, for contracts without ERC-5267."
    ] = None
    unpublished: Annotated[
        str | None, "Why the contracts say nothing of their domain; flows must show it."
    ] = None
    kept: Annotated[
        str | None, "Why the domain of the deployment is kept, whatever becomes of the chain."
    ] = None
    signed_by: SignedBy | None = None


@record
class Action:
    """One function of a state machine: who may call it, in which state, and what follows."""

    call: Annotated[str | None, "Function name or signature; default the action's name."] = None
    by: Annotated[tuple[str, ...], "Roles, or `anyone`.", OneOrMany(), NotEmpty()]
    otherwise: Annotated[tuple[str, ...], "How other callers are refused.", OneOrMany()] = ()
    moves: Annotated[Mapping[str, str], "State -> state after the call.", NotEmpty()]
    elsewhere: Annotated[tuple[str, ...], "How it is refused in other states.", OneOrMany()] = ()
    args: tuple[Json, ...] = ()
    value: Wei = Wei(0)
    sign: Signing | None = None
    emits: Annotated[
        tuple[str, ...], "Events of a move that is executed, where access is transact.", OneOrMany()
    ] = ()
    changes: Annotated[tuple[str, ...], "As in a step of a flow.", OneOrMany()] = ()
    pays: Annotated[Mapping[str, Wei], _PAYS] = field(default_factory=dict)


@record
class Halt:
    """The pause of a state machine: once it is called, every action is refused in every state."""

    call: str = "pause"
    by: str = "deployer"
    undo: str = "unpause"
    reverts: Annotated[tuple[str, ...], OneOrMany(), NotEmpty()]
    goes_on: Annotated[Mapping[str, str], "Action that must go on while paused -> why."] = field(
        default_factory=dict
    )


@record
class Machine:
    """The whole table of a contract: states, actions, callers, and what each call must do.

    Tried on contracts of our own, as flows are.
    """

    contract: Annotated[str, "Its artifact is deployed anew.", Refers("contract")]
    roles: Annotated[tuple[str, ...], "Names; each becomes a fresh account.", Name(), NotEmpty()]
    beside: Annotated[Mapping[str, Beside], _BESIDE] = field(default_factory=dict)
    constructor: tuple[Json, ...] = ()
    prepare: Annotated[
        tuple[Step, ...], "Steps, as of a flow, that each contract begins with."
    ] = ()
    state: Annotated[str, "The view function that says the state."]
    states: Annotated[
        Mapping[str, Json], "Name -> what the view says; the first is new.", NotEmpty()
    ]
    actions: Annotated[Mapping[str, Action], NotEmpty()]
    paused: Halt | None = None
    changes: Annotated[tuple[str, ...], "As in a flow.", OneOrMany()] = ()
