"""The door to the browser: one page loaded once in real Chromium, and everything that was seen.

Judges nothing. Nothing reaches a host that was not allowed, and where nothing may be written, no
request that writes. The browser is closed when the function returns, so that no loop or process of
it is left beside other checks.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_metarelease.errors import DeadlineError, ForbiddenError, ProbeError, UnsupportedError
from pytest_metarelease.probes.hosts import origin_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.probes.hosts import Hosts

_INSTALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MOST = 50
_PICTURE = 5_000  # milliseconds
_QUIET = 3_000  # milliseconds without a request that are waited for, at most
_LOCAL = ("data", "blob", "about")
# Observed from the first paint on (Largest Contentful Paint, Layout Instability). Shifts within
# half a second of an input do not count.
_OBSERVE = """
(() => {
  const seen = { lcp: null, cls: 0 };
  Object.defineProperty(window, "__metarelease", { value: seen });
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) seen.lcp = one.startTime;
  }).observe({ type: "largest-contentful-paint", buffered: true });
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (!one.hadRecentInput) seen.cls += one.value;
  }).observe({ type: "layout-shift", buffered: true });
})()
"""
_MEASURED = """
() => ({ ...window.__metarelease,
         ttfb: performance.getEntriesByType("navigation")[0]?.responseStart ?? null })
