"""The manifest as frozen values: what is released, what is declared of it, what must hold.

The classes are the schema: the decoder reads ``release.yaml`` by their fields, the JSON Schema is
generated from them, and their docstrings and the ``Annotated`` notes are its descriptions.
Nothing here reads a file or a variable.
"""

# Annotations are objects here, not texts: every pytest start reads them, and evaluating two hundred
# texts costs more than the rest of reading a manifest's classes.

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Literal

from pytest_metarelease.manifest.breaking import PartOutages
from pytest_metarelease.manifest.contract_code import Compiler, Difference, Explorer, Proxy
from pytest_metarelease.manifest.expectations import (
    Expectation as Expectation,
)
from pytest_metarelease.manifest.expectations import (
    SlotExpectation as SlotExpectation,
)
from pytest_metarelease.manifest.expectations import (
    ViewExpectation as ViewExpectation,
)
from pytest_metarelease.manifest.interface import (
    Authentication,
    Created,
    Description,
    First,
    Hardening,
    Paged,
    Sent,
    Tree,
    Variation,
)
from pytest_metarelease.manifest.journeys import Journey
from pytest_metarelease.manifest.measuring import LoadTest, Prometheus, ResponseTime, Sampling
from pytest_metarelease.manifest.notes import (
    Between,
    MayBeEmpty,
    Name,
    NotEmpty,
    NotWritten,
    OneOrMany,
    Refers,
    Secret,
    Spelled,
    WrittenOut,
)
from pytest_metarelease.manifest.scalars import (
    Access,
    Address,
    Json,
    PerSecond,
    RelativePath,
    Seconds,
    Severity,
    Share,
    Stage,
    Url,
    ValuePath,
    Wei,
)
from pytest_metarelease.manifest.scanning import Scan
from pytest_metarelease.manifest.storage import (
    Backups,
    Connections,
    Replication,
    RestoreDrill,
    TimedQuery,
)
from pytest_metarelease.manifest.traffic import Accounting, FailureWindow, Finality, Gas
from pytest_metarelease.manifest.trials import Domain, Flow, Machine
from pytest_metarelease.record import record


@record
class Release:
    """What is released."""

    name: str
    version: Annotated[str, "The version that every service must report."]
    commit: Annotated[str, "The commit that every service must report, usually ${GIT_COMMIT}."]
    kind: Annotated[Literal["regular", "hotfix"], WrittenOut()] = "regular"
    severity: Annotated[Severity | None, "Needed where kind is hotfix.", WrittenOut()] = None
    deployed_at: Annotated[str | None, "RFC 3339; health deadlines count from here."] = None


@record
class Health:
    """Where a service says how it is, and how to understand the answer."""

    path: str
    healthy: Annotated[Mapping[ValuePath, Expectation], "What a healthy answer holds.", NotEmpty()]
    status: Annotated[int, Between(100, 599)] = 200
    parts: Annotated[ValuePath | None, "Where the parts are, e.g. `dependencies.*`."] = None
    notices: Annotated[
        Seconds, "In an outage that we cause, it must no longer say healthy after this time."
    ] = Seconds(30)
    patience: Annotated[
        Seconds, "Also while a part hangs, each of its answers is there within this time."
    ] = Seconds(5)
    part_healthy: Annotated[tuple[str, ...], "What a healthy part says.", NotEmpty()] = (
        "healthy",
        "ok",
        "up",
        "connected",
        "operational",
    )
    agrees: Annotated[
        Mapping[str, Annotated[tuple[str, ...], Refers("subject"), OneOrMany(), NotEmpty()]],
        "Part -> the declared subjects we measure ourselves, e.g. `database: [database:orders]`.",
    ] = field(default_factory=dict)
    outages: Annotated[
        Mapping[str, PartOutages],
        "Part of `agrees` -> how it is broken where `outages: allowed`; a sandbox breaks its own.",
    ] = field(default_factory=dict)
    within: Annotated[Seconds, "It must be healthy this long after the deployment."] = Seconds(900)
    unhealthy: Annotated[
        Literal["stop", "go-on"],
        "Whether the other checks ask a service that answers and says, until then, that it is not "
        "healthy. Its health has failed either way.",
    ] = "stop"


