"""Whether a service answers as its OpenAPI description says, by requests that schemathesis makes.

Only the requests are schemathesis': each is sent here, by the service's probe, within the declared
budget, to declared hosts, with declared credentials, and on read-only access only if it reads.
DELETE is never sent. What was not tried is told, and never counts as conforming.
"""

from __future__ import annotations

import base64
import shlex
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from pytest_metarelease.errors import (
    ForbiddenError,
    MalformedError,
    ProbeError,
    TooFewSamplesError,
    UndeclaredError,
    UnmetError,
    UsageError,
)
from pytest_metarelease.evidence import Judgement, Measurement, Recorder
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.api.openapi import Description
from pytest_metarelease.probes.api.openapi_document import (
    MOST_BYTES,
    read_document,
    references_elsewhere,
)
from pytest_metarelease.probes.api.schemathesis_process import Talk
from pytest_metarelease.probes.clock import Deadline, sleep_within, utc_now
from pytest_metarelease.probes.reading import failure
from pytest_metarelease.probes.scans.reading import content_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_metarelease.manifest.interface import Description as Declared
    from pytest_metarelease.manifest.model import Service
    from pytest_metarelease.probes.exchange import Response
    from pytest_metarelease.probes.http import HttpProbe

_READS = ("GET", "HEAD", "OPTIONS")
_WRITES = ("POST", "PUT", "PATCH")
# Made by who sends, not by who thinks requests up.
_OURS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "host",
        "user-agent",
        "x-schemathesis-testcaseid",
    }
)
_MOST_FAILURES, _SHOWN = 50, 5
_MOST_SILENCES = 2
_NEXT = "mend the service or its description, whichever is wrong; the line asks for it again"


@dataclass(frozen=True, slots=True)
class Nonconformity:
    """One answer that is not as described, and a shell line that asks for it again."""

    operation: str
    what: str
    line: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.what}\n          {self.line}"


@dataclass(slots=True)
class Tried:
    """What was tried: operation -> answers that were judged; and what was not, with the reason."""

    cases: dict[str, int] = field(default_factory=dict)
    failures: list[Nonconformity] = field(default_factory=list)
    untried: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    sent: int = 0
    version: str = ""


@dataclass(frozen=True, slots=True)
class Conformance:
    """How a service and its description agree."""

    tried: Tried
    measurement: Measurement
    recorder: Recorder

    def expect(self) -> Conformance:
        """Judge that each answer was as described, and that every operation due was tried.

        Raises:
            UnmetError: An answer was not as described.
            TooFewSamplesError: The budget ended before every operation was tried.
            MalformedError: For an operation nothing could be tried, or got no usable answer.
        """
        tried = self.tried
        names = ", ".join(tried.cases)
        expected = f"answers as described: {names or 'no operation'}"
        if tried.failures:
            shown = [self.recorder.redact(str(one)) for one in tried.failures[:_SHOWN]]
            more = len(tried.failures) - len(shown)
            actual = "\n          ".join([*shown, *([f"and {more} more"] if more else [])])
            self._record(Judgement.UNMET, expected, actual, _NEXT)
            read, redact = self.measurement.asked, self.recorder.redact
            raise UnmetError(
                failure(expected=expected, actual=actual, read=read, next_step=_NEXT, redact=redact)
            )
        empty = [name for name, count in tried.cases.items() if not count]
        if tried.unknown:
            self._refuse(MalformedError("; ".join(tried.unknown[:_SHOWN])), expected)
        if empty or not tried.cases:
            why = f"not tried within the budget: {', '.join(empty)}" if empty else "nothing to try"
            self._refuse(TooFewSamplesError(f"{why}; raise `requests` or `within`"), expected)
        self._record(Judgement.MET, expected, self.measurement.answer)
        return self

    def _refuse(self, error: ProbeError, expected: str) -> None:
        self._record(Judgement.UNKNOWN, expected, str(error))
        raise error

    def _record(
        self, judgement: Judgement, expected: str, actual: str, next_step: str = ""
    ) -> None:
        self.recorder.judge(
            self.measurement,
            judgement,
            expected=expected,
            actual=actual,
            where=self.measurement.asked,
            next_step=next_step,
        )


