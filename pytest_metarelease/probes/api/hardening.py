"""What answers say to browsers and to strangers: security headers, cookies, banners, TRACE.

Refuses to ask an API for what only a page needs, and a loopback address for what only TLS has.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.api.trials import Trials
from pytest_metarelease.probes.headers import header_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_metarelease.manifest.model import Environment, Service
    from pytest_metarelease.probes.exchange import Response
    from pytest_metarelease.probes.http import HttpProbe

_VERSION = re.compile(r"[\w.-]+[/ ]v?\d+(?:\.\d+)*|\d+\.\d+")
_BANNERS = ("x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-runtime", "x-generator")
_SESSION = re.compile(r"sess|sid\b|auth|token|jwt|login|user|account|remember", re.IGNORECASE)
_FOR_SCRIPTS = re.compile(r"csrf|xsrf", re.IGNORECASE)


class Front:
    """A service as everybody sees it: its page, or else what its declared reads answer."""

    def __init__(
        self, name: str, probe: HttpProbe, service: Service, environment: Environment
    ) -> None:
        self.name = name
        self.probe = probe
        self.service = service
        self.environment = environment

    def answers(self, trials: Trials) -> list[Response]:
        """Return a few answers to what is right: the page, health, declared reads."""
        paths: list[tuple[str, str | None]] = []
        if self.service.page is not None:
            paths.append((self.service.page.path, None))
        if self.service.health is not None:
            paths.append((self.service.health.path, None))
        for one in self.service.endpoints.values():
            reads = one.method == "GET" and not one.writes and one.unconfirmed is None
            if reads and one.is_fixed:
                query = "&".join(f"{key}={value}" for key, value in one.query.items())
                paths.append((one.target + (f"?{query}" if query else ""), one.credential))
        if not paths:
            paths.append(("/", None))
        found = []
        for path, credential in dict.fromkeys(paths[:4]):
            answer = trials.answered(
                path,
                partial(self.probe.get, path, credential=credential, may_be_cached=True),
            )
            if answer is not None:
                found.append(answer)
        return found

    def trials(self, next_step: str) -> Trials:
        """Return trials without a control: what is asked here is right."""
        return Trials(self.probe.recorder, lambda: True, next_step)


def sends_security_headers(front: Front) -> None:
    """Judge that answers carry the headers by which browsers protect their user.

    ``nosniff`` (Fetch) everywhere; a content security policy and a rule who may frame it on pages.
    """
    trials = front.trials("set the headers in one place, for every answer")
    for answer in front.answers(trials):
        problems = [*_missing(answer, front.service), *_unlike(answer, front.service)]
        trials.judge(
            answer.measurement,
            f"{answer.measurement.asked}: has the headers that protect",
            "; ".join(problems),
            met="all are there",
        )
    trials.finish("the headers that protect a browser's user")


def _missing(answer: Response, service: Service) -> Iterator[str]:
    excused = {name.lower() for name in service.hardening.without}

    def lacks(name: str) -> bool:
        return name not in excused and header_of(answer.headers, name) is None

    sniffed = (header_of(answer.headers, "x-content-type-options") or "").lower()
    if "x-content-type-options" not in excused and "nosniff" not in sniffed:
        yield "no X-Content-Type-Options: nosniff"
    if "text/html" not in answer.content_type:
        return
    policy = header_of(answer.headers, "content-security-policy") or ""
    in_page = re.search(r"http-equiv=[\"']?content-security-policy", answer.text, re.IGNORECASE)
    if lacks("content-security-policy") and in_page is None:
        yield "no Content-Security-Policy"
    if "frame-ancestors" not in policy and lacks("x-frame-options"):
        yield "neither frame-ancestors nor X-Frame-Options"


def _unlike(answer: Response, service: Service) -> Iterator[str]:
    for name, pattern in service.hardening.headers.items():
        value = header_of(answer.headers, name)
        if value is None:
            yield f"no {name}"
        elif re.fullmatch(pattern, value) is None:
            yield f"{name}: {value[:80]}"


def sets_careful_cookies(front: Front) -> None:
    """Judge that cookies which say who somebody is cannot be read by scripts or sent along.

    HttpOnly and SameSite (RFC 6265bis) for sessions; Secure where the service is on https.
    """
    trials = front.trials("set session cookies with HttpOnly, Secure and SameSite")
    is_tls = front.probe.url.startswith("https://")
    for answer in front.answers(trials):
        cookies = [value for name, value in answer.headers if name == "set-cookie"]
        problems = [one for cookie in cookies for one in _careless(cookie, is_tls=is_tls)]
        trials.judge(
            answer.measurement,
            f"{answer.measurement.asked}: careful cookies",
            "; ".join(problems),
            met=f"{len(cookies)} cookies",
        )
    trials.finish("session cookies with HttpOnly, SameSite and, on https, Secure")


def _careless(cookie: str, *, is_tls: bool) -> Iterator[str]:
    name, _, rest = cookie.partition("=")
    attributes = {part.strip().partition("=")[0].lower() for part in rest.split(";")[1:]}
    if not _SESSION.search(name) or _FOR_SCRIPTS.search(name):
        return
    if "httponly" not in attributes:
        yield f"{name} without HttpOnly"
    if "samesite" not in attributes:
        yield f"{name} without SameSite"
    if is_tls and "secure" not in attributes:
        yield f"{name} without Secure"
    if "samesite=none" in rest.lower().replace(" ", "") and "secure" not in attributes:
        yield f"{name} with SameSite=None and without Secure"


def has_no_banner(front: Front) -> None:
    """Judge that answers do not say what serves them and in which version."""
    trials = front.trials("switch the banners off: X-Powered-By, and the version in Server")
    for answer in front.answers(trials):
        trials.judge(
            answer.measurement,
            f"{answer.measurement.asked}: no banner",
            "; ".join(banners(answer.headers)),
            met="none",
        )
    trials.finish("answers that do not say what serves them")


def banners(headers: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield headers that name software by version, or that are there for nothing else."""
    server = header_of(headers, "server")
    if server is not None and _VERSION.search(server):
        yield f"Server: {server[:80]}"
    for name in _BANNERS:
        value = header_of(headers, name)
        if value is not None and (name != "x-runtime" or not value.replace(".", "").isdigit()):
            yield f"{name}: {value[:80]}"


def refuses_trace(front: Front) -> None:
    """Judge that TRACE (RFC 9110 section 9.3.8) is not offered, and refused where we may ask."""
    trials = front.trials("switch TRACE off in the server and in what stands before it")
    page, health = front.service.page, front.service.health
    path = page.path if page is not None else health.path if health is not None else "/"
    options = trials.answered(
        "OPTIONS", partial(front.probe.request, "OPTIONS", path, may_be_cached=True)
    )
    if options is not None:
        offered = (header_of(options.headers, "allow") or "").upper()
        problem = f"Allow: {offered}" if "TRACE" in offered or "CONNECT" in offered else ""
        trials.judge(options.measurement, "OPTIONS: no TRACE", problem, met=offered or "none")
    if front.environment.access is Access.TRANSACT:
        marker = "metarelease-trace-marker"
        answer = trials.answered(
            "TRACE",
            partial(
                front.probe.request, "TRACE", path, headers={"X-Marker": marker}, may_be_cached=True
            ),
        )
        if answer is not None:
            echoed = answer.status < 300 and (
                marker in answer.text or "message/http" in answer.content_type
            )
            trials.judge(
                answer.measurement,
                "TRACE: refused",
                f"it echoes the request: {answer.summary}" if echoed else "",
                met=answer.summary,
            )
    trials.finish("no TRACE")
