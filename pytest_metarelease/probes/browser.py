"""A page in a real browser: what one load of it showed, judged against what is declared.

Asks nothing itself beyond that one load; ``browser_door`` drives the browser.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from pytest_metarelease.errors import (
    ProbeError,
    TooFewSamplesError,
    UndeclaredError,
    UnmetError,
)
from pytest_metarelease.evidence import Judgement, Measurement, Recorder
from pytest_metarelease.probes.browser_door import origins, visit
from pytest_metarelease.probes.browser_seen import Seen
from pytest_metarelease.probes.clock import utc_now
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.probes.reading import failure

if TYPE_CHECKING:
    from pytest_metarelease.manifest.model import Browser, Environment

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class BrowsedPage:
    """One visit of a declared page in Chromium; each ``expect_`` judges one side of it.

    ``limits`` are those of LCP, TTFB and INP, in seconds, and of CLS; None limits nothing.
    """

    visible: tuple[str, ...]
    limits: Mapping[str, float | None]
    seen: Seen
    measurement: Measurement
    recorder: Recorder

    def expect_sound(self) -> BrowsedPage:
        """Judge console, requests, hosts and mixed content.

        Raises:
            UnmetError: The page complained, lost a request, asked another host or mixed content.
            ProbeError: A request that writes was withheld, so the page was not seen as users do.
        """
        seen = self.seen
        self.judge("the page is answered with 200", [str(seen.status)] * (seen.status != 200))
        self.judge("only declared hosts are asked", seen.elsewhere, _HOSTS)
        # Before failed requests and the console, which mixed content shows up in as well.
        self.judge("no plain request from a page over TLS", seen.mixed, "load it over https")
        self.judge("no request fails", seen.failed, "deploy page and assets of the same build")
        # What was withheld complains on the console, and that is ours.
        if seen.withheld:
            text = f"withheld on read-only access: {', '.join(seen.withheld[:_SHOWN])}"
            self.record(Judgement.UNKNOWN, "the page only reads while it loads", text, _WRITES)
            raise ProbeError(f"{text}; {_WRITES}")
        self.judge("no error on the console", seen.errors, "open the page and its console")
        return self

    def expect_visible(self) -> BrowsedPage:
        """Judge that the declared elements are visible.

        Raises:
            UnmetError: One of them is not there, or hidden.
        """
        wanted = ", ".join(self.visible) or "the page"
        self.judge(f"visible: {wanted}", self.seen.missing, "look at the screenshot")
        return self

    def expect_fast(self) -> BrowsedPage:
        """Judge the declared core web vitals.

        Raises:
            UnmetError: One of them is beyond its limit.
            TooFewSamplesError: One of them could not be measured.
        """
        values = {
            "LCP": self.seen.lcp, "TTFB": self.seen.ttfb, "CLS": self.seen.cls,
            "INP": self.seen.inp,
        }  # fmt: skip
        for name, limit in self.limits.items():
            if limit is None:
                continue
            expected, value = f"{name} at most {limit:g}", values[name]
            if value is None:
                why = _UNMEASURED.get(name, _PAINT)
                self.record(Judgement.UNKNOWN, expected, "not measured", why)
                raise TooFewSamplesError(f"{name} was not measured; {why}")
            beyond = [f"{value:.3f}"] if value > limit else []
            self.judge(expected, beyond, "look at what delays or moves the first view")
        return self

    def judge(self, expected: str, wrong: list[str], next_step: str = "") -> None:
        """Put on record that ``expected`` is met, or what is wrong, and raise it.

        Raises:
            UnmetError: Something is wrong.
        """
        if not wrong:
            self.record(Judgement.MET, expected, "as expected")
            return
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        actual = "; ".join(wrong[:_SHOWN]) + more
        self.record(Judgement.UNMET, expected, actual, next_step)
        raise UnmetError(
            failure(
                expected=expected,
                actual=actual,
                read=self.measurement.asked,
                next_step=next_step,
                redact=self.recorder.redact,
            )
        )

    def record(self, judgement: Judgement, expected: str, actual: str, next_step: str = "") -> None:
        """Put a judgement of this visit on record."""
        self.recorder.judge(
            self.measurement,
            judgement,
            expected=expected,
            actual=actual,
            where=self.measurement.asked,
            next_step=next_step,
        )


_HOSTS = "remove what it loads from there, or declare it under browser: origins"
_WRITES = "let the page read with GET, or verify it where access is transact and carry it"
_PAINT = "let the page paint something, or drop the limit"
_UNMEASURED = {"INP": "let a step click or type on the last page, or drop the limit"}


def browse(name: str, environment: Environment, recorder: Recorder) -> BrowsedPage:
    """Load the page of a service as its ``browser:`` declares.

    Raises:
        UndeclaredError: It declares no page for a browser.
        ProbeError: There is no browser, or it could not show the page.
    """
    url, declared, hosts = place_of(name, environment)
    at, begun = utc_now(), time.perf_counter()
    seen = visit(
        url,
        hosts=hosts,
        visible=declared.visible,
        deadline=declared.deadline,
        may_write=environment.access == "transact",
    )
    measurement = recorder.measured(
        subject=f"service:{name}",
        probe="browser",
        asked=f"{url} in {seen.browser}",
        at=at,
        duration=time.perf_counter() - begun,
        answer=summary_of(seen),
    )
    limits = {"LCP": declared.lcp, "TTFB": declared.ttfb, "CLS": declared.cls}
    return BrowsedPage(declared.visible, limits, seen, measurement, recorder)


def place_of(name: str, environment: Environment) -> tuple[str, Browser, Hosts]:
    """Return the URL of a service's page, its declaration, and the hosts that it may ask.

    Raises:
        UndeclaredError: It declares no page for a browser.
    """
    service = environment.services[name]
    declared = service.page.browser if service.page else None
    if service.page is None or declared is None:
        raise UndeclaredError(f"{name} declares no page with `browser:`")
    url = urljoin(f"{service.url.rstrip('/')}/", service.page.path.lstrip("/"))
    return url, declared, Hosts(Hosts.of(environment).origins | origins(declared.origins))


def summary_of(seen: Seen) -> str:
    """Return what a visit showed, in one line, with the digest of its screenshot."""
    counts = {
        "errors": seen.errors, "failed requests": seen.failed, "other hosts": seen.elsewhere,
        "missing elements": seen.missing,
    }  # fmt: skip
    said = ", ".join(f"{len(found)} {name}" for name, found in counts.items())
    vitals = {"LCP": seen.lcp, "TTFB": seen.ttfb, "CLS": seen.cls, "INP": seen.inp}
    shown = ", ".join(f"{name} {value:.3f}" for name, value in vitals.items() if value is not None)
    digest = hashlib.sha256(seen.screenshot).hexdigest()
    return (
        f"status {seen.status}; {said}; {shown or 'nothing measured'}; "
        f"screenshot sha256 {digest[:16]}"
    )
