"""A declared journey in a real browser: each step done in turn, and judged by what came of it.

Goes no further than the first step that does not come to pass, nor, on read-only access, than the
first that would write; ``browser_door`` drives the browser, ``wallet`` answers and signs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from pytest_metarelease.errors import ForbiddenError, UndeclaredError, UnsupportedError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.browser import BrowsedPage, place_of, summary_of
from pytest_metarelease.probes.browser_door import Tab, visit
from pytest_metarelease.probes.chain.signing import check_key
from pytest_metarelease.probes.clock import utc_now
from pytest_metarelease.probes.document import look_up
from pytest_metarelease.probes.wallet import Wallet, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.evidence import Recorder
    from pytest_metarelease.manifest.journeys import Journey, JourneyStep
    from pytest_metarelease.manifest.model import Environment
    from pytest_metarelease.probes.browser_seen import Exchange, Seen
    from pytest_metarelease.probes.chain.rpc import Rpc

_STOPPED = "verify it where access is transact, and carry it (accept_from)"


@dataclass(slots=True)
class Walk:
    """How far a journey came: ``met`` are steps that came to pass, ``problem`` is of the next."""

    met: list[str] = field(default_factory=list)
    expected: str = ""
    problem: str = ""
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class WalkedJourney:
    """One journey as it went; each ``expect_`` judges one side of it."""

    page: BrowsedPage
    walk: Walk
    wallet: Wallet | None

    @property
    def seen(self) -> Seen:
        """What the pages showed on the way, with a screenshot of where it ended."""
        return self.page.seen

    def expect_walked(self) -> WalkedJourney:
        """Judge every step.

        Raises:
            UnmetError: A step did not come to pass, or the page wanted signed what is not declared.
            ForbiddenError: It ended before it wrote, since access is read-only.
            UnsupportedError: A step did not come to pass, and the page had asked the wallet for
                what ours cannot do.
        """
        page, walk = self.page, self.walk
        for one in walk.met:
            page.judge(one, [])
        if self.wallet is not None:
            expected = "the wallet is asked only for what is declared"
            page.judge(expected, self.wallet.wrong, "see whose page this is, and how it was built")
        if walk.stopped:
            page.record(Judgement.UNKNOWN, walk.expected, walk.stopped, _STOPPED)
            raise ForbiddenError(f"{walk.stopped}; {_STOPPED}")
        if walk.problem:
            self._refuse_what_we_lack()
            said = [f"the page complains: {one}" for one in (*page.seen.failed, *page.seen.errors)]
            next_step = "look at the screenshot, then walk it by hand"
            page.judge(walk.expected, [walk.problem, *said], next_step)
        return self

    def expect_sound(self) -> WalkedJourney:
        """Judge console, requests, hosts and mixed content of the whole journey.

        Raises:
            UnmetError: The page complained, lost a request, asked another host or mixed content.
            ProbeError: A request that writes was withheld.
        """
        self.page.expect_sound()
        return self

    def expect_fast(self) -> WalkedJourney:
        """Judge the declared core web vitals of the whole journey.

        Raises:
            UnmetError: One of them is beyond its limit.
            TooFewSamplesError: One of them could not be measured.
        """
        self.page.expect_fast()
        return self

    def _refuse_what_we_lack(self) -> None:
        lacking = self.wallet.unsupported if self.wallet else []
        if lacking:
            why = f"the page asked the wallet for what ours does not do: {', '.join(lacking)}"
            self.page.record(Judgement.UNKNOWN, self.walk.expected, f"{self.walk.problem}; {why}")
            raise UnsupportedError(f"{self.walk.expected}: {self.walk.problem}; {why}")


def walk_journey(
    service: str, name: str, environment: Environment, recorder: Recorder
) -> WalkedJourney:
    """Walk a journey of a service's page in a browser of its own.

    Raises:
        UndeclaredError: It is not declared.
        ProbeError: There is no browser, or it could not show the page.
    """
    url, browser, hosts = place_of(service, environment)
    if name not in browser.journeys:
        raise UndeclaredError(f"{service} declares no journey {name}")
    declared = browser.journeys[name]
    may_write = environment.access is Access.TRANSACT
    node = _node(declared, environment)
    wallet = _wallet(declared, environment, node, may_write=may_write)
    walker = _Walker(declared, environment.services[service].url, wallet, may_write=may_write)
    at, begun = utc_now(), time.perf_counter()
    try:
        seen = visit(
            url,
            hosts=hosts,
            deadline=declared.deadline,
            may_write=may_write,
            walk=walker.walk,
            wallet=wallet.answer if wallet else None,
        )
    finally:
        if node is not None:
            node.close()
    walk = walker.done
    measurement = recorder.measured(
        subject=f"service:{service}",
        probe="browser",
        asked=f"journey {name} from {url} in {seen.browser}",
        at=at,
        duration=time.perf_counter() - begun,
        answer=f"{len(walk.met)} of {len(declared.steps)} steps; {summary_of(seen)}",
    )
    limits = {"LCP": declared.lcp, "CLS": declared.cls, "INP": declared.inp}
    return WalkedJourney(BrowsedPage((), limits, seen, measurement, recorder), walk, wallet)


def _wallet(
    declared: Journey,
    environment: Environment,
    node: Rpc | None,
    *,
    may_write: bool,
) -> Wallet | None:
    if declared.wallet is None:
        return None
    if environment.chain is None:
        raise UndeclaredError("a wallet is on the declared chain, but none is declared")
    wallet = Wallet(
        check_key(declared.wallet.key, "the key of the journey's wallet"),
        environment.chain.id,
        {one: environment.typed_data[one] for one in declared.wallet.signs},
        may_sign=may_write,
        read=(lambda method, given: node.call(method, *given)) if node else None,
    )
    # Loading what signs takes a second, which must not be the page's.
    _ = wallet.address
    return wallet


def _node(declared: Journey, environment: Environment) -> Rpc | None:
    """Return the door by which the page's wallet reads the chain, where it has one."""
    if declared.wallet is None or environment.chain is None:
        return None
    from pytest_metarelease.probes.chain.rpc import connect

    return connect(environment.chain, Access.READ_ONLY)