@record
class Identity:
    """Where a service says which release it is."""

    path: str
    version: Annotated[ValuePath | None, "Where the version stands in the answer."] = None
    commit: Annotated[ValuePath | None, "Where the commit stands in the answer."] = None
    connections: Annotated[int, "How many fresh connections are asked.", Between(1, 100)] = 8


@record
class Answer:
    """What an endpoint must answer."""

    status: Annotated[
        tuple[Annotated[int, Between(100, 599)], ...],
        "One status or a list of them.",
        OneOrMany(),
        NotEmpty(),
    ] = (200,)
    content_type: str | None = None
    schema: Annotated[Json, "A JSON Schema (2020-12), inline."] = None
    values: Annotated[Mapping[ValuePath, Expectation], "What stands where in the answer."] = field(
        default_factory=dict
    )


@record
class Endpoint:
    """One request that the product promises to answer."""

    path: Annotated[str, "The path; `{name}` stands for a path parameter."]
    method: Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    parameters: Annotated[
        Mapping[str, str], "Path parameter -> a value that is known, or what `first` takes."
    ] = field(default_factory=dict)
    query: Annotated[Mapping[str, str], MayBeEmpty()] = field(default_factory=dict)
    headers: Annotated[
        Mapping[str, str],
        "Sent with every request but forms of other sites, which can set none: a version, a token "
        "against CSRF. `$number` is a fresh number, for keys of idempotency.",
    ] = field(default_factory=dict)
    body: Annotated[
        Json,
        "A JSON body, sent as it stands but for `$number`, a fresh number below 1,000,000 as text, "
        "and what `first` takes.",
    ] = None
    first: First | None = None
    optional: Annotated[
        tuple[str, ...], "Members of body or query that may be missing, e.g. `order.note`."
    ] = ()
    authentication: Annotated[
        Authentication | None,
        "How callers show who they are; `header` where a credential is declared, else none.",
    ] = None
    credential: Annotated[
        str | None, "A name under `credentials`; none means anonymous.", Refers("credential")
    ] = None
    not_for: Annotated[
        tuple[str, ...],
        "Credentials that are right elsewhere and refused here: of another role, another user.",
        Refers("credential"),
    ] = ()
    writes: Annotated[bool, "True where a successful request changes something."] = False
    signs: Annotated[bool, "True where it signs with a key of the product."] = False
    moves_funds: Annotated[bool, "True where it makes funds move."] = False
    safe_probe: Annotated[bool, "The request must be refused, so it may be sent anywhere."] = False
    forms: Annotated[
        str | None,
        "Why a form may ask for it, e.g. only a bearer token counts, which no form of another site "
        "carries. Forms without a credential must be refused all the same.",
    ] = None
    refuses: Annotated[
        Mapping[str, Variation], "What is wrong -> the change to the example that must be refused."
    ] = field(default_factory=dict)
    rate_limit: Annotated[PerSecond | None, "What the product allows one client."] = None
    burst: Annotated[int | None, "How many may come at once before that.", Between(1)] = None
    max_body: Annotated[int, "Bytes of a body that are certainly too many.", Between(1)] = 2 * 2**20
    max_time: Annotated[Seconds | None, "The whole answer must be there within this time."] = None
    idempotent: Annotated[
        bool, "True where the same request sent twice must have the effect of one."
    ] = False
    created: Created | None = None
    transaction: Sent | None = None
    paged: Paged | None = None
    answer: Answer = field(default_factory=Answer)
    refusal: Annotated[
        Answer | None,
        "How it refuses where that is no 4xx, e.g. `{values: {valid: false}}` of what checks "
        "things for others.",
    ] = None
    unconfirmed: Annotated[
        str | None, "Adopted from a description and confirmed by nobody yet: verifies nothing."
    ] = None

    @property
    def target(self) -> str:
        """The path with its parameters filled in."""
        path = self.path
        for name, value in self.parameters.items():
            path = path.replace("{" + name + "}", value)
        return path

    @property
    def is_fixed(self) -> bool:
        """Whether its path is known before anything is asked."""
        return self.first is None or self.first.take.keys().isdisjoint(self.parameters.values())

    @property
    def is_protected(self) -> bool:
        """Whether nobody without a credential may be served."""
        if self.authentication is not None:
            return self.authentication in ("bearer", "api-key", "header")
        return self.credential is not None


