"""Transactions that an API reports, on a real node: true the first time, and the second."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import UnmetError
from pytest_metarelease.evidence import Notebook
from pytest_metarelease.manifest.interface import Sent
from pytest_metarelease.manifest.model import Contract, Endpoint, Environment, Service
from pytest_metarelease.manifest.scalars import Access, Address, RelativePath, Url, ValuePath
from pytest_metarelease.probes.api import records
from pytest_metarelease.probes.api.examined import Examined
from pytest_metarelease.probes.chain.codec import call_data
from pytest_metarelease.probes.chain.rpc import Rpc
from pytest_metarelease.probes.chain.sending import Wallet, fees
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.probes.http import HttpProbe
from pytest_metarelease.sandbox.accounts import DEPOSITOR
from tests.probes.chain.deployed import artifact, deploy
from tests.probes.chain.nodes import CHAIN_ID, chain_at, door
from tests.probes.hostile import Asked, Talk, answer, hostile_server

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKS = call_data(artifact().interface.function("submitEvidence"), ("ipfs://x",))
FAILS = artifact().interface.function("refund").selector


@pytest.fixture
def rpc(anvil: str) -> Iterator[Rpc]:
    with door(chain_at(anvil), Access.TRANSACT) as opened:
        yield opened


@dataclass
class Api:
    """Sends what is due to the escrow, one after the other, and reports each as done."""

    rpc: Rpc
    due: list[Any]
    escrow: str = ""
    elsewhere: bool = False
    paid: list[str] = field(default_factory=list)

    def pay(self, _: Asked, talk: Talk) -> None:
        data = self.due[len(self.paid)] if len(self.paid) < len(self.due) else None
        if data is None:
            return talk.send(answer('{"error": "paid already"}', 409))
        wallet = Wallet(self.rpc, CHAIN_ID, DEPOSITOR.key)
        to = DEPOSITOR.address if self.elsewhere else self.escrow
        sent = wallet.send(to=to, fee=fees(self.rpc), gas=100_000, data=data)
        self.paid.append(sent.transaction)
        return talk.send(answer(json.dumps({"status": "released", "txHash": sent.transaction})))

    def judge(self) -> None:
        self.escrow = deploy(self.rpc)
        endpoint = Endpoint(
            path="/pay", method="POST", body={"amount": "1"}, writes=True, moves_funds=True,
            transaction=Sent(hash=ValuePath("txHash"), contract="escrow"),
        )  # fmt: skip
        contract = Contract(artifact=RelativePath("Escrow.json"), address=Address(self.escrow))
        with hostile_server({"/pay": self.pay}) as server:
            environment = Environment(
                name="here",
                access=Access.TRANSACT,
                services={"api": Service(url=Url(server.url), endpoints={"pay": endpoint})},
                contracts={"escrow": contract},
            )
            recorder = Notebook()
            recorder.check = "check"
            probe = HttpProbe(
                "service:api", server.url, recorder=recorder, hosts=Hosts.of(environment),
                access=Access.TRANSACT,
            )  # fmt: skip
            with closing(probe):
                one = Examined.of("api.pay", environment, lambda _: probe)
                records.transaction_is_real(one, self.rpc)


@pytest.mark.parametrize("due", [[WORKS], [WORKS, WORKS]], ids=["pays once", "pays each time"])
def test_what_was_done_is_true(rpc: Rpc, due: list[Any]) -> None:
    Api(rpc, due).judge()


@pytest.mark.parametrize("due", [[FAILS], [WORKS, FAILS]], ids=["at once", "the second time"])
def test_a_transaction_that_failed_is_not_done(rpc: Rpc, due: list[Any]) -> None:
    with pytest.raises(UnmetError, match="receipt status: 0x1\nactual    0x0"):
        Api(rpc, due).judge()


def test_a_transaction_to_somebody_else_is_another(rpc: Rpc) -> None:
    with pytest.raises(UnmetError, match="receipt to"):
        Api(rpc, [b""], elsewhere=True).judge()


def test_a_hash_of_nothing_is_waited_for_and_no_transaction(
    rpc: Rpc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "_MINED_WITHIN", 0.0)
    assert records._receipt(rpc, "0x" + "00" * 32) == {}
