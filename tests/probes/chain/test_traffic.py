"""How a contract is used, on real nodes: failures against earlier ones, reasons, gas, events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import (
    MalformedError,
    ProbeError,
    TooFewSamplesError,
    UnmetError,
    UsageError,
)
from pytest_metarelease.evidence import Judgement, RateSample
from pytest_metarelease.manifest.model import Expectation
from pytest_metarelease.manifest.scalars import Access, Share
from pytest_metarelease.manifest.traffic import EarlierWindow, FailureWindow, Gas
from pytest_metarelease.probes.chain.codec import call_data
from pytest_metarelease.probes.chain.failures import Sent, Window
from pytest_metarelease.probes.chain.reasons import MOST, reasons
from pytest_metarelease.probes.chain.sending import Wallet, fees
from pytest_metarelease.probes.chain.traffic import Traffic
from pytest_metarelease.sandbox.accounts import DEPOSITOR
from tests.probes.chain.deployed import Bench, artifact, bench, declared, deploy
from tests.probes.chain.lying import lying
from tests.probes.chain.nodes import CHAIN_ID, chain_at, door

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.probes.chain.rpc import Rpc

NOTE = call_data(artifact().interface.function("submitEvidence"), ("ipfs://x",))
REFUND = artifact().interface.function("refund").selector
HELD = EarlierWindow(rise=Share(0.05), min_samples=20)


@pytest.fixture
def rpc(anvil: str) -> Iterator[Rpc]:
    with door(chain_at(anvil), Access.TRANSACT) as opened:
        yield opened


@pytest.fixture
def used(anvil: str) -> str:
    """An escrow with three notes and one refund that is refused."""
    return _used(anvil)


def _used(url: str) -> str:
    with door(chain_at(url), Access.TRANSACT) as opened:
        address = deploy(opened)
        wallet, price = Wallet(opened, CHAIN_ID, DEPOSITOR.key), fees(opened)
        for data in (NOTE, NOTE, REFUND, NOTE):
            wallet.send(to=address, fee=price, gas=100_000, data=data)
        return address


def traffic(
    rpc: Rpc, address: str, earlier: EarlierWindow | None = None, **changes: Any
) -> tuple[Traffic, Bench]:
    found = bench(rpc, declared(address, **changes))
    return Traffic(found.probe, FailureWindow(blocks=4, earlier=earlier)), found


def windows(found: Traffic, before: tuple[int, int], now: tuple[int, int]) -> None:
    """Put counts into the place of what would be scanned: (failed, all) before and now."""
    found.__dict__.update(before=_window(*before), now=_window(*now))


def _window(failed: int, total: int) -> Window:
    return Window(1, 2, tuple(Sent(1, "0x", n >= failed, 21_000) for n in range(total)))


# ---------------------------------------------------------------------- failures


def test_no_traffic_is_no_rate_and_no_comparison(rpc: Rpc) -> None:
    found, seen = traffic(rpc, deploy(rpc))
    sample = found.failure_rate().sample
    assert sample == RateSample(measure="escrow.failure_rate", bad=0, total=0)
    assert found.why == ""
    found.not_worse()
    assert seen.verdicts == set()


def test_the_reason_of_a_failure_is_told(either: str) -> None:
    address = _used(either)
    with door(chain_at(either)) as opened:
        found, _ = traffic(opened, address)
        measurement = found.failure_rate()
        assert measurement.sample == RateSample(measure="escrow.failure_rate", bad=1, total=4)
        assert found.why == "1 x 'Only the arbiter can call this function'"
        assert found.why in measurement.answer


def test_the_windows_do_not_overlap(rpc: Rpc, used: str) -> None:
    last = bench(rpc, declared(used)).probe.snapshot.number
    found, _ = traffic(rpc, used, EarlierWindow(before=last - 1, blocks=3))
    assert (found.before.first, found.before.last) == (last - 4, last - 2)
    assert (found.now.first, found.now.last) == (last - 1, last)
    assert [len(found.before.sent), len(found.now.sent)] == [2, 2]
    assert [len(found.before.failed), len(found.now.failed)] == [0, 1]


def test_without_the_releases_block_earlier_is_before_the_window(rpc: Rpc, used: str) -> None:
    found, _ = traffic(rpc, used, EarlierWindow(blocks=2))
    assert found.before.last == found.now.first - 1
    assert found.before.last - found.before.first == 1


@pytest.mark.parametrize(
    ("before", "now", "judged"),
    [
        ((0, 0), (0, 0), Judgement.UNKNOWN),
        ((0, 19), (0, 100), Judgement.UNKNOWN),
        ((0, 100), (0, 19), Judgement.UNKNOWN),
        ((0, 20), (0, 20), Judgement.MET),
        ((5, 100), (5, 100), Judgement.MET),
        ((50, 100), (1, 100), Judgement.MET),
        ((0, 100), (5, 100), Judgement.MET),
        ((0, 100), (6, 100), Judgement.UNKNOWN),
        ((0, 100), (12, 100), Judgement.UNKNOWN),
        ((0, 100), (40, 100), Judgement.UNMET),
        ((1, 1000), (200, 1000), Judgement.UNMET),
    ],
)
def test_a_rise_is_judged_by_its_interval(
    rpc: Rpc, used: str, before: tuple[int, int], now: tuple[int, int], judged: Judgement
) -> None:
    found, seen = traffic(rpc, used, HELD)
    windows(found, before, now)
    if judged is Judgement.MET:
        found.not_worse()
    else:
        kind = UnmetError if judged is Judgement.UNMET else TooFewSamplesError
        with pytest.raises(kind, match=f"{now[0]} of {now[1]}|no transactions"):
            found.not_worse()
    assert seen.verdicts == {judged}


def test_too_little_traffic_may_be_declared_as_a_note(rpc: Rpc, used: str) -> None:
    found, seen = traffic(rpc, used, EarlierWindow(when_idle="note"))
    windows(found, (0, 0), (19, 19))
    found.not_worse()
    assert seen.cited[0].actual.startswith("too little yet: no transactions before")


def test_reasons_never_raise(rpc: Rpc) -> None:
    nobody = Sent(1, "0x" + "ab" * 32, succeeded=False, gas=1)
    assert reasons(rpc, [nobody]).startswith("reasons unknown: ")
    assert reasons(rpc, []) == ""


def test_reasons_that_cannot_be_repeated_are_unknown(rpc: Rpc, used: str) -> None:
    found, _ = traffic(rpc, used)
    failed = [*found.now.failed] * (MOST + 3)
    gone = lying(rpc, "eth_call", lambda *_: ProbeError("missing trie node"))
    assert reasons(gone, failed) == (
        f"{MOST} x unknown (the node could not repeat it); 3 earlier ones not looked at"
    )
    fine = lying(rpc, "eth_call", lambda *_: "0x")
    assert reasons(fine, failed[:1]) == "1 x unknown (it succeeds when repeated)"


# ---------------------------------------------------------------------- gas


@pytest.mark.parametrize(
    ("baseline", "rise", "judged"),
    [
        (26_500, 0.1, Judgement.MET),
        (40_000, 0.0, Judgement.MET),
        (22_000, 0.1, Judgement.UNMET),
        (22_000, 0.5, Judgement.MET),
    ],
)
def test_gas_is_compared_with_the_baseline(
    rpc: Rpc, used: str, baseline: int, rise: float, judged: Judgement
) -> None:
    gas = Gas(functions={"submitEvidence": baseline}, rise=Share(rise))
    found, seen = traffic(rpc, used, gas=gas)
    if judged is Judgement.MET:
        found.gas()
    else:
        with pytest.raises(UnmetError, match="of 3 calls"):
            found.gas()
    assert seen.verdicts == {judged}


def test_what_nobody_called_is_unknown_or_a_note(rpc: Rpc, used: str) -> None:
    # Refunds were tried, and refused: what they took says nothing about one that is done.
    found, seen = traffic(rpc, used, gas=Gas(functions={"refund": 50_000}))
    with pytest.raises(TooFewSamplesError, match="nobody called it"):
        found.gas()
    assert seen.verdicts == {Judgement.UNKNOWN}
    found, seen = traffic(rpc, used, gas=Gas(functions={"refund": 50_000}, when_idle="note"))
    found.gas()
    assert seen.verdicts == {Judgement.MET}


def test_one_dear_call_does_not_hide_another(rpc: Rpc, used: str) -> None:
    found, seen = traffic(
        rpc, used, gas=Gas(functions={"refund": 50_000, "submitEvidence": 21_000})
    )
    with pytest.raises(UnmetError, match="nobody called it"):
        found.gas()
    assert seen.verdicts == {Judgement.UNKNOWN, Judgement.UNMET}


def test_gas_of_an_unknown_function_is_a_usage_error(rpc: Rpc, used: str) -> None:
    found, _ = traffic(rpc, used, gas=Gas(functions={"submitEvidences": 50_000}))
    with pytest.raises(UsageError, match="did you mean submitEvidence"):
        found.gas()


def test_another_transaction_than_was_asked_for_is_unknown(rpc: Rpc, used: str) -> None:
    found, seen = traffic(rpc, used, gas=Gas(functions={"submitEvidence": 50_000}))
    change = lambda _, answer: {**answer, "hash": "0x" + "ab" * 32}  # noqa: E731
    seen.probe.rpc = lying(rpc, "eth_getTransactionByHash", change)
    with pytest.raises(MalformedError, match="another one came"):
        found.gas()
    assert seen.verdicts == {Judgement.UNKNOWN}


# ---------------------------------------------------------------------- events


@pytest.mark.parametrize(
    ("wanted", "met"),
    [(Expectation(min=3), True), (Expectation(min=4), False), (Expectation(max=2), False)],
)
def test_events_are_counted(either: str, wanted: Expectation, met: bool) -> None:
    with door(chain_at(either)) as opened:
        found, seen = traffic(opened, _used(either), activity={"EvidenceSubmitted": wanted})
        if met:
            found.activity()
            assert seen.verdicts == {Judgement.MET}
            return
        with pytest.raises(UnmetError, match="events EvidenceSubmitted"):
            found.activity()
        assert seen.verdicts == {Judgement.UNMET}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda logs: logs[1:], id="one-missing"),
        pytest.param(lambda _: [], id="none"),
        pytest.param(lambda logs: [*logs, {**logs[0], "logIndex": "0x7"}], id="one-more"),
        pytest.param(
            lambda logs: [{**logs[0], "topics": ["0x" + "ab" * 32]}, *logs[1:]], id="another"
        ),
    ],
)
def test_an_index_that_is_not_whole_is_unknown(rpc: Rpc, used: str, change: Any) -> None:
    found, seen = traffic(rpc, used, activity={"EvidenceSubmitted": Expectation(min=0)})
    seen.probe.rpc = lying(rpc, "eth_getLogs", lambda _, answer: change(answer))
    with pytest.raises(MalformedError, match="index of events is not whole"):
        found.activity()
    assert seen.verdicts == {Judgement.UNKNOWN}