@record
class Browser:
    """What a visitor must meet who opens the page once, in Chromium.

    No error on the console, no failed request and no mixed content need not be declared.
    """

    deadline: Annotated[Seconds, "For the load and all elements together."] = Seconds(15)
    visible: Annotated[tuple[str, ...], "CSS selectors of elements that must be visible."] = ()
    origins: Annotated[
        tuple[Url, ...], "Further hosts that the page may ask; all others are blocked."
    ] = ()
    lcp: Annotated[Seconds | None, "Largest Contentful Paint, at most."] = None
    ttfb: Annotated[Seconds | None, "Time to first byte, at most."] = None
    cls: Annotated[float | None, "Cumulative Layout Shift, at most."] = None
    journeys: Annotated[Mapping[str, Journey], "What visitors do there.", Name()] = field(
        default_factory=dict
    )


@record
class Page:
    """A web page: what it must contain, and which facts its scripts must carry."""

    path: str = "/"
    contains: Annotated[tuple[str, ...], "Texts that the page itself must contain."] = ()
    carries: Annotated[
        tuple[str, ...], "Texts that the page or its scripts must carry, such as the chain's id."
    ] = ()
    without: Annotated[
        tuple[str, ...],
        "Texts that neither may carry, such as `http://localhost` or an earlier address.",
    ] = ()
    contracts: Annotated[
        tuple[str, ...], "Contracts whose address the scripts must carry.", Refers("contract")
    ] = ()
    services: Annotated[
        tuple[str, ...], "Services whose origin the scripts must carry.", Refers("service")
    ] = ()
    browser: Browser | None = None


@record
class Service:
    """One HTTP service."""

    url: Url
    health: Health | None = None
    identity: Identity | None = None
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    openapi: Description | None = None
    page: Page | None = None
    response_time: ResponseTime | None = None
    sampling: Sampling | None = None
    hardening: Hardening = field(default_factory=Hardening)
    timeout: Annotated[Seconds, "Total time that one answer may take."] = Seconds(10)
    patience: Annotated[
        Seconds | None,
        "How long one request may wait for its turn where the service limits all of ours together: "
        "it is sent again when a 429 says so.",
    ] = None


@record
class Credential:
    """A header that authenticates requests. Its value comes from a variable, never from here."""

    header: str = "Authorization"
    value: Annotated[str, Secret()]


@record
class Account:
    """An account on the chain that must be able to pay."""

    address: Address
    min_balance: Wei = Wei(0)


@record
class Chain:
    """The EVM chain, reached over JSON-RPC."""

    rpc: Annotated[Url, Secret("rpc")]
    id: Annotated[int, "EIP-155 chain id.", Between(1)]
    second_rpc: Annotated[Url | None, "Asked for agreement at the pinned block.", Secret("rpc")] = (
        None
    )
    confirmations: Annotated[int, Between(0)] = 0
    deployed_block: Annotated[
        int | None, "Reads are never pinned before this block.", Between(0)
    ] = None
    head_age: Annotated[
        Seconds | None, "The newest block may be this old; a node with an older one has stalled."
    ] = None
    finality: Finality | None = None
    gas_price: Annotated[
        Wei | None,
        "The most that a unit of gas may cost, e.g. `200 gwei`: the median base fee of the last 20 "
        "blocks, or the node's gas price where blocks have none.",
    ] = None
    timeout: Seconds = Seconds(10)
    failures: FailureWindow = field(default_factory=FailureWindow)
    accounts: Mapping[str, Account] = field(default_factory=dict)
    spending_key: Annotated[str | None, "Private key our own flows may spend from.", Secret()] = (
        None
    )
    spending_cap: Annotated[Wei, "The most that one run may spend."] = Wei(10**18)


