"""Modules of a Safe over several pages, as its versions tell where the next one begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_metarelease.errors import UnmetError
from pytest_metarelease.evidence import Notebook
from pytest_metarelease.manifest.checksum import checksummed
from pytest_metarelease.manifest.model import Safe, ViewExpectation
from pytest_metarelease.manifest.scalars import Address
from pytest_metarelease.probes.chain.abi import Entry, Parameter
from pytest_metarelease.probes.chain.codec import encode
from pytest_metarelease.probes.chain.safes import SENTINEL, SafeProbe
from pytest_metarelease.probes.chain.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.probes.chain.rpc import Ask, Rpc

OWNER = Address("0x" + "11" * 20)
MODULES = tuple(Address(checksummed(f"0x{0xABCDE0000 + number:040x}")) for number in range(5))


@dataclass(slots=True)
class Scripted:
    """A Safe with ``MODULES``; ``old`` as up to 1.3, where the next module is in no page."""

    old: bool
    masked: str = "http://node"

    def batch(self, asks: Sequence[Ask]) -> list[Any]:
        return [self._one(ask) for ask in asks]

    def _one(self, ask: Ask) -> str:
        if ask.method != "eth_call":
            return "0x60" if ask.method == "eth_getCode" else "0x" + "00" * 32
        data = ask.params[0]["data"]
        answers: dict[str, tuple[tuple[str, ...], tuple[Any, ...]]] = {
            "0xffa1ad74": (("string",), ("1.3.0",)),
            "0xa0e67e2b": (("address[]",), ([OWNER],)),
            "0xe75235b8": (("uint256",), (1,)),
        }
        types, values = answers.get(data[:10]) or (("address[]", "address"), self._page(data))
        entry = Entry("function", "f", tuple(Parameter("", one) for one in types))
        return "0x" + encode(entry, values).hex()

    def _page(self, data: str) -> tuple[list[str], str]:
        start, size = "0x" + data[34:74], int(data[74:138], 16)
        places = {one.lower(): place for place, one in enumerate(MODULES)}
        first = 0 if start == SENTINEL else places[start] + 1
        page, rest = MODULES[first : first + size], MODULES[first + size :]
        if not rest:
            return list(page), SENTINEL
        return list(page), rest[0] if self.old else page[-1]


def judge(*modules: Address, old: bool, page: int) -> None:
    safe = Safe(
        address=OWNER,
        version="1.3.0",
        owners=(OWNER,),
        threshold=1,
        modules=modules,
        proxy=False,
        nonce=ViewExpectation(unchecked="grows"),
    )
    snapshot = Snapshot(1, 2, "0x" + "00" * 32, 3, by_hash=True)
    notebook = Notebook()
    notebook.check = "check"
    rpc = cast("Rpc", Scripted(old))
    SafeProbe("treasury", safe, rpc, snapshot, notebook, page=page).judge()


@pytest.mark.parametrize("page", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("old", [True, False])
def test_every_module_is_seen(old: bool, page: int) -> None:
    for missing in range(5):
        declared = MODULES[:missing] + MODULES[missing + 1 :]
        with pytest.raises(UnmetError, match="modules of treasury"):
            judge(*declared, old=old, page=page)
    judge(*MODULES, old=old, page=page)