def try_conformance(
    probe: HttpProbe, service: Service, access: Access, *, root: Path, python: str
) -> Conformance:
    """Try the description that a service declares; ``root`` is the manifest's folder.

    Raises:
        UndeclaredError: None is declared, or ``unchecked`` names no operation of it.
        UnsupportedError: ``python`` has no schemathesis; the message says how to install it.
        MalformedError: It is no OpenAPI 3 description, or refers to another document.
        ProbeError: The document could not be had, or schemathesis did not work.
    """
    declared = service.openapi
    if declared is None:
        raise UndeclaredError("the service declares no `openapi:`")
    at, begun = utc_now(), time.perf_counter()
    trial = _Trial(probe, declared)
    document, source = trial.document(root)
    due = trial.due(document, access)
    base = _base(document, probe.url)
    order = {
        "document": document,
        "base": base,
        "seed": declared.seed,
        "operations": due,
        "examples": max(1, min(declared.examples, (declared.requests - 1) // max(1, len(due)))),
        "known": _known(service, due, urlsplit(base).path.rstrip("/")),
    }
    with Talk(python, order, declared.within) as talk:
        try:
            trial.follow(talk)
        except ProbeError as error:
            # What was found before is found.
            if not trial.tried.failures:
                raise
            trial.tried.unknown.append(str(error))
    tried = trial.tried
    measurement = probe.recorder.measured(
        subject=probe.subject,
        probe="openapi",
        asked=f"conformance with {source}, schemathesis {tried.version}, seed {declared.seed}",
        at=at,
        duration=time.perf_counter() - begun,
        answer=_summary(tried),
    )
    return Conformance(tried, measurement, probe.recorder)


class _Trial:
    """One run of schemathesis: sends what it asks for, and keeps what it finds."""

    def __init__(self, probe: HttpProbe, declared: Declared) -> None:
        self.tried = Tried()
        self._probe = probe
        self._declared = declared
        self._deadline: Deadline | None = None
        self._operation = ""
        self._silences = 0
        self._last: Mapping[str, Any] = {}
        self._known: set[tuple[str, str]] = set()

    def document(self, root: Path) -> tuple[Any, str]:
        """Return the description and what it is called."""
        declared = self._declared
        try:
            source = str(declared.file or declared.document)
            if declared.file is not None:
                # A file that is none, such as a pipe, would never end.
                content = content_of(root / declared.file, source, MOST_BYTES)
                document = read_document(content, source)
            else:
                self.tried.sent += 1
                asked = self._probe.get(source, credential=declared.credential)
                # Not judged: that there is a description says nothing of what is in it.
                if asked.status != 200:
                    raise MalformedError(f"{source} is no description: {asked.summary}")
                document = read_document(asked.body, source)
            found = Description.read(document).document
        except (UsageError, OSError) as error:
            raise MalformedError(f"no description can be read: {error}") from None
        elsewhere = next(references_elsewhere(found), None)
        if elsewhere is not None:
            raise MalformedError(f"{source} refers to {elsewhere}; bundle it into one document")
        return found, source

    def due(self, document: Mapping[str, Any], access: Access) -> list[str]:
        """Return the operations to be tried, and note why others are not."""
        every = list(_operations(document))
        for name in self._declared.unchecked:
            if name not in every:
                raise UndeclaredError(f"unchecked: {name} is no operation of the description")
        for name in every:
            method = name.partition(" ")[0]
            if name in self._declared.unchecked:
                self.tried.untried[name] = self._declared.unchecked[name]
            elif method not in (*_READS, *_WRITES):
                self.tried.untried[name] = f"{method} is never sent"
            elif method in _WRITES and access is Access.READ_ONLY:
                self.tried.untried[name] = "it writes, and access is read-only"
            else:
                self.tried.cases[name] = 0
        return list(self.tried.cases)

    def follow(self, talk: Talk) -> None:
        """Answer what is asked, and note what is told, until there is nothing more."""
        for told in talk.lines():
            if "ask" in told:
                talk.reply(self._answer(told["ask"]))
            elif "operation" in told:
                self._operation = str(told["operation"])
            elif "failure" in told:
                self._note(told["failure"])
            elif "version" in told:
                self.tried.version = str(told["version"])
            elif "problem" in told:
                self.tried.unknown.append(f"{self._operation}: {told['problem']}"[:500])
        if talk.trouble:
            self.tried.unknown.append(talk.trouble)

    def _note(self, failures: list[list[str]]) -> None:
        """Keep the first of each kind, which is among the smallest: later ones say the same."""
        for kind, said in failures:
            known = (self._operation, kind)
            if known not in self._known and len(self._known) < _MOST_FAILURES:
                self._known.add(known)
                what = f"{kind}: {said}"[:500]
                self.tried.failures.append(Nonconformity(self._operation, what, self._again()))

    def _answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request; say what came, that nothing came, or that it is over."""
        self._last = asked
        if self._deadline is None:
            self._deadline = Deadline.after(self._declared.within)
        try:
            answer = self._sent(asked)
        except ForbiddenError as error:
            self.tried.unknown.append(f"{self._operation}: {error}"[:500])
            return {}
        except ProbeError as error:
            self._silences += 1
            self.tried.unknown.append(f"{self._operation}: {error}"[:500])
            return {"over": True} if self._silences >= _MOST_SILENCES else {}
        if answer is None:
            return {"over": True}
        self.tried.cases[self._operation] += 1
        body = base64.b64encode(answer.body).decode()
        return {"status": answer.status, "headers": list(answer.headers), "body": body}

    def _sent(self, asked: Mapping[str, Any]) -> Response | None:
        """Send a request within the budget, and once more where it fails or is put off."""
        answer: Response | None = None
        for _ in range(2):
            deadline = self._deadline
            if self.tried.sent >= self._declared.requests or deadline is None or deadline.passed:
                # A single 5xx is not told apart from a service that fails now and then.
                return None
            self.tried.sent += 1
            answer = self._request(asked, min(self._probe.timeout, deadline.remaining))
            if answer.put_off:
                sleep_within(answer.pause, deadline)
            elif answer.status < 500:
                break
        if answer is not None and answer.put_off:
            self.tried.unknown.append(f"{self._operation}: put off with {answer.status}")
            return None
        return answer

    def _request(self, asked: Mapping[str, Any], timeout: float) -> Response:
        credential = self._declared.credential
        hidden = {*_OURS, *({"authorization", "cookie"} if credential else ())}
        headers = {
            name: value for name, value in asked["headers"].items() if name.lower() not in hidden
        }
        return self._probe.request(
            asked["method"],
            asked["url"],
            content=base64.b64decode(asked["body"]) or None,
            headers=headers,
            credential=credential,
            timeout=max(0.05, timeout),
        )

    def _again(self) -> str:
        """Return a line for a shell that sends the last request again; credentials by name."""
        asked = self._last
        parts = ["curl", "-i", "-X", str(asked["method"])]
        for name, value in asked["headers"].items():
            if name.lower() not in {*_OURS, "accept"}:
                parts += ["-H", f"{name}: {value}"]
        if self._declared.credential is not None:
            parts += ["-H", f"<the credential {self._declared.credential}>"]
        body = base64.b64decode(asked["body"]).decode("utf-8", errors="replace")
        parts += ["-d", body] if body else []
        return self._probe.recorder.redact(shlex.join([*parts, str(asked["url"])])[:2_000])


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    methods = {"get", "head", "options", "post", "put", "patch", "delete", "trace"}
    for path, item in document["paths"].items():
        if isinstance(item, dict) and "$ref" in item:
            raise MalformedError(f"{path} is a reference; write its operations out")
        for method in item if isinstance(item, dict) else ():
            if method in methods:
                yield f"{method.upper()} {path}"


def _base(document: Mapping[str, Any], url: str) -> str:
    """Return the service's URL with the path that the description's first server has."""
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else None
    said = first.get("url") if isinstance(first, dict) else None
    path = urlsplit(said).path.rstrip("/") if isinstance(said, str) else ""
    # Whose host a description names does not matter: what is verified is the declared service.
    return urljoin(f"{url.rstrip('/')}/", path) if path else url.rstrip("/")


def _known(service: Service, due: list[str], base: str) -> dict[str, list[dict[str, Any]]]:
    """Return declared requests that only read, as first examples of their operations."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in service.endpoints.values():
        name = f"{one.method} {one.path.removeprefix(base)}"
        reads = one.method == "GET" and one.unconfirmed is None and not one.writes
        if reads and one.is_fixed and name in due:
            example = {"path_parameters": dict(one.parameters), "query": dict(one.query)}
            found.setdefault(name, []).append(example)
    return found


def _summary(tried: Tried) -> str:
    cases, operations = sum(tried.cases.values()), sum(map(bool, tried.cases.values()))
    every = len(tried.cases) + len(tried.untried)
    left = "; ".join(f"{name} not tried: {why}" for name, why in tried.untried.items())
    return (
        f"{operations} of {every} operations, {cases} cases, {len(tried.failures)} failures, "
        f"{tried.sent} requests" + (f"; {left}" if left else "")
    )
