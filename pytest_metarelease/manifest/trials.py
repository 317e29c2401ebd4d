"""What the manifest says of signatures and state machines: what must be refused, and how.

A refusal counts only with its declared reason. Nothing here signs, sends or asks.
"""

# Annotations are objects here, not texts, as in ``model``.

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated

from pytest_metarelease.manifest.notes import Name, NotEmpty, OneOrMany, Refers
from pytest_metarelease.manifest.scalars import Json, ValuePath, Wei
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
    constructor: tuple[Json, ...] = ()
    state: Annotated[str, "The view function that says the state."]
    states: Annotated[
        Mapping[str, Json], "Name -> what the view says; the first is new.", NotEmpty()
    ]
    actions: Annotated[Mapping[str, Action], NotEmpty()]
    paused: Halt | None = None
    changes: Annotated[tuple[str, ...], "As in a flow.", OneOrMany()] = ()