_RECORDED = Address("")
"""Stands for an address that a deployment record says; no value of the manifest is so."""


@record
class Given:
    """Bytes of a storage slot that are assumed while a call is simulated; nothing is written."""

    slot: Annotated[str, "The slot: a decimal or 0x number, quoted."]
    value: Annotated[int, "What stands there.", Between(0)]
    offset: Annotated[int, "Bytes from the right where it begins.", Between(0, 31)] = 0
    size: Annotated[int, "How many bytes it has.", Between(1, 32)] = 32


@record
class CallerPolicy:
    """Who may call a function that changes state, and how everybody else is refused.

    One of ``only``, ``anyone``, ``nobody`` and ``unchecked``. Callers are ``owner`` (a view of the
    contract that returns an address), ``self``, ``role:NAME``, ``contract:NAME``, ``safe:NAME``,
    ``account:NAME``, or an address.
    """

    only: Annotated[tuple[str, ...] | None, OneOrMany(), NotEmpty()] = None
    anyone: Annotated[str | None, "Why anybody may."] = None
    nobody: Annotated[str | None, "Why nobody may."] = None
    unchecked: Annotated[str | None, "Why nothing is tried."] = None
    reverts: Annotated[
        tuple[str, ...],
        "How a caller who may not is refused: a reason, a custom error, a selector, or `0x` for a "
        "revert without data. Beside `anyone`: what the call reverts with for everybody.",
        OneOrMany(),
    ] = ()
    args: tuple[Json, ...] = ()
    value: Wei = Wei(0)
    given: Annotated[tuple[Given, ...], "Storage that is assumed, e.g. the right state."] = ()
    unconfirmed: Annotated[
        str | None, "Adopted from the chain and confirmed by nobody yet: verifies nothing."
    ] = None


@record
class Roles:
    """The holders of every role of AccessControl, AccessManager or OwnableRoles: exactly these.

    A role is the name of a view function that returns it, a text of which it is the hash (an
    AccessManager's: its number; of solady's OwnableRoles: ``_ROLE_0`` to ``_ROLE_255``), or 32
    bytes as 0x hexadecimal. Holders are written as callers are.
    """

    holders: Annotated[Mapping[str, tuple[str, ...]], NotEmpty()]
    admins: Annotated[
        Mapping[str, str],
        "Role -> the role whose holders give and take it, where that is not DEFAULT_ADMIN_ROLE "
        "(an AccessManager's ADMIN_ROLE).",
    ] = field(default_factory=dict)
    unchecked: Annotated[
        Mapping[str, str], "Role whose holders are not compared -> why, e.g. one per customer."
    ] = field(default_factory=dict)
    since: Annotated[
        int | None, "The block of the deployment; else chain.deployed_block, else 0.", Between(0)
    ] = None
    chunk: Annotated[int, "How many blocks one eth_getLogs asks for.", Between(1, 1_000_000)] = 5000


@record
class Pausing:
    """The emergency pause: once ``pause`` is called by ``by``, ``blocks`` must revert.

    Simulated by state overrides; nothing is sent.
    """

    by: Annotated[str, "A caller, as under `access`."]
    pause: str = "pause"
    unpause: str | None = "unpause"
    unpause_by: Annotated[str | None, "Who ends it, where that is not who pauses."] = None
    paused: Annotated[str, "The view function that must say true then."] = "paused"
    blocks: Annotated[
        Mapping[str, str], "Function -> reason or custom error once paused.", NotEmpty()
    ]
    stays_open: Annotated[
        Mapping[str, str] | None,
        "Function that goes on while paused -> why. Once this is written, also as `{}`, every "
        "state-changing function must stand here or under `blocks`.",
    ] = None