"""


@dataclass(slots=True)
class Seen:
    """What one load of a page showed. Times are in seconds; None was not measured.

    ``errors`` are lines of the console and exceptions; ``failed`` requests that got no answer or
    one of 400 and more; ``elsewhere`` requests to hosts that are not allowed, which were not sent;
    ``withheld`` requests that would have written; ``mixed`` plain requests of a page over TLS.
    """

    status: int | None = None
    browser: str = ""
    errors: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    lcp: float | None = None
    cls: float | None = None
    ttfb: float | None = None
    screenshot: bytes = b""


def visit(
    url: str,
    *,
    hosts: Hosts,
    visible: Sequence[str] = (),
    deadline: float,
    may_write: bool,
) -> Seen:
    """Load ``url``, wait for the elements of ``visible`` (CSS selectors), and return what was seen.

    Raises:
        UnsupportedError: There is no browser; the message says how to install one.
        DeadlineError: The page did not load in ``deadline`` seconds.
        ForbiddenError: ``url`` is at no host that is allowed.
        ProbeError: The browser failed.
    """
    hosts.check(url)
    try:
        from playwright.sync_api import Error, sync_playwright
        from playwright.sync_api import TimeoutError as TooLate
    except ImportError as error:
        raise UnsupportedError(
            "no browser can be driven: pip install 'pytest-metarelease[browser]'"
        ) from error
    end = time.monotonic() + deadline
    try:
        with sync_playwright() as playwright:
            browser = _launched(playwright, hosts, deadline)
            try:
                return _Visit(url, hosts, end, may_write).made(browser, visible)
            finally:
                browser.close()
    except TooLate as error:
        raise DeadlineError(f"{url} did not load in {deadline:g} s: {_first(error)}") from error
    except Error as error:
        raise ProbeError(f"the browser could not show {url}: {_first(error)}") from error


def _launched(playwright: Any, hosts: Hosts, deadline: float) -> Any:
    """Start Chromium, one of Playwright's or of the system; no other host has an address in it.

    Playwright does not route what a redirect leads to; without an address it leads nowhere.
    """
    own = playwright.chromium.executable_path
    found = own if os.path.exists(own) else next(filter(None, map(shutil.which, _INSTALLED)), None)  # noqa: PTH110 - Playwright's own text
    if found is None:
        raise UnsupportedError(
            "there is no Chromium: `playwright install chromium`, or your system's package"
        )
    known = ",".join(f"EXCLUDE {host}" for host in sorted({one[1] for one in hosts.origins}))
    arguments = [f"--host-resolver-rules=MAP * ~NOTFOUND,{known}", "--disable-gpu"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium does not start for root without it
    return playwright.chromium.launch(
        executable_path=found, args=arguments, timeout=deadline * 1_000
    )


class _Visit:
    """One load, with what it collects."""

    def __init__(self, url: str, hosts: Hosts, end: float, may_write: bool) -> None:  # noqa: FBT001
        self._url = url
        self._hosts = hosts
        self._end = end
        self._may_write = may_write
        self._seen = Seen()

    def made(self, browser: Any, visible: Sequence[str]) -> Seen:
        seen = self._seen
        seen.browser = f"Chromium {browser.version}"
        context = browser.new_context(service_workers="block", accept_downloads=False)
        context.add_init_script(_OBSERVE)
        context.route("**/*", self._routed)
        context.route_web_socket("**/*", self._socket)
        page = context.new_page()
        page.on("console", self._said)
        page.on("pageerror", lambda one: _add(seen.errors, str(one)))
        page.on("requestfailed", self._lost)
        page.on("response", self._answered)
        answer = page.goto(self._url, wait_until="load", timeout=self._left())
        seen.status = answer.status if answer else None
        seen.missing += [one for one in visible if not self._shown(page, one)]
        with suppress(Exception):  # a page that never rests has been looked at long enough
            page.wait_for_load_state("networkidle", timeout=min(self._left(), _QUIET))
        self._measure(page)
        # After its deadline, too: what is missing on a page is best seen there.
        seen.screenshot = page.screenshot(timeout=_PICTURE)
        return seen

    def _left(self) -> float:
        """Return how many milliseconds are left; at least one, since 0 means for ever."""
        return max(1.0, (self._end - time.monotonic()) * 1_000)

    def _allowed(self, url: str) -> bool:
        if urlsplit(url).scheme in _LOCAL:
            return True
        try:
            # A web socket goes to the origin of the same name over HTTP (RFC 6455, section 3).
            self._hosts.check(f"http{url[2:]}" if url.startswith("ws") else url)
        except ForbiddenError:
            return False
        return True

    def _routed(self, route: Any) -> None:
        request = route.request
        if self._url.startswith("https:") and request.url.startswith("http:"):
            _add(self._seen.mixed, request.url)
        if not self._allowed(request.url):
            _add(self._seen.elsewhere, request.url)
            route.abort("blockedbyclient")
        elif not self._may_write and not _only_reads(request):
            _add(self._seen.withheld, f"{request.method} {request.url}")
            route.abort("blockedbyclient")
        else:
            route.continue_()

    def _socket(self, socket: Any) -> None:
        if self._allowed(socket.url):
            socket.connect_to_server()
            return
        _add(self._seen.elsewhere, socket.url)
        socket.close()

    def _said(self, message: Any) -> None:
        if message.type == "error":
            _add(self._seen.errors, message.text)

    def _lost(self, request: Any) -> None:
        why = request.failure or "failed"
        # What the page itself gave up, or we did not let through, is no failure of the product.
        if "ERR_ABORTED" not in why and "ERR_BLOCKED_BY_CLIENT" not in why:
            _add(self._seen.failed, f"{request.method} {request.url}: {why}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            _add(self._seen.failed, f"{response.request.method} {response.url}: {response.status}")
        elif not self._allowed(response.url):
            _add(self._seen.elsewhere, response.url)

    def _shown(self, page: Any, selector: str) -> bool:
        from playwright.sync_api import TimeoutError as TooLate

        try:
            page.locator(selector).first.wait_for(state="visible", timeout=self._left())
        except TooLate:
            return False
        return True

    def _measure(self, page: Any) -> None:
        found = page.evaluate(_MEASURED)
        self._seen.cls = found.get("cls")
        self._seen.lcp, self._seen.ttfb = (
            None if found.get(name) is None else found[name] / 1_000 for name in ("lcp", "ttfb")
        )


def _only_reads(request: Any) -> bool:
    """Return whether a request reads: by its method, or as JSON-RPC that asks a node."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return True
    try:
        body = request.post_data_json
    except Exception:  # noqa: BLE001 - no JSON, whatever Playwright says about it
        return False
    calls = body if isinstance(body, list) else [body]
    names = [one.get("method") if isinstance(one, dict) else None for one in calls]
    return bool(names) and all(
        isinstance(one, str)
        and one.startswith(("eth_", "net_", "web3_"))
        and not one.startswith(("eth_send", "eth_sign"))
        for one in names
    )


def _add(found: list[str], text: str) -> None:
    if len(found) < _MOST and text not in found:
        found.append(text[:1_000])


def _first(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]


def origins(urls: Sequence[str]) -> frozenset[tuple[str, str, int]]:
    """Return the origins of further hosts that a page may ask."""
    return frozenset(map(origin_of, urls))
