"""The HTTP probe: asks one declared service and puts every exchange on record.

It refuses what the manifest does not allow before anything leaves the process: another host, a
write on read-only access. It takes no answer out of a cache for the service's own.
"""

from __future__ import annotations

import base64
import json as jsonlib
import posixpath
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

from pytest_metarelease.errors import (
    DeadlineError,
    ForbiddenError,
    MalformedError,
    ProbeError,
    TooLargeError,
    UndeclaredError,
    UnreachableError,
    UsageError,
    WrongTargetError,
)
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.clock import Deadline, sleep_within, utc_now
from pytest_metarelease.probes.exchange import Response, mark_unknown
from pytest_metarelease.probes.headers import cached_by, refuse_disguise, summarise
from pytest_metarelease.probes.hosts import origin_of
from pytest_metarelease.probes.wire import SAFE_METHODS, Question, Wire

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pytest_metarelease.evidence import Measurement, Recorder
    from pytest_metarelease.manifest.model import Endpoint
    from pytest_metarelease.probes.hosts import Hosts

MOST_BYTES = 8 * 2**20

_NEXT: Mapping[type[ProbeError], str] = {
    UnreachableError: "see that the service runs and that this address leads to it",
    DeadlineError: "see why it is slow, or raise its `timeout` in the manifest",
    MalformedError: "see what listens there; it does not speak HTTP as declared",
    TooLargeError: "ask for less",
    WrongTargetError: "let the cache pass this request, or ask the origin",
}


