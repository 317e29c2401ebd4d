"""What a value must be: equal, one of several, within bounds, in a relation to others.

Nothing here compares anything; a bare value in the manifest is read as ``equals``.
"""

# Annotations are objects here, not texts, as in ``model``.

from typing import Annotated, Literal

from pytest_metarelease.manifest.notes import Between, NotEmpty, NotWritten, OneOrMany, Spelled
from pytest_metarelease.manifest.scalars import Json
from pytest_metarelease.record import record


@record
class Expectation:
    """What a value must be. A bare scalar or list in the manifest means ``equals``.

    All stated bounds must hold. ``unchecked`` declares, with a reason, that nothing is compared.
    """

    equals: Json = None
    one_of: Annotated[tuple[Json, ...] | None, "Written `in:`.", Spelled("in"), NotEmpty()] = None
    min: Annotated[int | float | str | None, "A number, or an amount such as `1 ether`."] = None
    max: int | float | str | None = None
    matches: Annotated[str | None, "A regular expression that the whole text must match."] = None
    type: Literal["array", "boolean", "null", "number", "object", "string"] | None = None
    length: Annotated[int | None, "Least number of elements or characters.", Between(1)] = None
    args: Annotated[tuple[Json, ...], "Arguments of a view function."] = ()
    unchecked: Annotated[str | None, "Why nothing is compared."] = None
    states_equals: Annotated[bool, "True where `equals` was written, even null.", NotWritten()] = (
        False
    )


@record
class ViewExpectation(Expectation):
    """What a view function must answer, or a slot must hold. A bare value means ``equals``.

    All that is stated must hold. ``unchecked`` declares, with a reason, that nothing is compared.
    """

    holds: Annotated[
        tuple[str, ...],
        "Relations at the same block, e.g. `>= 1 ether`, `== balance(self)`, `== address(owner)`, "
        "`<= token.totalSupply()`.",
        OneOrMany(),
    ] = ()
    reverts: Annotated[
        str | None, "The call must revert so: a reason, a custom error, a selector, or `0x`."
    ] = None
    unconfirmed: Annotated[
        str | None, "Adopted from the chain and confirmed by nobody yet: verifies nothing."
    ] = None


@record
class SlotExpectation(ViewExpectation):
    """What a raw storage slot must hold, as 32 bytes of hexadecimal or read as a type."""

    read_as: Literal["bytes32", "uint256", "address", "bool"] = "bytes32"