class _Walker:
    """Does the steps of one journey; ``done`` says how far it came."""

    def __init__(
        self, declared: Journey, base: str, wallet: Wallet | None, *, may_write: bool
    ) -> None:
        self.done = Walk()
        self._declared = declared
        self._base = base
        self._wallet = wallet
        self._may_write = may_write
        # What came before the last act is no answer to it.
        self._exchanges, self._signatures = 0, 0

    def walk(self, tab: Tab) -> None:
        for number, step in enumerate(self._declared.steps, 1):
            self.done.expected = f"step {number}: {described(step)}"
            if step.submits and not self._may_write:
                self.done.stopped = f"ended before step {number}, which submits"
                return
            problem = self._did(step, tab)
            self.done.stopped = self._held(tab) if problem else ""
            if problem:
                self.done.problem = problem
                return
            self.done.met.append(self.done.expected)

    def _did(self, step: JourneyStep, tab: Tab) -> str:
        """Do a step, or wait for what it expects; return what is wrong."""
        if step.visible is not None:
            return self._sees(step.visible, step.text, tab)
        if step.request is not None:
            return self._asks(step.request, step.status, tab)
        if step.signed is not None:
            return self._signs(step, tab)
        self._exchanges = len(tab.seen.exchanges)
        self._signatures = len(self._wallet.signed) if self._wallet else 0
        if step.open is not None:
            went = tab.open(urljoin(f"{self._base.rstrip('/')}/", step.open.lstrip("/")))
            return "" if went else "it did not load in time"
        if step.click is not None:
            return "" if tab.click(step.click) else "nothing there can be clicked"
        return "" if tab.fill(step.fill or "", step.typed or "") else "nothing there takes text"

    def _sees(self, selector: str, text: str | None, tab: Tab) -> str:
        if tab.shows(selector, text):
            return ""
        return f"it says {tab.text(selector)!r:.200}" if text and tab.text(selector) else "not seen"

    def _asks(self, request: str, statuses: Sequence[int], tab: Tab) -> str:
        def answers() -> list[Exchange]:
            since = tab.seen.exchanges[self._exchanges :]
            return [one for one in since if f"{one.method} {urlsplit(one.url).path}" == request]

        tab.waits_for(lambda: bool(answers()))
        found = [one.status for one in answers()]
        if not found:
            return "it was not sent, or got no answer"
        wrong = [str(one) for one in found if one not in statuses]
        return f"answered {', '.join(wrong)}" if wrong else ""

    def _signs(self, step: JourneyStep, tab: Tab) -> str:
        wallet = self._wallet
        if wallet is None:
            return "there is no wallet"
        tab.waits_for(
            lambda: len(wallet.signed) > self._signatures or bool(wallet.held or wallet.wrong)
        )
        if len(wallet.signed) == self._signatures:
            return "nothing was signed"
        document = wallet.signed[-1]
        for path, wanted in (step.signed or {}).items():
            (_, value), *_more = look_up(document, path) or [("", None)]
            if plain(value) != plain(wanted):
                return f"{path} is {value!r:.100}, not {wanted!r:.100}"
        return ""

    def _held(self, tab: Tab) -> str:
        """Say what was kept back on read-only access, without which no step can come to pass."""
        kept = [*(self._wallet.held if self._wallet else ()), *tab.seen.withheld]
        return f"ended at {self.done.expected}: {kept[0]} was kept back" if kept else ""


def described(step: JourneyStep) -> str:
    """Return a step in words; what is typed is not among them, since it may be a secret."""
    if step.visible is not None:
        return f"see {step.visible}" + (f" with {step.text!r}" if step.text else "")
    if step.request is not None:
        return f"{step.request} answered {' or '.join(map(str, step.status))}"
    if step.signed is not None:
        return f"signed {', '.join(f'{path} {value}' for path, value in step.signed.items())}"
    if step.open is not None:
        return f"open {step.open}"
    return f"click {step.click}" if step.click is not None else f"fill {step.fill}"