@record
class Safe:
    """A Safe (multi-signature account), and how it must be set up."""

    address: Address
    version: str
    owners: Annotated[tuple[Address, ...], "Exactly these.", NotEmpty()]
    threshold: Annotated[int, Between(1)]
    modules: Annotated[tuple[Address, ...], "Exactly these."] = ()
    guard: Annotated[Address | None, "None means that there must be none."] = None
    module_guard: Annotated[Address | None, "None means that there must be none."] = None
    fallback_handler: Annotated[Address | None, "None means that there must be none."] = None
    singleton: Annotated[Address | None, "The code that a Safe proxy runs (slot 0)."] = None
    proxy: Annotated[bool, "False for a multisig that is no proxy and has no singleton."] = True
    nonce: Annotated[
        ViewExpectation, "How many transactions it has done, or `unchecked: reason`."
    ] = field(default_factory=lambda: ViewExpectation(unchecked="grows with every transaction"))


@record
class Contract:
    """A deployed contract and what must be true of it."""

    artifact: Annotated[RelativePath, "Artifact of Hardhat, Foundry, Ignition or hardhat-deploy."]
    address: Annotated[Address, "Where it is; or write `deployment`."] = _RECORDED
    deployment: Annotated[
        RelativePath | None,
        "Ignition's folder, hardhat-deploy's file or Foundry's run-latest.json that says where.",
    ] = None
    deployed_as: Annotated[
        str | None, "Its name in that record; default the name of the artifact."
    ] = None
    libraries: Annotated[
        Mapping[str, Annotated[str, Refers("contract")]],
        "Library that the code is linked with -> its name under `contracts`.",
    ] = field(default_factory=dict)
    compiler: Compiler | None = None
    differences: Annotated[
        tuple[Difference, ...], "How its code may differ from the artifact; nothing else may."
    ] = ()
    immutables: Annotated[
        Mapping[str, Json],
        "Immutable -> its value, where no constructor argument says it: an address, a number, "
        "true or false, or 32 bytes as 0x hexadecimal.",
    ] = field(default_factory=dict)
    proxy: Proxy | None = None
    facets: Annotated[
        tuple[str, ...],
        "Of a diamond (EIP-2535): names under `contracts`, exactly those to which it delegates.",
        Refers("contract"),
    ] = ()
    constructor: Annotated[tuple[Json, ...], "Constructor arguments, in order."] = ()
    state: Annotated[
        Mapping[str, ViewExpectation],
        "View function (name, or signature where overloaded) -> expected value. `#label` behind it "
        "tells several calls of one function apart.",
    ] = field(default_factory=dict)
    storage: Annotated[
        Mapping[str, SlotExpectation], "Slot (a quoted decimal or 0x number) -> expected value."
    ] = field(default_factory=dict)
    access: Annotated[
        Mapping[str, CallerPolicy],
        "Function that changes state (name or signature), `receive` or `fallback` -> who may. "
        "`#label` behind it tells several lines about one function apart.",
    ] = field(default_factory=dict)
    roles: Roles | None = None
    no_rights: Annotated[
        tuple[Address, ...],
        "Accounts that had rights during the deployment and must have none any more.",
    ] = ()
    pausing: Pausing | None = None
    hidden_selectors: Annotated[
        Mapping[str, str], "Selector in the code that the ABI does not list -> why it is there."
    ] = field(default_factory=dict)
    dispatcher_unchecked: Annotated[
        str | None, "Why its selectors cannot be told from the code, e.g. a jump table of Vyper."
    ] = None
    min_balance: Annotated[Wei | None, "Least balance of the contract itself."] = None
    accounting: Accounting | None = None
    gas: Gas | None = None
    activity: Annotated[
        Mapping[str, Expectation],
        "Event -> how many there must be in the window of `chain.failures`.",
    ] = field(default_factory=dict)


@record
class TypedField:
    """One member of an EIP-712 struct type."""

    name: str
    type: str


@record
class TypedData:
    """An EIP-712 domain and its types, without the message."""

    domain: Annotated[Mapping[str, Json], "name, version, chainId, verifyingContract."]
    primary: Annotated[str, "The primary type."]
    types: Mapping[str, tuple[TypedField, ...]]


