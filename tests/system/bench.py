"""The bundled checks, called one by one against API and page in threads: a fault in a tenth of a
second.

Refuses to judge: what a check raises is what it raises. There is no chain and no gate here; whole
runs with the gate are in test_faults.py.
"""

from __future__ import annotations

import importlib.util
import itertools
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from inspect import signature
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import uvicorn

from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest import load
from pytest_metarelease.manifest.model import Declared
from pytest_metarelease.plugin.collection import _KINDS
from pytest_metarelease.plugin.doors import service_probe
from pytest_metarelease.plugin.outage_door import WAYS, part_of
from pytest_metarelease.probes.api.conformance import Conformance, try_conformance
from pytest_metarelease.probes.api.hardening import Front
from pytest_metarelease.probes.outage import Course, Outage, watch_each
from pytest_metarelease.probes.signed import Signer
from pytest_metarelease.probes.sql import DatabaseProbe
from pytest_metarelease.sandbox import external
from pytest_metarelease.sandbox.api import app
from pytest_metarelease.sandbox.book import Book
from pytest_metarelease.sandbox.frontend import site
from pytest_metarelease.sandbox.plan import Plan, plan_contracts
from pytest_metarelease.sandbox.processes import listen, url_of
from pytest_metarelease.sandbox.raising import _variables
from tests.system.running import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from starlette.types import ASGIApp

LOADED = load(ROOT / "verification" / "release.yaml")
COMMIT = "c0ffee" + "0" * 34
#: Made by scripts/test: schemathesis is in no environment that pytest runs in.
OPENAPI_PYTHON = ROOT / ".venv-openapi" / "bin" / "python"


@dataclass(slots=True)
class Bench:
    """A product in threads, and what the checks get instead of fixtures."""

    recorder: Notebook
    release: Any
    service: Callable[[str], Any]
    databases: Callable[[str], Any]
    declared: Declared
    outages: Callable[[str], Any]

    def run(self, check: Callable[..., None]) -> Iterator[tuple[str, Exception | None]]:
        """Call a check for each declared thing; yield its name and what it raised."""
        kinds = [kind for mark in marks(check, "for_each") for kind in mark.args]
        every = [getattr(self.declared, _KINDS[kind]) for kind in kinds]
        for names in itertools.product(*every):
            given = dict(zip(kinds, names, strict=True))
            label = f"{check.__name__}[{'-'.join(names)}]"
            self.recorder.check = label
            try:
                check(**self._arguments(check, given))
            except Exception as raised:  # noqa: BLE001 - handed to who asked
                yield label, raised
            else:
                yield label, None

    def verifies(self, label: str) -> bool:
        """Whether a check left evidence that met, and none that did not."""
        judgements = {one.judgement for one in self.recorder.citations.get(label, ())}
        return Judgement.MET in judgements and judgements <= {Judgement.MET, Judgement.NONE}

    def _arguments(self, check: Callable[..., None], given: dict[str, str]) -> dict[str, Any]:
        wanted = signature(check).parameters
        made: dict[str, Callable[[], Any]] = {
            "release": lambda: self.release,
            "service": lambda: self.service,
            "databases": lambda: self.databases,
            "outages": lambda: self.outages,
            "conformance": lambda: self.conformance,
            "seen": lambda: self._front(given["front"]),
            "signer": lambda: self._signer(given["signed_request"]),
            "send": lambda: self._send(given["signed_request"]),
        }
        return {name: given[name] if name in given else made[name]() for name in wanted}

    def conformance(self, name: str, **changes: Any) -> Conformance:
        """Try the description of a service, with what a test declares otherwise."""
        environment = self.release.environment
        service = environment.services[name]
        declared = replace(service, openapi=replace(service.openapi, **changes))
        probe, python = self.service(name), str(OPENAPI_PYTHON)
        return try_conformance(probe, declared, environment.access, root=ROOT, python=python)

    def _front(self, name: str) -> Front:
        environment = self.release.environment
        return Front(name, self.service(name), environment.services[name], environment)

    def _signer(self, name: str) -> Signer:
        environment = self.release.environment
        return Signer.of(environment.signed_requests[name], environment)

    def _send(self, name: str) -> Callable[..., Any]:
        owner, _, own = self.release.environment.signed_requests[name].endpoint.partition(".")
        endpoint = self.release.environment.services[owner].endpoints[own]
        probe = self.service(owner)
        return lambda body, *, must_be_refused: probe.request(
            endpoint.method, endpoint.path, json=body, safe_probe=must_be_refused
        )


