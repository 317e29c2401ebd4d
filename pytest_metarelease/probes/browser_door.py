"""The door to the browser: one page loaded once in real Chromium, and everything that was seen.

Judges nothing. Nothing reaches a host that was not allowed, and where nothing may be written, no
request that writes. The browser is closed when the function returns, so that no loop or process of
it is left beside other checks.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_metarelease.errors import DeadlineError, ForbiddenError, ProbeError, UnsupportedError
from pytest_metarelease.probes.browser_scripts import (
    ASK_WALLET,
    MEASURED,
    OBSERVE,
    PAINTED,
    WALLET,
)
from pytest_metarelease.probes.browser_seen import Exchange, Seen
from pytest_metarelease.probes.hosts import origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_metarelease.probes.hosts import Hosts

_INSTALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MOST, _MOST_EXCHANGES = 50, 2_000
_START, _PICTURE = 60_000, 5_000  # milliseconds
_QUIET = 3_000  # milliseconds without a request that are waited for, at most
_LOCAL = ("data", "blob", "about")
_ARGUMENTS = ("--disable-gpu",)
_BETWEEN_LOOKS = 50  # milliseconds


def visit(
    url: str,
    *,
    hosts: Hosts,
    visible: Sequence[str] = (),
    deadline: float,
    may_write: bool,
    walk: Callable[[Tab], None] | None = None,
    wallet: Callable[[str], str] | None = None,
) -> Seen:
    """Load ``url``, wait for the elements of ``visible`` (CSS selectors), and return what was seen.

    ``walk`` is called with the page once it is loaded. ``wallet`` answers, as JSON, what the page
    asks of an EIP-1193 wallet, as JSON; other origins and frames are not answered.

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
    try:
        with sync_playwright() as playwright:
            browser = _launched(playwright, hosts)
            # A browser that starts slowly is no slow page.
            end = time.monotonic() + deadline
            try:
                return _Visit(url, hosts, end, may_write, wallet).made(browser, visible, walk)
            finally:
                browser.close()
    except TooLate as error:
        raise DeadlineError(f"{url} did not load in {deadline:g} s: {_first(error)}") from error
    except Error as error:
        raise ProbeError(f"the browser could not show {url}: {_first(error)}") from error


def _launched(playwright: Any, hosts: Hosts) -> Any:
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
    arguments = [f"--host-resolver-rules=MAP * ~NOTFOUND,{known}", *_ARGUMENTS]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium does not start for root without it
    return playwright.chromium.launch(executable_path=found, args=arguments, timeout=_START)


