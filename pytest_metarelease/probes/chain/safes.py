"""A Safe, as it stands on the chain, against how it must be set up.

Refuses to leave out what decides who commands it: owners, threshold, modules, guards, fallback
handler, and for a proxy the code that it runs. Slots and functions: safe-smart-account 1.3 to 1.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import TooLargeError, UnmetError
from pytest_metarelease.probes.chain.abi import Entry, Parameter
from pytest_metarelease.probes.chain.codec import call_data, checksum, decode
from pytest_metarelease.probes.chain.directory import NOBODY
from pytest_metarelease.probes.chain.measuring import Asking, Tally
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.rpc import Ask, Rpc, settled
from pytest_metarelease.probes.chain.snapshot import Snapshot, read_pinned
from pytest_metarelease.probes.chain.storage import typed, word_of
from pytest_metarelease.probes.reading import describe, mismatch, show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_metarelease.evidence import Measurement, Recorder
    from pytest_metarelease.manifest.model import Safe

SENTINEL = "0x" + "00" * 19 + "01"
"""Begins and ends the linked lists of owners and modules."""

# keccak256 of "guard_manager.guard.address", "module_manager.module_guard.address",
# "fallback_manager.handler.address"; the singleton is slot 0 of the proxy.
SLOTS: Mapping[str, str] = {
    "guard": "0x4a204f620c8c5ccdca3fd54d003badd85ba500436a431f0cbda4f558c93c34c8",
    "module_guard": "0xb104e0b93118902c651344349b610029d694cfdec91c589c91ebafbcd0289947",
    "fallback_handler": "0x6c9a6c4a39284e37ed1cf53d337577d14212a4870fb976a4366c693b939918d5",
    "singleton": "0x" + "00" * 32,
}
_PAGES = 20
_NEXT = "find out which transaction changed it; the owners must put it right before anything else"


def _view(name: str, inputs: Sequence[str], outputs: Sequence[str]) -> Entry:
    return Entry(
        "function",
        name,
        tuple(Parameter("", one) for one in inputs),
        tuple(Parameter("", one) for one in outputs),
        "view",
    )


_MODULES = _view("getModulesPaginated", ("address", "uint256"), ("address[]", "address"))


class SafeProbe:
    """One declared Safe. Subject of its measurements: ``safe:NAME``."""

    def __init__(
        self,
        name: str,
        safe: Safe,
        rpc: Rpc,
        snapshot: Snapshot,
        recorder: Recorder,
        *,
        page: int = 50,
    ) -> None:
        self._page = page
        self.name = name
        self.declared = safe
        self._rpc = rpc
        self._snapshot = snapshot
        self._asking = Asking(recorder, f"safe:{name}", snapshot.where)

    def judge(self) -> None:
        """Judge version, owners, threshold, modules, guards, handler, singleton and nonce.

        Raises:
            UnmetError: Something is set up otherwise, or no Safe stands at the address.
            ProbeError: Something could not be read.
        """
        declared, tally = self.declared, Tally()
        with tally:
            self._has_code()
        facts: tuple[tuple[str, Callable[[], Any], Any], ...] = (
            ("version", lambda: self._read(_view("VERSION", (), ("string",))), declared.version),
            ("owners", lambda: self._read(_view("getOwners", (), ("address[]",))), declared.owners),
            (
                "threshold",
                lambda: self._read(_view("getThreshold", (), ("uint256",))),
                declared.threshold,
            ),
            ("modules", self._modules, declared.modules),
            ("guard", lambda: self._slot("guard"), declared.guard),
            ("module guard", lambda: self._slot("module_guard"), declared.module_guard),
            ("fallback handler", lambda: self._slot("fallback_handler"), declared.fallback_handler),
        )
        for what, question, wanted in facts:
            with tally:
                self._judge(what, question, wanted)
        if declared.proxy:
            with tally:
                self._judge("singleton", lambda: self._slot("singleton"), declared.singleton)
        with tally:
            self._judge_nonce()
        tally.settle()

    def _judge(self, what: str, question: Callable[[], Any], wanted: Any) -> None:
        value, seen = self._ask(what, question)
        expected = f"{what} of {self.name}: {_words(wanted)}"
        if _plain(value) != _plain(wanted):
            raise self._asking.unmet(seen, expected, _words(value), _NEXT)
        self._asking.met(seen, expected, _words(value))

    def _judge_nonce(self) -> None:
        wanted = self.declared.nonce
        if wanted.unchecked is not None:
            return
        value, seen = self._ask("nonce", lambda: self._read(_view("nonce", (), ("uint256",))))
        different = mismatch(wanted, value)
        expected = f"nonce of {self.name}: {describe(wanted)}"
        if different is not None:
            raise self._asking.unmet(seen, expected, f"{value} ({different})", _NEXT)
        self._asking.met(seen, expected, str(value))

    def _ask(self, what: str, question: Callable[[], Any]) -> tuple[Any, Measurement]:
        return self._asking.ask(
            f"{what} of the Safe {self.declared.address}",
            question,
            show=_words,
            block=self._snapshot.number,
        )

    def _has_code(self) -> None:
        ask = Ask("eth_getCode", (self.declared.address, self._snapshot.tag))
        code, seen = self._asking.ask(
            f"eth_getCode {self.declared.address}",
            lambda: payload(settled(self._pinned(ask), "eth_getCode"), "code"),
            show=lambda code: f"{len(code)} bytes",
            block=self._snapshot.number,
        )
        if not code:
            raise self._asking.unmet(
                seen, f"a Safe stands at {self.declared.address}", "no code", "check the address"
            )

    def _read(self, view: Entry, args: Sequence[Any] = ()) -> Any:
        request = {"to": self.declared.address, "data": call_data(view, args)}
        answer = self._pinned(Ask("eth_call", (request, self._snapshot.tag)))
        raw = payload(settled(answer, f"{view.name}()"), view.name)
        if not raw:
            raise UnmetError(f"{self.name}: {view.name}() answered nothing, as no Safe would")
        values = decode(view.output_types, raw, view.name)
        return values[0] if len(values) == 1 else values

    def _modules(self) -> list[str]:
        found: list[str] = []
        start = SENTINEL
        for _ in range(_PAGES):
            page, following = self._read(_MODULES, (start, self._page))
            found += page
            if following.lower() in (SENTINEL, NOBODY):
                return found
            # Up to 1.3 the next page begins behind this module, which no page has; from 1.4 on it
            # is the last of this page.
            if following.lower() not in {one.lower() for one in found}:
                found.append(following)
            start = following
        raise TooLargeError(f"{self.name}: more than {_PAGES * self._page} modules")

    def _slot(self, key: str) -> str | None:
        ask = Ask("eth_getStorageAt", (self.declared.address, SLOTS[key], self._snapshot.tag))
        word = word_of(settled(self._pinned(ask), key), key)
        try:
            address = str(typed(word, "address"))
        except ValueError:
            return "0x" + word.hex()
        return None if address == NOBODY else address

    def _pinned(self, ask: Ask) -> Any:
        return read_pinned(self._rpc, self._snapshot, [ask])[0]


def _plain(value: Any) -> Any:
    """Return a value as it is compared: addresses without case, lists without order."""
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, list | tuple):
        return sorted(str(one).lower() for one in value)
    return value


def _words(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(sorted(checksum(str(one)) for one in value)) or "none"
    return show(value)
