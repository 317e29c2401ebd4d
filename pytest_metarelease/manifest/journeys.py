"""What a visitor does on a page, step by step, with a wallet in the page or without one.

Part of the model, and read like it. Nothing here drives a browser.
"""

# Annotations are objects here, not texts: see model.py.

from collections.abc import Mapping
from typing import Annotated

from pytest_metarelease.manifest.notes import Between, NotEmpty, OneOrMany, Refers, Secret, Spelled
from pytest_metarelease.manifest.scalars import Json, Seconds, ValuePath
from pytest_metarelease.record import record


@record
class Wallet:
    """A wallet in the page (EIP-1193, EIP-6963). Its key stays outside of the browser.

    It is on the declared chain and signs EIP-712 messages, of declared domains and types only.
    """

    key: Annotated[
        str, "Private key of an account of its own, from a variable, never here.", Secret()
    ]
    signs: Annotated[
        tuple[str, ...],
        "Names under `typed_data`; whatever else the page wants signed is a finding.",
        Refers("typed_data"),
        OneOrMany(),
        NotEmpty(),
    ]


@record
class JourneyStep:
    """One act (`open`, `click`, `fill`) or one expectation (`visible`, `request`, `signed`)."""

    open: Annotated[str | None, "A path below the service's URL."] = None
    click: Annotated[str | None, "A CSS selector."] = None
    fill: Annotated[str | None, "A CSS selector of a field; typed key by key."] = None
    typed: Annotated[str | None, "What is typed. Written `with:`.", Spelled("with")] = None
    visible: Annotated[str | None, "A CSS selector of an element that must be visible."] = None
    text: Annotated[str | None, "Beside `visible`: what the element must then contain."] = None
    request: Annotated[
        str | None,
        "Method and path that the page must have asked for since the last act, and got an answer.",
    ] = None
    status: Annotated[
        tuple[Annotated[int, Between(100, 599)], ...],
        "Beside `request`: one status or a list of them.",
        OneOrMany(),
        NotEmpty(),
    ] = (200, 201, 202, 204)
    signed: Annotated[
        Mapping[ValuePath, Json] | None,
        "What the wallet must have signed since the last act: `message.amount`, `primaryType`, ...",
        NotEmpty(),
    ] = None
    submits: Annotated[
        bool, "Beside `click`: it writes, so that on read-only the journey ends before it."
    ] = False


@record
class Journey:
    """One visit in a browser of its own. Limits are of all its documents and acts together."""

    steps: Annotated[tuple[JourneyStep, ...], "The page itself is open before.", NotEmpty()]
    wallet: Wallet | None = None
    deadline: Annotated[Seconds, "For the load and all steps together."] = Seconds(30)
    lcp: Annotated[Seconds | None, "Largest Contentful Paint, at most."] = None
    cls: Annotated[float | None, "Cumulative Layout Shift, at most."] = None
    inp: Annotated[
        Seconds | None, "Interaction to Next Paint, at most: from an act to what it shows."
    ] = None