@record
class SignedRequest:
    """A request that counts only with a valid EIP-712 signature over its message.

    In ``message``, ``$signer`` is the signing account; ``$nonce`` a fresh number as text, and
    ``$nonce_number`` as a number; ``$expiry`` a time soon after now in Unix seconds, and
    ``$expiry_ms`` in milliseconds.
    """

    endpoint: Annotated[str, "`service.endpoint`", Refers("endpoint")]
    typed_data: Annotated[str, "A name under `typed_data`.", Refers("typed_data")]
    message: Mapping[str, Json]
    key: Annotated[
        str | None, "Private key that signs the valid request; else a fresh one.", Secret()
    ] = None
    message_at: Annotated[
        ValuePath | None, "Where the message stands in the body; left out, it is the body."
    ] = None
    signature_at: Annotated[ValuePath, "Where the signature stands in the body."]
    beside: Annotated[
        Mapping[ValuePath, Json], "What else stands in the body, and nobody signed."
    ] = field(default_factory=dict)
    says: Annotated[
        Mapping[ValuePath, Expectation], "What the answer to an accepted request holds."
    ] = field(default_factory=dict)
    counts_once: Annotated[
        bool, "False where the service only looks at it: the same may come again and again."
    ] = True
    nonce: Annotated[
        Literal["once", "salt"],
        "Whether two different requests of one signer may have the same nonce (`salt`).",
    ] = "once"
    extra_members: Annotated[
        Literal["refused", "ignored"], "What becomes of members that nobody signed."
    ] = "refused"
    accepted: Annotated[tuple[Annotated[int, Between(100, 599)], ...], NotEmpty()] = (200, 201)
    refused: Annotated[tuple[Annotated[int, Between(100, 599)], ...], NotEmpty()] = (
        400,
        401,
        403,
        409,
        422,
    )


@record
class Migrations:
    """Which migrations the database must have: exactly those of the release."""

    tool: Literal["prisma", "alembic", "table"]
    path: RelativePath
    table: Annotated[str | None, "For `table`: where applied migrations are recorded."] = None
    column: Annotated[str | None, "For `table`: the column that holds their names."] = None


@record
class Invariant:
    """Something that is always true of the data: one value of a query, and what it must be."""

    query: Annotated[str, "One statement that only reads and gives one value."]
    expect: Annotated[Expectation, "E.g. 0, for a query that counts what must not be."]


@record
class Database:
    """A SQL database."""

    url: Annotated[str, "A SQLAlchemy URL, from a variable.", Secret("database")]
    migrations: Migrations | None = None
    timeout: Annotated[Seconds, "Limit of one statement and of connecting."] = Seconds(5)
    query_time: Annotated[Seconds | None, "Limit of a simple query."] = None
    invariants: Mapping[str, Invariant] = field(default_factory=dict)
    queries: Mapping[str, TimedQuery] = field(default_factory=dict)
    connections: Connections | None = None
    replication: Replication | None = None
    backups: Backups | None = None
    restore_drill: RestoreDrill | None = None


@record
class External:
    """A service of somebody else that the product depends on."""

    url: Url
    critical: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    answer: Answer
    timeout: Seconds = Seconds(10)


@record
class Agreement:
    """One fact in two places: what a service says, and rows of a database or the chain.

    Either ``database`` and ``query``, or ``chain``.
    """

    endpoint: Annotated[str, "`service.endpoint`", Refers("endpoint")]
    each: Annotated[ValuePath, "Where the keys stand in the answer, e.g. `orders.*.id`."]
    database: Annotated[str | None, Refers("database")] = None
    query: Annotated[str | None, "One column with the same keys; `:cutoff` may be used."] = None
    chain: Annotated[
        str | None,
        "What the newest block says: `balance(escrow)` in wei, or a view, `escrow.currentState()`.",
    ] = None
    unit: Annotated[
        Literal["wei", "gwei", "ether"] | None,
        "Of an amount that the answer writes as a number, or as a text such as `10.5 ETH`.",
    ] = None


