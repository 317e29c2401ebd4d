"""What an endpoint promises beyond its answer, and how a service is hardened.

Nothing here reads a file or a variable; the classes are part of ``model``, which says how.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Literal

from pytest_metarelease.manifest.notes import Between, NotEmpty, Refers
from pytest_metarelease.manifest.scalars import Json, RelativePath, Seconds, ValuePath
from pytest_metarelease.record import record

EACH, EACH_ID = ValuePath("*"), ValuePath("*.id")
Authentication = Literal["none", "bearer", "api-key", "header", "signature"]


@record
class Created:
    """What a successful request makes, and where it must be found again."""

    id: Annotated[ValuePath, "Where its id stands in the answer."]
    read: Annotated[
        str | None,
        "The endpoint that reads one by its id; it has exactly one path parameter.",
        Refers("own_endpoint"),
    ] = None
    same: Annotated[
        Mapping[ValuePath, ValuePath],
        "Where it stands in the request -> where the same must stand in what is read.",
    ] = field(default_factory=dict)
    list: Annotated[str | None, "The endpoint that lists them.", Refers("own_endpoint")] = None
    each: Annotated[ValuePath, "Where the ids stand in the list."] = EACH_ID
    database: Annotated[str | None, Refers("database")] = None
    query: Annotated[str | None, "One number: how many rows have that id; `:id` stands for it."] = (
        None
    )
    guessable: Annotated[
        bool, "False where nobody may guess an id from another, since an id is what opens it."
    ] = True


@record
class First:
    """A request whose answer gives what the example of another needs: a signature, an id.

    It is the example of its own endpoint, with the values that both bodies have by one name.
    """

    endpoint: Annotated[str, "An endpoint of the same service.", Refers("own_endpoint")]
    take: Annotated[
        Mapping[str, ValuePath],
        "Stand-in of body or path parameters, e.g. `$signature` or `$id` -> where its value stands "
        "in the answer.",
        NotEmpty(),
    ]


@record
class Sent:
    """A transaction that an answer reports: it must exist, have succeeded, and be to a contract."""

    hash: Annotated[ValuePath, "Where its hash stands in the answer."]
    contract: Annotated[str, "A name under `contracts`.", Refers("contract")]


@record
class Paged:
    """How a list is bounded."""

    parameter: Annotated[str | None, "The query parameter that asks for fewer or more."] = None
    most: Annotated[int, "It never holds more elements than this.", Between(1)]
    each: Annotated[ValuePath, "Where the elements stand in the answer."] = EACH


@record
class Variation:
    """A request that differs from the example and must therefore be refused."""

    body: Annotated[Mapping[ValuePath, Json], "Where in the body -> what stands there instead."] = (
        field(default_factory=dict)
    )
    query: Annotated[Mapping[str, str], "Parameter -> what stands there instead."] = field(
        default_factory=dict
    )


@record
class Hardening:
    """What browsers and strangers may do with a service, where it differs from nothing."""

    origins: Annotated[
        tuple[str, ...] | None,
        "Services whose pages may read its answers (CORS). None: no other origin is reflected.",
        Refers("service"),
    ] = None
    headers: Annotated[
        Mapping[str, str], "Header -> regular expression that its value must match, whole."
    ] = field(default_factory=dict)
    without: Annotated[
        Mapping[str, str], "Header that is otherwise expected -> why it is not needed."
    ] = field(default_factory=dict)
    public: Annotated[
        Mapping[str, str], "Path of a debug or metrics page -> why anybody may see it."
    ] = field(default_factory=dict)
    proxied: Annotated[
        str | None,
        "Why X-Forwarded-For is believed from where we ask, e.g. a proxy on the same machine.",
    ] = None
    days: Annotated[int, "Its certificate must be valid for so many days more.", Between(1)] = 14


@record
class Description:
    """An OpenAPI 3 description of a service, and how much is tried to see that it is true.

    On read-only access only GET, HEAD and OPTIONS are tried; DELETE never is.
    """

    document: Annotated[str | None, "Where the service serves it, e.g. `/openapi.json`."] = None
    file: Annotated[RelativePath | None, "Or where it is in the release, as JSON or YAML."] = None
    credential: Annotated[
        str | None, "A name under `credentials`; none means anonymous.", Refers("credential")
    ] = None
    requests: Annotated[
        int, "The most that are sent, all operations together.", Between(1, 10_000)
    ] = 200
    examples: Annotated[int, "The most requests for one operation.", Between(1, 1_000)] = 20
    within: Annotated[Seconds, "No request is sent after this time."] = Seconds(60)
    seed: Annotated[int, "The same seed makes the same requests.", Between(0)] = 1
    unchecked: Annotated[
        Mapping[str, str], "Operation, such as `POST /api/orders` -> why it is not tried."
    ] = field(default_factory=dict)


@record
class KnownKey:
    """Key material in tracked files that is there on purpose."""

    path: Annotated[str, "A file, relative to the top of the repository; `*` may be used."]
    reason: str


@record
class Tree:
    """The tracked files of the release."""

    known_keys: Annotated[tuple[KnownKey, ...], NotEmpty()] = ()
