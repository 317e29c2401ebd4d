"""The w3 of QA goes through the same door."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import ForbiddenError, MalformedError, UnreachableError
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.web3_door import make_w3
from pytest_metarelease.sandbox.accounts import ARBITER, DEPOSITOR
from tests.probes.chain.deployed import deploy
from tests.probes.chain.nodes import ARTIFACTS, CHAIN_ID, FakeNode, chain_at, door
from tests.probes.hostile import closed_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from web3 import Web3


@pytest.fixture(scope="module")
def address(either: str) -> str:
    with door(chain_at(either), Access.TRANSACT) as rpc:
        return deploy(rpc)


@pytest.fixture
def w3(either: str) -> Iterator[Web3]:
    opened = make_w3(chain_at(either), Access.READ_ONLY)
    yield opened
    opened.provider.close()  # type: ignore[attr-defined]


def _escrow(w3: Web3, address: str) -> Any:
    abi = json.loads((ARTIFACTS / "Escrow.json").read_text())["abi"]
    return w3.eth.contract(address=w3.to_checksum_address(address), abi=abi)


def test_contracts_are_read_as_ever(w3: Web3, address: str) -> None:
    escrow = _escrow(w3, address)
    assert w3.is_connected()
    assert w3.eth.chain_id == CHAIN_ID
    assert escrow.functions.arbiter().call() == ARBITER.address
    assert len(w3.eth.get_code(escrow.address)) > 1000
    assert w3.eth.get_block("latest")["number"] >= 1


def test_a_revert_is_web3s_own(w3: Web3, address: str) -> None:
    from web3.exceptions import ContractLogicError

    escrow = _escrow(w3, address)
    with pytest.raises(ContractLogicError, match="Only the arbiter"):
        escrow.functions.refund().call({"from": DEPOSITOR.address})


def test_batches_go_in_one_request(w3: Web3, address: str) -> None:
    with w3.batch_requests() as batch:
        batch.add(w3.eth.get_block("latest"))
        batch.add(_escrow(w3, address).functions.amount())
        found: list[Any] = batch.execute()
    block, amount = found
    assert block["number"] >= 1
    assert amount == 10**17


def test_nothing_is_sent_where_access_is_read_only(w3: Web3, address: str) -> None:
    before = w3.eth.block_number
    with pytest.raises(ForbiddenError):
        w3.eth.send_raw_transaction(b"\x00")
    with pytest.raises(ForbiddenError):
        w3.eth.send_transaction({"from": DEPOSITOR.address, "to": ARBITER.address})
    assert w3.eth.block_number == before


def test_an_answer_to_another_question_is_malformed(fake: FakeNode) -> None:
    fake.methods["eth_blockNumber"] = lambda: "0x1"
    fake.twist = lambda _, honest: {**honest, "id": 10**6}
    w3 = make_w3(chain_at(fake.url), Access.READ_ONLY)
    with pytest.raises(MalformedError):
        _ = w3.eth.block_number
    w3.provider.close()  # type: ignore[attr-defined]


def test_nobody_there_is_said(fake: FakeNode) -> None:
    with pytest.raises(UnreachableError):
        make_w3(chain_at(closed_port()), Access.READ_ONLY).is_connected()


def test_the_provider_shows_no_key(fake: FakeNode) -> None:
    w3 = make_w3(chain_at(f"{fake.url}/v3/secretsecretsecret"), Access.READ_ONLY)
    assert "secretsecret" not in repr(w3.provider)
