"""What the manifest says of a contract's code: how it was compiled, what may differ, its proxy.

Nothing here allows everything: each difference is one facet, with a reason and the day it ends.
"""

# Annotations are objects here, not texts, as in ``model``.

import re
from typing import Annotated, Literal

from pytest_metarelease.manifest.checksum import ADDRESS
from pytest_metarelease.manifest.notes import Between, NotEmpty, Refers
from pytest_metarelease.manifest.scalars import Address, Json, Url
from pytest_metarelease.record import record


@record
class Compiler:
    """The settings that the artifact must have been compiled with; what is left out may be any."""

    version: Annotated[str | None, "Such as `0.8.30`, or with its commit."] = None
    evm_version: str | None = None
    optimizer: bool | None = None
    runs: Annotated[int | None, Between(0)] = None
    via_ir: bool | None = None


@record
class Difference:
    """One way in which deployed code may differ from the artifact, with a reason and an end.

    ``metadata``: same code, other metadata. ``immutable``: `name` depends on the deployment and
    cannot be compared. ``bytes``: from `offset` on stands `actual`, 1 to 64 bytes.
    """

    facet: Literal["metadata", "immutable", "bytes"]
    name: Annotated[str | None, "For `immutable`: its name."] = None
    offset: Annotated[int | None, "For `bytes`: where they begin.", Between(0)] = None
    actual: Annotated[str | None, "For `bytes`: what stands there, 0x hexadecimal."] = None
    reason: str
    expires: Annotated[str, "The last day on which it counts, as 2027-01-31."]


def immutable_word(value: Json) -> bytes | None:
    """Return the 32 bytes that an immutable of this value is in the code; None for what is none.

    An address, a number, true or false, or all 32 bytes as 0x hexadecimal.
    """
    if isinstance(value, str) and ADDRESS.fullmatch(value):
        return bytes(12) + bytes.fromhex(value[2:])
    if isinstance(value, str) and re.fullmatch("0x[0-9a-fA-F]{64}", value):
        return bytes.fromhex(value[2:])
    if isinstance(value, str) and re.fullmatch("-?[0-9]{1,78}", value):
        value = int(value)
    if isinstance(value, int) and -(2**255) <= value < 2**256:
        return (value % 2**256).to_bytes(32, "big")
    return None


@record
class Initialiser:
    """The function that sets a proxy up once; called again, by anybody, it must be refused."""

    call: Annotated[str, "Function name, or its signature where overloaded."]
    args: tuple[Json, ...] = ()
    reverts: Annotated[str, "Reason or custom error of the second call."]
    guard: Annotated[
        Literal["openzeppelin-v4", "openzeppelin-v5"] | None,
        "Whose Initializable it is; its storage is read, too.",
    ] = None
    version: Annotated[int, "What the proxy's storage says it was initialised to.", Between(1)] = 1


@record
class Proxy:
    """What stands behind a proxy. The contract's `artifact` is that of the proxy itself.

    For a `minimal` one, which has no artifact, it is that of the implementation.
    """

    kind: Literal["eip-1967", "beacon", "eip-1822", "zeppelinos", "minimal"] = "eip-1967"
    implementation: Annotated[
        str, "A name under `contracts`: its code is verified, too.", Refers("contract")
    ]
    admin: Annotated[
        str | None, "A name under `contracts` that must be the admin.", Refers("contract")
    ] = None
    admin_account: Annotated[Address | None, "An ordinary account that is the admin."] = None
    beacon: Annotated[str | None, "For `beacon`: a name under `contracts`.", Refers("contract")] = (
        None
    )
    initialiser: Initialiser | None = None


@record
class Explorer:
    """Where the sources must be published: a server with Sourcify's interface, version 2."""

    url: Annotated[Url, "The part before `/v2/contract/...`, as https://sourcify.dev/server."]
    match: Annotated[Literal["exact_match", "match"], "`match` leaves the metadata hash out."] = (
        "exact_match"
    )
    contracts: Annotated[tuple[str, ...], "Which contracts.", Refers("contract"), NotEmpty()]