@contextmanager
def product(folder: Path, *faults: str, like: str = "sandbox") -> Iterator[Bench]:
    """API, page and 0x in threads, on a database of their own.

    ``like`` is the environment whose access and whose names the checks go by.
    """
    declared = LOADED.manifest.environments[like]
    with ExitStack() as stack:
        book = Book.choose(folder, {})
        api, page, zerox, node = (_listener() for _ in range(4))
        plan = Plan(
            release_name="Meta Aggregator",
            version="2.0.0",
            commit=COMMIT,
            faults=tuple(sorted(faults)),
            api_url=url_of(api),
            frontend_url=url_of(page),
            rpc_url=url_of(node),
            zerox_url=url_of(zerox),
            coingecko_url="http://127.0.0.1:9",
            database=book.url,
            contracts=plan_contracts(),
        )
        book.fill(plan)
        stack.enter_context(_serving(api, app.build(plan, old=False)))
        stack.enter_context(_serving(page, site.build(plan)))
        quotes = {"/swap/v1/sources": external._sources, "/swap/v1/quote": external._quote}
        parts = {"external": _Zerox(zerox, quotes, down=False), "chain": _Node(node)}
        for part in parts.values():
            stack.enter_context(_threaded(part))
        variables = {"GIT_COMMIT": COMMIT, **_variables(plan, book.known_order())}
        environment = LOADED.resolve("sandbox", variables).environment
        environment = replace(environment, access=declared.access)
        recorder = Notebook()
        probes = {name: service_probe(name, environment, recorder) for name in environment.services}
        databases = {
            name: DatabaseProbe(name, one, recorder=recorder)
            for name, one in environment.databases.items()
        }
        for probe in probes.values():
            stack.enter_context(closing(probe))
        for database in databases.values():
            stack.enter_context(closing(database))
        release = SimpleNamespace(
            environment=environment,
            recorder=recorder,
            run=SimpleNamespace(root=ROOT, manifest=LOADED.manifest),
        )
        courses = _Courses(environment, probes, lambda part, way: _outage(book, parts, part, way))
        yield Bench(
            recorder, release, probes.__getitem__, databases.__getitem__, declared, courses.of
        )


class _Courses:
    """Outages of what runs in threads, watched as those of the sandbox are."""

    def __init__(self, environment: Any, probes: Any, cause: Callable[[str, str], Any]) -> None:
        self._environment, self._probes, self._cause = environment, probes, cause

    def of(self, outage: str) -> Sequence[Course]:
        service, _, part = outage.partition(".")
        health = self._environment.services[service].health
        name = part_of(health.agrees[part])
        every = [Outage(f"{part} is {way}", partial(self._cause, name, way)) for way in WAYS[name]]
        return watch_each(every, self._probes[service], health)


@contextmanager
def _outage(book: Book, parts: dict[str, Any], part: str, way: str) -> Iterator[None]:
    if part != "database":
        parts[part].now.clear() if way == "stalled" else setattr(parts[part], "gone", True)
        try:
            yield
        finally:
            parts[part].gone = False
            parts[part].now.set()
        return
    if way == "stalled":
        end = book.lock()
    else:
        book.take_away()
        end = book.give_back
    try:
        yield
    finally:
        end()


class _Stoppable(ThreadingHTTPServer):
    """Takes connections and says nothing while it is stalled; ends them at once while gone."""

    def __init__(self, *given: Any, **named: Any) -> None:
        self.now, self.gone = threading.Event(), False
        self.now.set()
        super().__init__(*given, **named)

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.now.wait(60)
        if not self.gone:
            super().finish_request(request, client_address)


class _Zerox(_Stoppable, external._Server):
    pass


@contextmanager
def _serving(listener: socket.socket, application: ASGIApp) -> Iterator[None]:
    config = uvicorn.Config(
        application, http="h11", ws="none", lifespan="off", log_level="critical",
        access_log=False, server_header=False, proxy_headers=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)
        listener.close()


class _Node(_Stoppable):
    """A node that is there, and of which nothing else is asked."""

    daemon_threads = True

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(("127.0.0.1", 0), _NodeHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener


class _NodeHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"jsonrpc": "2.0", "id": 1, "result": "0x1"}')

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _listener() -> socket.socket:
    # By its number, so that its protocol is known: else asyncio leaves Nagle's algorithm on.
    return socket.socket(fileno=listen().detach())


@contextmanager
def _threaded(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def marks(check: Any, name: str) -> list[Any]:
    """Return the marks of that name on a check."""
    return [mark for mark in getattr(check, "pytestmark", ()) if mark.name == name]


def checks() -> dict[str, Callable[..., None]]:
    """Return the checks of the bundled files that this bench can call, by name."""
    found: dict[str, Callable[..., None]] = {}
    for file in (
        "api/test_conformance.py",
        "api/test_wrong_requests.py",
        "api/test_records.py",
        "database/test_database.py",
        "resilience/test_outages.py",
        "security/test_authentication.py",
        "security/test_exposure.py",
        "security/test_signed_requests.py",
        "security/test_tracked_files.py",
    ):
        module = _module(ROOT / "verification" / file)
        found |= {name: one for name, one in vars(module).items() if name.startswith("test_")}
    return found


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bench_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