@record
class Environment:
    """One place where the release runs, with all variables resolved."""

    name: Annotated[str, NotWritten()]
    access: Annotated[Access, WrittenOut()]
    sandbox: Annotated[bool, WrittenOut()] = False
    outages: Annotated[
        Literal["refused", "allowed"],
        "Whether checks may stop and stall parts of it.",
        WrittenOut(),
    ] = "refused"
    services: Mapping[str, Service] = field(default_factory=dict)
    credentials: Mapping[str, Credential] = field(default_factory=dict)
    chain: Chain | None = None
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    explorer: Explorer | None = None
    typed_data: Mapping[str, TypedData] = field(default_factory=dict)
    signed_requests: Mapping[str, SignedRequest] = field(default_factory=dict)
    domains: Mapping[str, Domain] = field(default_factory=dict)
    flows: Mapping[str, Flow] = field(default_factory=dict)
    machines: Mapping[str, Machine] = field(default_factory=dict)
    safes: Mapping[str, Safe] = field(default_factory=dict)
    databases: Mapping[str, Database] = field(default_factory=dict)
    external: Mapping[str, External] = field(default_factory=dict)
    agreements: Mapping[str, Agreement] = field(default_factory=dict)
    prometheus: Annotated[Mapping[str, Prometheus], Name()] = field(default_factory=dict)
    load_tests: Annotated[Mapping[str, LoadTest], Name()] = field(default_factory=dict)
    scans: Annotated[Mapping[str, Scan], Name()] = field(default_factory=dict)


@record
class EvidenceNeed:
    """Measurements that an item needs: at least ``min`` that met, about ``subject``."""

    subject: Annotated[
        str, "`service:api`, `contract:escrow`, `external:*`, ...", Refers("subject")
    ]
    min: Annotated[int, Between(1)] = 1


@record
class Attempts:
    """How many attempts of a check must pass."""

    passes: Annotated[int, "Written `pass:`.", Spelled("pass"), Between(1, 100)] = 1
    of: Annotated[int, Between(1, 100)] = 1


@record
class AcceptFrom:
    """Another environment whose packet may show what cannot be tried here.

    The packet must be of the same version, commit, manifest, lock and code of contracts, and have
    verified the item itself.
    """

    environment: Annotated[str, "Where it is verified.", Refers("environment")]
    max_age: Annotated[Seconds, "How old that run may be."]
    rehearsal: Annotated[bool, "Whether a run on a sandbox may show it."] = False
    other_code: Annotated[
        str | None, "Why the code of contracts may differ there, such as immutables."
    ] = None


@record
class Item:
    """One line of the checklist."""

    id: str
    title: str
    stage: Stage
    severity: Severity
    facets: tuple[str, ...] = ()
    owner: str | None = None
    environments: Annotated[
        tuple[str, ...] | None,
        "Elsewhere it is not applicable.",
        Refers("environment"),
        NotEmpty(),
    ] = None
    not_applicable: Annotated[str | None, "Why this product has no such thing."] = None
    verified_by: Literal["checks", "sign_off", "intake"] = "checks"
    evidence: tuple[EvidenceNeed, ...] = ()
    on_failure: Annotated[Literal["rollback"] | None, "Only in deploy and post_deploy."] = None
    attempts: Attempts = field(default_factory=Attempts)
    waivable: bool = True
    signers: Annotated[tuple[str, ...], Refers("signer")] = ()
    threshold: Annotated[int, "How many of the signers must sign.", Between(1)] = 1
    max_age: Seconds | None = None
    binds: Literal["commit", "version"] = "commit"
    accept_from: Annotated[
        AcceptFrom | None, "Where it is verified instead, if it is not verified here."
    ] = None
    next: Annotated[str | None, "What to do when it is not verified or fails."] = None


@record
class Trigger:
    """A declared limit whose certain breach means undo.

    ``measure`` is ``SERVICE.error_rate``, ``CONTRACT.failure_rate`` or ``DATABASE.unreachable``;
    or ``items`` names items whose failure is a critical finding.
    """

    id: str
    item: Annotated[str | None, "The item that shows the measure.", Refers("item")] = None
    items: Annotated[tuple[str, ...], Refers("item")] = ()
    measure: Annotated[str | None, Refers("measure")] = None
    limit: Annotated[Share | None, "For rates."] = None
    confidence: Share = Share(0.95)
    min_samples: Annotated[int, Between(1)] = 1
    when_idle: Annotated[Literal["hold", "note"], "Below min_samples."] = "hold"
    undo: Annotated[
        tuple[str, ...], "Components, as named under `rollback`.", Refers("component")
    ] = ()


