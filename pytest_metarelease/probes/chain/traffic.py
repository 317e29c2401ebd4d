"""How one contract is used: failures against earlier ones, gas against a baseline, its events.

All of it from one verified scan of the declared window. Judges nothing that it did not count, and
takes no silence for traffic: too few transactions are unknown, or said to be no traffic yet.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MalformedError, TooFewSamplesError
from pytest_metarelease.evidence import Measurement, RateSample
from pytest_metarelease.probes.chain.failures import Emitted, Window, counted, watch
from pytest_metarelease.probes.chain.logs import every_log
from pytest_metarelease.probes.chain.measuring import Tally
from pytest_metarelease.probes.chain.quantities import block_hash, mapping, payload, quantity
from pytest_metarelease.probes.chain.reasons import reasons
from pytest_metarelease.probes.chain.rpc import Ask, settled
from pytest_metarelease.probes.chain.scanning import Scan
from pytest_metarelease.probes.reading import Reading
from pytest_metarelease.statistics import rate_interval, rise_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.manifest.traffic import EarlierWindow, FailureWindow, Gas
    from pytest_metarelease.probes.chain.contracts import ContractProbe
    from pytest_metarelease.probes.chain.failures import Sent

CALLS = 500
"""So many transactions, the newest ones, are looked at for their gas."""


class Traffic:
    """The transactions to one contract. Subject of its measurements: ``contract:NAME``."""

    def __init__(self, contract: ContractProbe, window: FailureWindow) -> None:
        self._contract = contract
        self._window = window
        before = window.earlier.before if window.earlier is not None else None
        self._release = before or contract.directory.deployed_block
        self._scan = Scan(contract.rpc, contract.snapshot)

    @cached_property
    def now(self) -> Window:
        """The declared window, which ends at the pinned block and begins with the release."""
        last = self._contract.snapshot.number
        first = max(0, last - self._window.blocks + 1, self._release)
        events = bool(self._contract.declared.activity)
        return watch(self._scan, self._contract.address, first, last, events=events)

    @cached_property
    def before(self) -> Window:
        """The window that ends before the release, or before ``now`` where its block is unknown."""
        earlier = self._window.earlier
        last = (self._release or self.now.first) - 1
        first = max(0, last - (earlier.blocks if earlier else 0) + 1)
        return watch(self._scan, self._contract.address, first, last)

    def failure_rate(self) -> Measurement:
        """Count failed transactions, with the reasons; see ``ChainProbe.failure_rate``.

        Raises:
            ProbeError: The window could not be read whole and verified.
        """
        contract = self._contract
        _, measurement = contract.asking.ask(
            f"transactions to {contract.address} in the last {self._window.blocks} blocks",
            lambda: self.now,
            show=lambda found: f"{counted(found)}{self._because}",
            block=contract.snapshot.number,
            sample=lambda found: RateSample(
                measure=f"{contract.name}.failure_rate",
                bad=len(found.failed),
                total=len(found.sent),
            ),
        )
        return measurement

    def not_worse(self) -> None:
        """Judge that the rate of failures has not risen since before the release.

        Met where it has not risen by more than declared; unmet where it certainly has; unknown
        where it seems so. Nothing is compared where no earlier window is declared.

        Raises:
            UnmetError: It has risen, and the interval of the difference says so.
            TooFewSamplesError: It seems so, or there were too few transactions to tell.
            ProbeError: A window could not be read whole and verified.
        """
        earlier = self._window.earlier
        if earlier is None:
            return
        contract = self._contract
        (before, now), seen = contract.asking.ask(
            f"transactions to {contract.address} before the release and since",
            lambda: (self.before, self.now),
            show=lambda both: f"before: {counted(both[0])}; now: {counted(both[1])}",
            block=contract.snapshot.number,
        )
        self._compare(earlier, before, now, seen)

    def _compare(
        self, earlier: EarlierWindow, before: Window, now: Window, seen: Measurement
    ) -> None:
        asking = self._contract.asking
        expected = f"failures risen by at most {earlier.rise:.1%} since before the release"
        actual = f"{_rate(before)} before, {_rate(now)} now"
        if min(len(before.sent), len(now.sent)) < earlier.min_samples:
            if earlier.when_idle == "note":
                asking.met(seen, f"{expected}, once there is traffic", f"too little yet: {actual}")
                return
            step = "wait for more traffic, or declare failures.earlier.when_idle: note"
            raise self._too_few(seen, expected, actual, step)
        low, high = rise_interval(_pair(before), _pair(now), earlier.confidence)
        actual += f"; risen by [{low:.1%}, {high:.1%}]"
        if low > earlier.rise:
            raise asking.unmet(
                seen, expected, actual + self._because, "look at what the release changed"
            )
        share = len(now.failed) / len(now.sent) - len(before.failed) / len(before.sent)
        if share > earlier.rise:
            raise self._too_few(seen, expected, actual, "wait for more traffic and run again")
        asking.met(seen, expected, actual)

    def gas(self) -> None:
        """Judge what each declared function took, by the median, against its baseline.

        Raises:
            UnmetError: A function takes more gas than declared.
            TooFewSamplesError: Nobody called it, and the manifest wants it to be called.
            ProbeError: No usable answer.
        """
        declared = self._contract.declared.gas
        if declared is None:
            return
        used, seen = self._contract.asking.ask(
            f"gas of calls of {self._contract.name} in blocks {self.now.first} to {self.now.last}",
            self._used,
            show=lambda found: f"{sum(map(len, found.values()))} calls",
            block=self._contract.snapshot.number,
        )
        tally = Tally()
        for key, baseline in declared.functions.items():
            selector = self._contract.interface.function(key).selector
            with tally:
                self._judge_gas(declared, key, baseline, used.get(selector, []), seen)
        tally.settle()

    def _judge_gas(
        self, declared: Gas, key: str, baseline: int, used: Sequence[int], seen: Measurement
    ) -> None:
        asking = self._contract.asking
        most = int(baseline * (1 + declared.rise))
        expected = f"{key} takes at most {most} gas ({baseline} and {declared.rise:.0%} more)"
        if not used:
            if declared.when_idle == "note":
                asking.met(seen, f"{expected}, once it is called", "nobody called it yet")
                return
            step = f"call {key}, or declare gas.when_idle: note"
            raise self._too_few(seen, expected, "nobody called it", step)
        middle = median(used)
        actual = f"median {middle:g}, most {max(used)}, of {len(used)} calls"
        if middle > most:
            step = "find out what became dearer; or measure again and declare the new baseline"
            raise asking.unmet(seen, expected, actual, step)
        asking.met(seen, expected, actual)

    def _used(self) -> dict[str, list[int]]:
        """Return the gas of successful calls by selector."""
        done = [one for one in self.now.sent if one.succeeded][-CALLS:]
        asks = [Ask("eth_getTransactionByHash", (one.hash,)) for one in done]
        answers = self._contract.rpc.batch(asks) if asks else []
        found: dict[str, list[int]] = {}
        for one, answer in zip(done, answers, strict=True):
            called = _called(one, settled(answer, "eth_getTransactionByHash"))
            found.setdefault(called, []).append(one.gas)
        return found

    def activity(self) -> None:
        """Judge how often each declared event was emitted, and that the node's index is whole.

        Raises:
            UnmetError: An event came more or less often than declared.
            MalformedError: ``eth_getLogs`` and the receipts of the same blocks differ.
            ProbeError: No usable answer.
        """
        contract = self._contract
        counted, seen = contract.asking.ask(
            f"events of {contract.name} in blocks {self.now.first} to {self.now.last}",
            self._events,
            show=lambda found: f"{found.total()} events, in receipts as in eth_getLogs",
            block=contract.snapshot.number,
        )
        tally = Tally()
        for key, wanted in contract.declared.activity.items():
            with tally:
                count = counted[contract.interface.event(key).topic]
                where = contract.snapshot.where
                Reading(count, f"events {key}", seen, contract.asking.recorder, where).expect(
                    wanted, next_step="look at who uses the contract, and how"
                )
        tally.settle()

    def _events(self) -> Counter[str]:
        contract, now = self._contract, self.now
        indexed = every_log(contract.rpc, contract.snapshot, contract.address, now.first, now.last)
        listed = {
            Emitted(
                quantity(log["blockNumber"], "block of a log"),
                quantity(log["logIndex"], "index of a log"),
                str(log["topics"][0]).lower() if log["topics"] else "",
            )
            for log in indexed
        }
        if listed != set(now.emitted):
            raise MalformedError(
                f"{contract.rpc.masked}: eth_getLogs knows {len(listed)} events of {contract.name} "
                f"in blocks {now.first} to {now.last}, their receipts hold {len(now.emitted)}: the "
                "node's index of events is not whole; use another node"
            )
        return Counter(one.topic for one in now.emitted)

    @property
    def _because(self) -> str:
        return f"; reverted: {self.why}" if self.why else ""

    @cached_property
    def why(self) -> str:
        """With which reasons transactions of the window ``now`` failed, in words; or nothing."""
        contract, failed = self._contract, self.now.failed
        return reasons(contract.rpc, failed, contract.interface) if failed else ""

    def _too_few(
        self, seen: Measurement, expected: str, actual: str, step: str
    ) -> TooFewSamplesError:
        problem = TooFewSamplesError(f"expected  {expected}\nactual    {actual}\nnext      {step}")
        self._contract.asking.unknown(seen, problem, step)
        return problem


def _called(sent: Sent, transaction: Any) -> str:
    """Return the selector that a transaction of the window called, verified to be that one."""
    found = mapping(transaction, f"transaction {sent.hash}")
    if block_hash(found.get("hash"), "transaction") != sent.hash:
        raise MalformedError(f"transaction {sent.hash} was asked for, another one came")
    return "0x" + payload(found.get("input"), "input of a transaction")[:4].hex()


def _pair(window: Window) -> tuple[int, int]:
    return len(window.failed), len(window.sent)


def _rate(window: Window) -> str:
    bad, total = _pair(window)
    if not total:
        return "no transactions"
    found = rate_interval(bad, total)
    return f"{bad} of {total} [{found.low:.1%}, {found.high:.1%}]"