class HttpProbe:
    """A client of one declared service that records what it asks and what comes back.

    Args:
        subject: What the measurements are about: ``service:api``, ``external:zerox``.
        url: The service's base URL; user and password in it become Basic credentials.
        recorder: Where measurements go.
        hosts: The declared hosts; no other is asked.
        access: On ``read-only`` nothing that writes is sent.
        safe: Method and path of what must be refused anyway, and so may be sent on read-only.
        writing: Paths at which a successful request of any method changes something.
        timeout: Seconds for one whole exchange.
        credentials: Name -> header name and header value.
        headers: Sent with every request.
        may_be_cached: Whether an answer from a cache counts; right for pages and for services of
            others, wrong for an API of our own.
        wire: Connections to share with other probes.
        patience: Seconds that a request may wait for its turn, in all, where it is put off.

    ``last`` is the measurement of the last exchange, also of one that got no answer.
    """

    def __init__(
        self,
        subject: str,
        url: str,
        *,
        recorder: Recorder,
        hosts: Hosts,
        access: Access = Access.READ_ONLY,
        safe: Collection[tuple[str, str]] = (),
        writing: Collection[str] = (),
        timeout: float = 10.0,
        credentials: Mapping[str, tuple[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        may_be_cached: bool = False,
        wire: Wire | None = None,
        patience: float = 0.0,
    ) -> None:
        self.subject = subject
        self.url, basic = _without_user(url)
        self.timeout = timeout
        self.recorder = recorder
        self._hosts = hosts
        self._access = access
        self._safe = frozenset(safe)
        self._writing = frozenset(_plain_path(self._absolute(path, None)) for path in writing)
        self._credentials = dict(credentials or {})
        self._headers = {**basic, **(headers or {})}
        self._may_be_cached = may_be_cached
        self._wire = wire or Wire()
        self._patience = patience
        self.last: Measurement | None = None

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def get(
        self,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        credential: str | None = None,
        fresh: bool = False,
        may_be_cached: bool | None = None,
        timeout: float | None = None,
    ) -> Response:
        """Ask for ``path`` below the service's URL; see ``request``."""
        return self.request(
            "GET",
            path,
            query=query,
            headers=headers,
            credential=credential,
            fresh=fresh,
            may_be_cached=may_be_cached,
            timeout=timeout,
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        credential: str | None = None,
        safe_probe: bool = False,
        fresh: bool = False,
        may_be_cached: bool | None = None,
        timeout: float | None = None,
        impatient: bool = False,
    ) -> Response:
        """Send one request and return the answer, whatever its status; redirects are answers.

        Args:
            method: The HTTP method.
            path: Below the service's URL, or an absolute URL at a declared host.
            query: Parameters to add.
            json: A body, sent as JSON.
            content: A body, sent as it stands.
            headers: Further headers.
            credential: A declared credential; none means anonymous.
            safe_probe: The request must be refused by the service, so it is sent on read-only too,
                where the manifest declares an endpoint of this method and path as such.
            fresh: Ask over a new connection.
            may_be_cached: Whether a cached answer counts, where it differs from the probe's rule.
            timeout: Seconds for this exchange, where they differ from the probe's.
            impatient: Being put off is an answer, whatever the probe's patience.

        Raises:
            ForbiddenError: Not allowed by the manifest; nothing was sent.
            UsageError: The credential is not declared.
            ProbeError: There was no usable answer; it is on record as unknown.
        """
        method = method.upper()
        url = self._absolute(path, query)
        safe = safe_probe and (method, path) in self._safe
        writes = method not in SAFE_METHODS or _plain_path(url) in self._writing
        self._permit(method, path, writes=writes and not safe)
        body = content if json is None else _json_bytes(json)
        self._hosts.check(url)
        own = origin_of(url) == origin_of(self.url)
        if not own and (credential is not None or method not in SAFE_METHODS):
            raise ForbiddenError(
                f"{method} {path} was not sent: writes and credentials of {self.subject} go to "
                "its own address only"
            )
        if self._access is Access.READ_ONLY:
            refuse_disguise(headers or {}, url)
        sent = self._sent_headers(headers, credential, is_json=json is not None, own=own)
        question = Question(method, url, sent, body)
        cached = self._may_be_cached if may_be_cached is None else may_be_cached
        deadline = Deadline.after(0.0 if impatient else self._patience)
        while True:
            answer = self._ask(question, timeout or self.timeout, fresh=fresh, may_be_cached=cached)
            # Refused unread by 429 (RFC 6585); after a 503, something may have been done.
            again = answer.status == 429 or (answer.put_off and method in SAFE_METHODS)
            if not again or answer.pause >= deadline.remaining:
                return answer
            sleep_within(answer.pause, deadline)

    def ask(self, endpoint: Endpoint, *, fresh: bool = False) -> Response:
        """Send the request that an endpoint declares.

        Where the service asks us to come back within the probe's timeout, we do, once: our own
        sampling may have used up what it allows one client.

        Raises:
            UndeclaredError: The endpoint was adopted and confirmed by nobody; nothing was sent.
        """
        if endpoint.unconfirmed is not None:
            raise UndeclaredError(
                f"{endpoint.method} {endpoint.path} is {endpoint.unconfirmed} and confirmed by "
                "nobody; compare it with the design and remove `unconfirmed`"
            )
        if endpoint.writes and (endpoint.method, endpoint.target) not in self._safe:
            # Also one that the probe was not told of.
            self._permit(endpoint.method, endpoint.target, writes=True)
        deadline = Deadline.after(self.timeout)
        response = self._declared(endpoint, fresh=fresh)
        wish = response.retry_after
        if (
            not response.put_off
            or response.status in endpoint.answer.status
            or endpoint.method not in SAFE_METHODS
            or wish is None
            or wish >= deadline.remaining
        ):
            return response
        sleep_within(wish, deadline)
        return self._declared(endpoint, fresh=fresh)

    def _declared(self, endpoint: Endpoint, *, fresh: bool) -> Response:
        return self.request(
            endpoint.method,
            endpoint.target,
            query=endpoint.query,
            json=endpoint.body,
            headers=endpoint.headers,
            credential=endpoint.credential,
            safe_probe=endpoint.safe_probe,
            fresh=fresh,
        )

    def _permit(self, method: str, path: str, *, writes: bool) -> None:
        if writes and self._access is Access.READ_ONLY:
            raise ForbiddenError(
                f"{method} {path} on {self.subject} was not sent: the environment is read-only; "
                "declare `access: transact`, or `safe_probe: true` if it must be refused anyway"
            )

    def _sent_headers(
        self,
        headers: Mapping[str, str] | None,
        credential: str | None,
        *,
        is_json: bool,
        own: bool,
    ) -> dict[str, str]:
        sent = {
            "accept": "*/*",
            "accept-encoding": "identity",
            "cache-control": "no-cache",
            "pragma": "no-cache",
            "user-agent": "pytest-metarelease",
        }
        if is_json:
            sent["content-type"] = "application/json"
        if own:
            # They may hold a key, which is for this service and nobody else.
            sent |= {name.lower(): value for name, value in self._headers.items()}
        if credential is not None:
            if credential not in self._credentials:
                known = ", ".join(sorted(self._credentials)) or "none"
                raise UsageError(f"no credential {credential!r} is declared; declared are {known}")
            name, value = self._credentials[credential]
            sent[name.lower()] = value
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        return sent

    def _absolute(self, path: str, query: Mapping[str, str] | None) -> str:
        if path.startswith(("http://", "https://")):
            url = path
        else:
            # Concatenated, never resolved: `//host` and `..` must not lead to another host.
            url = f"{self.url.rstrip('/')}/{path.lstrip('/')}" if path else self.url
        if query:
            url += ("&" if "?" in url else "?") + urlencode(query)
        return url

    def _ask(
        self, question: Question, timeout: float, *, fresh: bool, may_be_cached: bool
    ) -> Response:
        at, started = utc_now(), time.perf_counter()
        try:
            raw = self._wire.send(
                question, deadline=Deadline.after(timeout), limit=MOST_BYTES, fresh=fresh
            )
        except ForbiddenError:
            raise
        except ProbeError as error:
            measurement = self._measured(question, at, started, f"no answer: {error}")
            raise self._broken(measurement, error) from None
        answer = summarise(raw.status, raw.headers, raw.body)
        measurement = self._measured(question, at, started, answer)
        cache = None if may_be_cached else cached_by(raw.headers)
        if cache is not None:
            copy = WrongTargetError(f"a cache answered ({cache}), not {self.subject}")
            raise self._broken(measurement, copy)
        return Response(
            url=self.recorder.redact(question.url),
            status=raw.status,
            headers=raw.headers,
            body=raw.body,
            measurement=measurement,
            recorder=self.recorder,
        )

    def _measured(self, question: Question, at: str, started: float, answer: str) -> Measurement:
        self.last = self.recorder.measured(
            subject=self.subject,
            probe="http",
            asked=f"{question.method} {question.url}",
            at=at,
            duration=time.perf_counter() - started,
            answer=answer,
        )
        return self.last

    def _broken(self, measurement: Measurement, error: ProbeError) -> ProbeError:
        next_step = _NEXT.get(type(error), "")
        mark_unknown(self.recorder, measurement, error, "an answer", next_step)
        text = f"{measurement.asked}: {error}\nnext      {next_step}"
        return type(error)(self.recorder.redact(text))


def _json_bytes(value: Any) -> bytes:
    try:
        return jsonlib.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise UsageError(f"this body is no JSON: {error}") from None


def _plain_path(url: str) -> str:
    """Return the path of ``url`` as a server may understand it: decoded, without dots."""
    path = unquote(urlsplit(url).path).lower()
    return posixpath.normpath(f"/{path.strip('/')}")


def _without_user(url: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, {}
    token = base64.b64encode(unquote(user).encode()).decode()
    return urlunsplit(parts._replace(netloc=host)), {"authorization": f"Basic {token}"}
