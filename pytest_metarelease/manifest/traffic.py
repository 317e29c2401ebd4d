"""What must be true of a contract once it is used: its books, its gas, its events, its failures.

Part of the model, and read like it. Nothing here asks a chain.
"""

# Annotations are objects here, not texts: see model.py.

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Literal

from pytest_metarelease.manifest.notes import Between, NotEmpty, OneOrMany
from pytest_metarelease.manifest.scalars import Address, Seconds, Share, Wei
from pytest_metarelease.record import record


@record
class EarlierWindow:
    """The blocks before the release, whose rate of failures today's is compared with."""

    blocks: Annotated[int, "How many, up to the release's block.", Between(1, 1_000_000)] = 1000
    before: Annotated[
        int | None, "The release's block; else chain.deployed_block, else the window's.", Between(1)
    ] = None
    rise: Annotated[Share, "How much higher the rate may be now, in points."] = Share(0.05)
    confidence: Share = Share(0.95)
    min_samples: Annotated[int, "Transactions that either side needs.", Between(1)] = 20
    when_idle: Annotated[Literal["hold", "note"], "Below min_samples, on either side."] = "hold"


@record
class FailureWindow:
    """The blocks whose transactions to one contract count for its failure rate.

    They begin at the release's block at the earliest: what failed before is not this release's.
    """

    blocks: Annotated[int, "How many blocks before the pinned one.", Between(1, 1_000_000)] = 1000
    earlier: EarlierWindow | None = None


@record
class Finality:
    """How far the node's last final block may be behind."""

    tag: Annotated[Literal["finalized", "safe"], "The node's own word for it."] = "finalized"
    age: Annotated[Seconds, "How old that block may be."]


_Amounts = Annotated[tuple[str, ...], OneOrMany(), NotEmpty()]


@record
class Accounting:
    """What a contract must hold: the sum of its events, from its deployment to the pinned block."""

    adds: Annotated[
        Mapping[str, _Amounts],
        "Event -> its parameter with the amount that came in, or several that add up.",
        NotEmpty(),
    ]
    subtracts: Annotated[
        Mapping[str, _Amounts],
        "Event -> its parameter with the amount that left, or several, as `[amount, fee]`.",
    ] = field(default_factory=dict)
    empties: Annotated[tuple[str, ...], "Events at which everything left.", OneOrMany()] = ()
    token: Annotated[Address | None, "An ERC-20 token; none means ether."] = None
    spenders: Annotated[
        tuple[str, ...],
        "Who may take the token from the contract, being allowed to; callers, as under `access`.",
        OneOrMany(),
    ] = ()
    deviation: Annotated[Share, "The part by which the balance may differ."] = Share(0.01)
    dust: Annotated[
        Wei, "What may be there beyond the sum, since anybody can force ether on a contract."
    ] = Wei(0)
    since: Annotated[
        int | None, "The block of the deployment; else chain.deployed_block, else 0.", Between(0)
    ] = None
    chunk: Annotated[int, "How many blocks one eth_getLogs asks for.", Between(1, 1_000_000)] = 5000


@record
class Gas:
    """What calls of a contract may cost, over the window of `chain.failures`."""

    functions: Annotated[
        Mapping[str, Annotated[int, Between(21_000)]],
        "Function (name or signature) -> gas of a whole transaction when it was tested.",
        NotEmpty(),
    ]
    rise: Annotated[Share, "How much more than that the median may be."] = Share(0.1)
    when_idle: Annotated[Literal["hold", "note"], "Where nobody called it."] = "hold"