class _Visit:
    """One load, with what it collects."""

    def __init__(
        self,
        url: str,
        hosts: Hosts,
        end: float,
        may_write: bool,  # noqa: FBT001 - one of several plain parts
        wallet: Callable[[str], str] | None,
    ) -> None:
        self._url = url
        self._hosts = hosts
        self._end = end
        self._may_write = may_write
        self._wallet = wallet
        self._seen = Seen()

    def made(
        self, browser: Any, visible: Sequence[str], walk: Callable[[Tab], None] | None
    ) -> Seen:
        seen = self._seen
        seen.browser = f"Chromium {browser.version}"
        page = self._page(browser)
        answer = page.goto(self._url, wait_until="load", timeout=self._left())
        seen.status = answer.status if answer else None
        seen.missing += [one for one in visible if not self._shown(page, one)]
        if walk is not None:
            walk(Tab(page, seen, self._left, self._measure))
        with suppress(Exception):  # a page that never rests has been looked at long enough
            page.wait_for_load_state("networkidle", timeout=min(self._left(), _QUIET))
        self._measure(page)
        # After its deadline, too: what is missing on a page is best seen there.
        seen.screenshot = page.screenshot(timeout=_PICTURE)
        return seen

    def _page(self, browser: Any) -> Any:
        context = browser.new_context(service_workers="block", accept_downloads=False)
        context.add_init_script(OBSERVE)
        if self._wallet is not None:
            context.expose_binding(ASK_WALLET, self._asked)
            context.add_init_script(WALLET)
        context.route("**/*", self._routed)
        context.route_web_socket("**/*", self._socket)
        page = context.new_page()
        page.on("console", self._said)
        page.on("pageerror", lambda one: _add(self._seen.errors, str(one)))
        page.on("requestfailed", self._lost)
        page.on("response", self._answered)
        # What the browser blocks, or asks over TLS instead, is routed nowhere.
        issues = context.new_cdp_session(page)
        issues.on("Audits.issueAdded", self._issue)
        issues.send("Audits.enable")
        return page

    def _asked(self, source: dict[str, Any], text: object) -> str:
        """Answer the page itself, whatever else got hold of the binding."""
        frame = source["frame"]
        own = frame == source["page"].main_frame
        if self._wallet is None or not own or origin_of(frame.url) != origin_of(self._url):
            return '{"error": {"code": 4100, "message": "this wallet is of another page"}}'
        return self._wallet(str(text))

    def _issue(self, event: Any) -> None:
        found = event.get("issue", {}).get("details", {}).get("mixedContentIssueDetails")
        if found:
            _add(self._seen.mixed, f"{found.get('insecureURL')} ({found.get('resolutionStatus')})")

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
        if len(self._seen.exchanges) < _MOST_EXCHANGES:
            said = Exchange(response.request.method, response.url, response.status)
            self._seen.exchanges.append(said)
        if response.status >= 400:
            _add(self._seen.failed, f"{response.request.method} {response.url}: {response.status}")
        elif not self._allowed(response.url):
            _add(self._seen.elsewhere, response.url)

    def _shown(self, page: Any, selector: str) -> bool:
        return _comes(page.locator(selector), self._left())

    def _measure(self, page: Any) -> None:
        """Take the worse of what this document says and the ones before it said."""
        page.evaluate(PAINTED)
        found, seen = page.evaluate(MEASURED), self._seen
        seen.cls = _worse(seen.cls, found.get("cls"))
        for name in ("lcp", "inp", "ttfb"):
            value = found.get(name)
            setattr(seen, name, _worse(getattr(seen, name), None if value is None else value / 1e3))


class Tab:
    """The page during a journey: acts that a visitor does, and looks. Nothing outlasts the visit.

    Each act and each look ends at the deadline of the visit and says whether it came to pass.
    """

    def __init__(
        self, page: Any, seen: Seen, left: Callable[[], float], measure: Callable[[Any], None]
    ) -> None:
        self.seen = seen
        self._page = page
        self._left = left
        self._measure = measure

    def open(self, url: str) -> bool:
        """Go to another address; what the document before showed is measured first."""
        self._measure(self._page)
        return self._done(lambda: self._page.goto(url, timeout=self._left()))

    def click(self, selector: str) -> bool:
        """Click the first element, once it is there, enabled and not covered."""
        return self._done(lambda: self._page.locator(selector).first.click(timeout=self._left()))

    def fill(self, selector: str, text: str) -> bool:
        """Clear a field and type into it, key by key: a visitor's keys are interactions."""

        def type_it() -> None:
            field_ = self._page.locator(selector).first
            field_.fill("", timeout=self._left())
            field_.press_sequentially(text, timeout=self._left())

        return self._done(type_it)

    def shows(self, selector: str, text: str | None = None) -> bool:
        """Wait until an element is visible, with a text in it where one is given."""
        found = self._page.locator(selector)
        if text is not None:
            # As a pattern, since Playwright compares texts without their case.
            found = found.filter(has_text=re.compile(re.escape(text)))
        return _comes(found, self._left())

    def text(self, selector: str) -> str:
        """Return the text of the first element as it is now, empty where there is none."""
        with suppress(Exception):
            return str(self._page.locator(selector).first.inner_text(timeout=_BETWEEN_LOOKS))
        return ""

    def waits_for(self, holds: Callable[[], bool]) -> bool:
        """Let the page go on until something holds."""
        while not holds():
            if self._left() <= 1.0:
                return False
            self._page.wait_for_timeout(min(_BETWEEN_LOOKS, self._left()))
        return True

    def _done(self, act: Callable[[], object]) -> bool:
        from playwright.sync_api import TimeoutError as TooLate

        try:
            act()
        except TooLate:
            return False
        return True


def _comes(found: Any, left: float) -> bool:
    from playwright.sync_api import TimeoutError as TooLate

    try:
        found.first.wait_for(state="visible", timeout=left)
    except TooLate:
        return False
    return True


def _worse(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)


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