@record
class Component:
    """How one component is undone."""

    run: Annotated[
        tuple[str, ...], "The command as an argument list, never a shell string.", NotEmpty()
    ]
    verify: Annotated[tuple[str, ...], "Items that verify the undoing.", Refers("item")] = ()
    note: str | None = None


@record
class Declared:
    """The names that one environment declares, known without resolving a variable."""

    name: str
    sandbox: bool
    access: Access
    services: tuple[str, ...]
    endpoints: tuple[str, ...]
    described: tuple[str, ...]
    pages: tuple[str, ...]
    browsed: tuple[str, ...]
    journeys: tuple[str, ...]
    bodied: tuple[str, ...]
    parametrised: tuple[str, ...]
    queried: tuple[str, ...]
    protected: tuple[str, ...]
    paying: tuple[str, ...]
    limited: tuple[str, ...]
    paged: tuple[str, ...]
    creating: tuple[str, ...]
    storing: tuple[str, ...]
    idempotent: tuple[str, ...]
    reporting: tuple[str, ...]
    health: tuple[str, ...]
    identities: tuple[str, ...]
    sampled: tuple[str, ...]
    compared: tuple[str, ...]
    contracts: tuple[str, ...]
    proxied: tuple[str, ...]
    explored: tuple[str, ...]
    with_roles: tuple[str, ...]
    pausable: tuple[str, ...]
    safes: tuple[str, ...]
    accounts: tuple[str, ...]
    nodes: tuple[str, ...]
    second_nodes: tuple[str, ...]
    final: tuple[str, ...]
    priced: tuple[str, ...]
    accounted: tuple[str, ...]
    metered: tuple[str, ...]
    active: tuple[str, ...]
    signed_requests: tuple[str, ...]
    domains: tuple[str, ...]
    signing_domains: tuple[str, ...]
    flows: tuple[str, ...]
    signed_flows: tuple[str, ...]
    machines: tuple[str, ...]
    databases: tuple[str, ...]
    migrated: tuple[str, ...]
    invariants: tuple[str, ...]
    timed_queries: tuple[str, ...]
    pooled: tuple[str, ...]
    replicated: tuple[str, ...]
    backed_up: tuple[str, ...]
    drilled: tuple[str, ...]
    outages: tuple[str, ...]
    external: tuple[str, ...]
    critical_external: tuple[str, ...]
    optional_external: tuple[str, ...]
    agreements: tuple[str, ...]
    chain_agreements: tuple[str, ...]
    prometheus: tuple[str, ...]
    metrics: tuple[str, ...]
    error_metrics: tuple[str, ...]
    latency_metrics: tuple[str, ...]
    saturation_metrics: tuple[str, ...]
    uptime_metrics: tuple[str, ...]
    load_tests: tuple[str, ...]
    scans: tuple[str, ...]
    secret_scans: tuple[str, ...]
    code_scans: tuple[str, ...]
    dependency_scans: tuple[str, ...]


@record
class Manifest:
    """``release.yaml``, checked. Strings of environments may still hold ``${NAME}``.

    ``environments`` has names only; values come from ``Loaded.resolve``.
    """

    file: Annotated[str, "The path as it was given."]
    digest: Annotated[str, "SHA-256 of the file's bytes, hex."]
    release: Release
    default_environment: str | None
    environments: Mapping[str, Declared]
    checklist: tuple[Item, ...]
    triggers: tuple[Trigger, ...] = ()
    rollback: Mapping[str, Component] = field(default_factory=dict)
    signers: Mapping[str, Address] = field(default_factory=dict)
    revoked_signers: tuple[str, ...] = ()
    tree: Tree = field(default_factory=Tree)
