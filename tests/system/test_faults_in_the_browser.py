"""Each fault of the page is caught in real Chromium, and none is seen without one."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import (
    DeadlineError,
    ForbiddenError,
    ProbeError,
    UnmetError,
    UnsupportedError,
)
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.scalars import Access, Seconds, Url
from pytest_metarelease.probes import browser_door
from pytest_metarelease.probes.browser import BrowsedPage, browse
from pytest_metarelease.probes.journey import WalkedJourney, walk_journey
from pytest_metarelease.sandbox.accounts import TRADER
from pytest_metarelease.sandbox.browser_faults import BROWSER_FAULTS, SCRIPTS
from tests.system.bench import Bench, product

if TYPE_CHECKING:
    from pathlib import Path

CAUGHT = {
    "console-error": "wallet is undefined",
    "asset-missing": "/assets/tokens.json: 404",
    "element-missing": "#orders tr",
    "wrong-origin": "only declared hosts are asked",
    "layout-jumps": "CLS at most 0.1",
    "page-late": "LCP at most",
}
# On the way, not when the page is opened.
CAUGHT_ON_THE_WAY = {
    "order-button-dead": "step 7: signed",
    "order-signed-blindly": "message.buyAmount is '1', not '2500000000000000000'",
    "input-slow": "INP at most",
}
KEY = TRADER.key.removeprefix("0x")


def opened(bench: Bench, **changes: object) -> BrowsedPage:
    """The page as the sandbox declares it, with what a test declares otherwise."""
    environment = bench.release.environment
    service = environment.services["frontend"]
    # A machine that does other work as well must not look like a slow page.
    declared = replace(service.page.browser, **{"ttfb": None, "lcp": None} | changes)
    changed = replace(service, page=replace(service.page, browser=declared))
    services = {**environment.services, "frontend": changed}
    bench.recorder.check = "page"
    return browse("frontend", replace(environment, services=services), bench.recorder)


def walked(bench: Bench, name: str = "order", **changes: object) -> WalkedJourney:
    """A journey as the sandbox declares it, with what a test declares otherwise."""
    environment = bench.release.environment
    service = environment.services["frontend"]
    browser = service.page.browser
    journeys = {name: replace(browser.journeys[name], **{"lcp": None} | changes)}
    changed = replace(service.page, browser=replace(browser, journeys=journeys))
    services = {**environment.services, "frontend": replace(service, page=changed)}
    bench.recorder.check = "page"
    return walk_journey("frontend", name, replace(environment, services=services), bench.recorder)


def judged_journey(journey: WalkedJourney) -> WalkedJourney:
    return journey.expect_walked().expect_sound().expect_fast()


def judged(page: BrowsedPage) -> BrowsedPage:
    return page.expect_sound().expect_visible().expect_fast()


def test_every_fault_is_tried() -> None:
    every = {fault.name: fault.caught_by for fault in BROWSER_FAULTS}
    assert {*CAUGHT, *CAUGHT_ON_THE_WAY} == set(every) == set(SCRIPTS)
    on_the_way = {name for name, item in every.items() if item == "monitoring.journey"}
    assert on_the_way == set(CAUGHT_ON_THE_WAY)


@pytest.mark.parametrize("fault", sorted(CAUGHT))
def test_a_fault_is_caught(fault: str, tmp_path: Path) -> None:
    # It is late by two seconds of its own, whatever the machine adds.
    limits = {"lcp": Seconds(1.9)} if fault == "page-late" else {}
    with product(tmp_path, fault) as bench:
        page = opened(bench, **limits, deadline=Seconds(8))
        with pytest.raises(UnmetError) as raised:
            judged(page)
    assert CAUGHT[fault] in str(raised.value)
    assert not bench.verifies("page")


def test_a_button_that_does_nothing_is_caught(tmp_path: Path) -> None:
    with product(tmp_path, "order-button-dead") as bench:
        journey = walked(bench, deadline=Seconds(10))
        with pytest.raises(UnmetError) as raised:
            judged_journey(journey)
    assert CAUGHT_ON_THE_WAY["order-button-dead"] in str(raised.value)
    assert not bench.verifies("page")
    assert journey.seen.screenshot.startswith(b"\x89PNG")


def test_a_page_that_hangs_and_has_something_else_signed_is_caught(tmp_path: Path) -> None:
    """Two faults in one visit, which takes seconds: each is seen whatever the other does."""
    with product(tmp_path, "order-signed-blindly", "input-slow") as bench:
        journey = walked(bench, deadline=Seconds(60))
    with pytest.raises(UnmetError) as blindly:
        journey.expect_walked()
    assert CAUGHT_ON_THE_WAY["order-signed-blindly"] in str(blindly.value)
    with pytest.raises(UnmetError) as slow:
        journey.expect_fast()
    assert CAUGHT_ON_THE_WAY["input-slow"] in str(slow.value)


def test_an_order_is_signed_and_placed(tmp_path: Path) -> None:
    with product(tmp_path) as bench:
        journey = judged_journey(walked(bench))
        orders = bench.service("api").get("/api/orders").json()
    assert bench.verifies("page")
    assert journey.wallet is not None
    (signed,) = journey.wallet.signed
    (placed,) = [one for one in orders if one["nonce"] == signed["message"]["nonce"]]
    assert (placed["maker"], placed["sellAmount"]) == (TRADER.address, "1000000000000000")
    assert journey.seen.inp is not None
    assert "9 of 9 steps" in journey.page.measurement.answer
    told = [one.expected for one in bench.recorder.citations["page"]]
    assert "step 8: POST /api/orders answered 201" in told
    assert KEY not in repr((journey, bench.recorder.citations, bench.recorder.measurements))


def test_on_read_only_nothing_is_signed_either(tmp_path: Path) -> None:
    """Also where nobody said that a step submits; what only reads goes through."""
    with product(tmp_path, like="production") as bench:
        browser = bench.release.environment.services["frontend"].page.browser
        steps = tuple(replace(one, submits=False) for one in browser.journeys["order"].steps)
        journey = walked(bench, steps=steps)
        with pytest.raises(ForbiddenError, match="a signature over Order was kept back"):
            judged_journey(journey)
        assert not bench.verifies("page")
        assert len(bench.service("api").get("/api/orders").json()) == 5, "as before"
        bench.recorder.citations.clear()
        judged_journey(walked(bench, "quote"))
    assert bench.verifies("page")
    assert journey.wallet is not None
    assert journey.wallet.signed == []


@pytest.mark.parametrize("access", [Access.TRANSACT, Access.READ_ONLY])
def test_a_healthy_page_is_verified(access: Access, tmp_path: Path) -> None:
    with product(tmp_path) as bench:
        bench.release.environment = replace(bench.release.environment, access=access)
        page = judged(opened(bench, lcp=Seconds(60), ttfb=Seconds(60)))
    assert bench.verifies("page")
    assert page.seen.screenshot.startswith(b"\x89PNG")
    assert page.seen.lcp is not None
    assert page.seen.ttfb is not None
    assert page.measurement.asked.endswith(page.seen.browser)


def test_a_host_may_be_declared(tmp_path: Path) -> None:
    with product(tmp_path, "wrong-origin") as bench:
        page = opened(bench, origins=(Url("http://127.0.0.2:1"),))
    assert page.seen.elsewhere == []
    assert "127.0.0.2:1/collect" in page.seen.failed[0], "and then it must answer"


def test_no_redirect_leads_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Playwright does not route what a redirect leads to; nothing may arrive there all the same."""
    with socket.create_server(("127.0.0.2", 0)) as nobody:
        nobody.setblocking(False)
        there = f"http://127.0.0.2:{nobody.getsockname()[1]}/"
        asks = f'fetch("/login?next={there}", {{ mode: "no-cors" }}).catch(() => {{}});'
        monkeypatch.setitem(SCRIPTS, "console-error", asks)
        # Without its policy the page itself would let it through.
        faults = ("console-error", "open-redirect", "headers-missing")
        with product(tmp_path, *faults) as bench:
            page = opened(bench)
            with pytest.raises(UnmetError):
                judged(page)
        assert any("/login" in one or there in one for one in page.seen.failed)
        with pytest.raises(BlockingIOError):
            nobody.accept()


def test_what_writes_is_withheld_on_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SCRIPTS, "console-error", 'fetch("/collect", { method: "POST" });')
    with product(tmp_path, "console-error", like="production") as bench:
        page = opened(bench)
        with pytest.raises(ProbeError, match=r"POST http.*/collect"):
            judged(page)
    assert page.seen.failed == []
    assert Judgement.UNKNOWN in {one.judgement for one in bench.recorder.citations["page"]}


def test_a_page_that_never_answers(tmp_path: Path) -> None:
    with product(tmp_path) as bench, pytest.raises(DeadlineError, match="did not load in"):
        opened(bench, deadline=Seconds(0.001))


def test_without_a_browser_nothing_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser_door, "_INSTALLED", ("no-such-browser",))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "none"))
    with product(tmp_path) as bench, pytest.raises(UnsupportedError, match="playwright install"):
        opened(bench)
    assert not bench.verifies("page")
