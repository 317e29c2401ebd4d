"""The fixtures: what a check asks through. Session-scoped; each imports its wire when first used.

A user's own fixture of the same name wins, as always in pytest; what it returns then verifies
nothing by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_metarelease.plugin.browsing import BrowserDoor
    from pytest_metarelease.plugin.doors import ChainDoor, HttpDoor, SqlDoor
    from pytest_metarelease.plugin.evidence_fixture import EvidenceNotes
    from pytest_metarelease.plugin.target import Target
    from pytest_metarelease.probes.agree import Agree
    from pytest_metarelease.probes.api.conformance import Conformance
    from pytest_metarelease.probes.browser import BrowsedPage
    from pytest_metarelease.probes.chain.chain import ChainProbe
    from pytest_metarelease.probes.chain.contracts import ContractProbe
    from pytest_metarelease.probes.chain.domains import DomainProbe
    from pytest_metarelease.probes.chain.flows import FlowProbe
    from pytest_metarelease.probes.chain.machines import MachineProbe
    from pytest_metarelease.probes.chain.node import NodeProbe
    from pytest_metarelease.probes.chain.safes import SafeProbe
    from pytest_metarelease.probes.chain.traffic import Traffic
    from pytest_metarelease.probes.eventually import Eventually
    from pytest_metarelease.probes.http import HttpProbe
    from pytest_metarelease.probes.journey import WalkedJourney
    from pytest_metarelease.probes.k6 import LoadTestProbe
    from pytest_metarelease.probes.outage import Course
    from pytest_metarelease.probes.prometheus import MetricProbe
    from pytest_metarelease.probes.scans.probe import ScanProbe
    from pytest_metarelease.probes.sourcify import ExplorerProbe
    from pytest_metarelease.probes.sql import DatabaseProbe


@pytest.fixture(scope="session")
def release(pytestconfig: pytest.Config) -> Target:
    """The release that is judged: name, version, commit, and the resolved environment.

    ``release.environment`` has everything that the manifest declares of the selected environment,
    with variables replaced; ``release.readiness("api")`` and ``release.identity("api")`` are what
    was measured before the first test; ``release.place("contracts", "escrow")`` tells where the
    manifest says something.
    """
    from pytest_metarelease.plugin.session_target import target_of

    return target_of(pytestconfig)


@pytest.fixture(scope="session")
def _http(release: Target) -> Any:
    from pytest_metarelease.plugin.doors import HttpDoor

    door = HttpDoor(release)
    yield door
    door.close()


@pytest.fixture(scope="session")
def _chain(release: Target) -> Any:
    from pytest_metarelease.plugin.doors import ChainDoor

    door = ChainDoor(release)
    yield door
    door.close()


@pytest.fixture(scope="session")
def _sql(release: Target) -> Any:
    from pytest_metarelease.plugin.doors import SqlDoor

    door = SqlDoor(release)
    yield door
    door.close()


@pytest.fixture(scope="session")
def service(_http: HttpDoor) -> Callable[..., HttpProbe]:
    """Return the probe of a declared service: ``service("api").get("/api/orders").expect(200)``.

    A service that did not become healthy within its declared time is not asked (the check counts
    as not run), except with ``service("api", ready=False)``.
    """
    return _http.service


@pytest.fixture
def api(_http: HttpDoor) -> HttpProbe:
    """The probe of the service named ``api``, or of the only declared service.

    ``api.get("/api/orders").expect(200).json()``; on read-only environments anything that writes
    is refused before it leaves the process.
    """
    return _http.service(None)


@pytest.fixture(scope="session")
def _browser(release: Target) -> BrowserDoor:
    from pytest_metarelease.plugin.browsing import BrowserDoor

    return BrowserDoor(release)


@pytest.fixture(scope="session")
def browsed(_browser: BrowserDoor) -> Callable[[str], BrowsedPage]:
    """Load the page of a service in Chromium as its ``browser:`` declares, once per process.

    ``browsed("frontend").expect_sound().expect_visible().expect_fast()``. The screenshot goes into
    the packet. Needs the extra ``browser``; without a browser the check is broken, never passed.
    """
    return _browser.browsed


@pytest.fixture(scope="session")
def walked(_browser: BrowserDoor) -> Callable[[str], WalkedJourney]:
    """Walk a declared journey in Chromium, once per process: ``walked("frontend.order")``.

    ``.expect_walked().expect_sound().expect_fast()``. Its wallet signs outside of the browser.
    Where nothing may be written it ends before it writes, and the check is broken, never passed.
    """
    return _browser.walked


@pytest.fixture(scope="session")
def conformance(_http: HttpDoor, pytestconfig: pytest.Config) -> Callable[[str], Conformance]:
    """Try a service against its OpenAPI description: ``conformance("api").expect()``.

    schemathesis makes the requests, in a process of its own; the service's probe sends them, within
    the declared budget. Needs the extra ``openapi``, here or in ``--release-openapi-python``.
    """
    import sys

    from pytest_metarelease.plugin.activation import setting

    given = setting(pytestconfig, "release_openapi_python")
    # It is started elsewhere. Not resolved: a link tells which environment it is of.
    python = str(pytestconfig.invocation_params.dir / given) if given else sys.executable
    return lambda name: _http.conformance(name, python)


@pytest.fixture(scope="session")
def external(_http: HttpDoor) -> Callable[[str], HttpProbe]:
    """Return the probe of a declared external dependency: ``external("zerox")``."""
    return _http.external


@pytest.fixture(scope="session")
def load(_http: HttpDoor) -> Callable[[str], Any]:
    """Sample a service as its ``sampling:`` declares: ``load("api")``, once per run and process.

    Open loop at a set rate, latency from the intended start of each request.
    """
    return _http.load


@pytest.fixture
def chain(_chain: ChainDoor) -> ChainProbe:
    """The declared EVM chain, pinned to one block that all reads of the run refer to."""
    return _chain.chain()


@pytest.fixture
def contracts(_chain: ChainDoor) -> Mapping[str, ContractProbe]:
    """The declared contracts by name: ``contracts["escrow"].read("arbiter").expect("0x...")``.

    Their state is fetched in one batch at the pinned block.
    """
    return _chain.contracts()


@pytest.fixture
def flows(_chain: ChainDoor) -> Callable[[str], FlowProbe]:
    """Return a declared flow: ``flows("escrow-lifecycle").run()``.

    Executed on a contract of our own where access is transact, simulated where it is read-only.
    """
    return _chain.flow


@pytest.fixture
def machines(_chain: ChainDoor) -> Callable[[str], MachineProbe]:
    """Return a declared state machine: ``machines("escrow").run()`` tries its whole table."""
    return _chain.machine


@pytest.fixture
def domains(_chain: ChainDoor) -> Callable[[str], DomainProbe]:
    """Return a declared EIP-712 domain: ``domains("release").published()``."""
    return _chain.domain


@pytest.fixture
def explorer(_chain: ChainDoor) -> Iterator[Callable[[str], ExplorerProbe]]:
    """The declared explorer, asked about one contract: ``explorer("escrow").expect()``."""
    opened: list[ExplorerProbe] = []

    def ask(contract: str) -> ExplorerProbe:
        opened.append(_chain.explorer(contract))
        return opened[-1]

    yield ask
    for one in opened:
        one.close()


@pytest.fixture
def traffic(_chain: ChainDoor) -> Callable[[str], Traffic]:
    """Return how a declared contract is used: ``traffic("escrow").failure_rate()``.

    Failures against earlier ones, gas and events, from one verified scan of the declared window.
    """
    return _chain.traffic


@pytest.fixture
def nodes(_chain: ChainDoor) -> Callable[[str], NodeProbe]:
    """Return the probe of a declared node: ``nodes("rpc").in_sync()``, ``nodes("second_rpc")``.

    Not pinned to a block: a node that has stalled pins none, and this says why.
    """
    return _chain.node


@pytest.fixture
def safes(_chain: ChainDoor) -> Callable[[str], SafeProbe]:
    """Return the probe of a declared Safe: ``safes("owner").judge()``."""
    return _chain.safe


@pytest.fixture
def w3(_chain: ChainDoor) -> Any:
    """A ``web3.Web3`` on the declared chain, under the rules of our probes (no undeclared host)."""
    return _chain.w3()


@pytest.fixture(scope="session")
def databases(_sql: SqlDoor) -> Callable[[str], DatabaseProbe]:
    """Return the read-only probe of a declared database: ``databases("orders")``."""
    return _sql.database


@pytest.fixture(scope="session")
def outages(release: Target) -> Iterator[Callable[[str], Sequence[Course]]]:
    """Return what health said during outages of a part: ``outages("api.database")``.

    Only where the environment says ``outages: allowed``: those of a sandbox in one of their own,
    elsewhere by the declared commands.
    """
    from pytest_metarelease.plugin.outage_door import OutageDoor

    door = OutageDoor(release)
    yield door.courses
    door.close()


@pytest.fixture
def database(_sql: SqlDoor) -> DatabaseProbe:
    """The only declared database, read-only: ``database.scalar("select count(*) from orders")``."""
    return _sql.database(None)


@pytest.fixture(scope="session")
def metrics(release: Target) -> Iterator[Callable[[str], MetricProbe]]:
    """Return the probe of a declared query: ``metrics("prometheus.error-rate").expect()``.

    No series, NaN, few or old scrapes and warnings are unknown, never a pass.
    """
    from pytest_metarelease.plugin.metrics_door import MetricsDoor

    door = MetricsDoor(release)
    yield door.metric
    door.close()


@pytest.fixture(scope="session")
def load_tests(release: Target) -> Callable[[str], LoadTestProbe]:
    """Return a declared load test by k6: ``load_tests("peak").expect()``, from its summary.

    A summary of another release, address or age says nothing.
    """
    from datetime import UTC, datetime

    from pytest_metarelease.plugin.doors import pick
    from pytest_metarelease.probes.k6 import Expected, LoadTestProbe

    def load_test(name: str) -> LoadTestProbe:
        environment = release.environment
        declared = environment.load_tests[pick(name, environment.load_tests, "load test")]
        expected = Expected(
            version=release.version,
            commit=release.commit,
            url=environment.services[declared.service].url,
            since=release.release.deployed_at,
            now=datetime.now(UTC),
        )
        path = release.run.root / declared.summary
        return LoadTestProbe(declared, path, expected, release.recorder)

    return load_test


@pytest.fixture(scope="session")
def scans(release: Target) -> Callable[[str], ScanProbe]:
    """Return what a scanner left: ``scans("secrets").expect()``, from its declared file.

    A scan of another commit, tool or age, or one that looked at nothing, says nothing.
    """
    from datetime import UTC, datetime

    from pytest_metarelease.plugin.doors import pick
    from pytest_metarelease.probes.scans.probe import ScanProbe

    def scan(name: str) -> ScanProbe:
        declared = release.environment.scans
        chosen = pick(name, declared, "scan")
        return ScanProbe(
            name=chosen,
            declared=declared[chosen],
            root=release.run.root,
            commit=release.commit,
            now=datetime.now(UTC),
            recorder=release.recorder,
        )

    return scan


@pytest.fixture(scope="session")
def eventually(release: Target) -> Eventually:
    """Try again until it holds: ``eventually(lambda: api.get("/x").expect(200), within="10s")``.

    Only the last try is judged; all of them are on record.
    """
    from pytest_metarelease.probes.eventually import Eventually

    return Eventually(release.recorder)


@pytest.fixture(scope="session")
def agree(release: Target) -> Agree:
    """Compare two sides that both move: ``agree(lambda: from_api(), lambda: from_database())``.

    Reads are bracketed (right, left, right); unstable after three brackets is unknown.
    """
    from pytest_metarelease.probes.agree import Agree

    return Agree(release.recorder)


@pytest.fixture(scope="session")
def evidence(release: Target) -> EvidenceNotes:
    """Evidence of your own: ``evidence.measured(subject=..., asked=..., value=...).expect(...)``.

    For a question that no probe of ours can ask. Also ``evidence.fact("code_hash", name, value)``
    for identities that belong into the decision.
    """
    from pytest_metarelease.plugin.evidence_fixture import EvidenceNotes

    return EvidenceNotes(release.recorder)
