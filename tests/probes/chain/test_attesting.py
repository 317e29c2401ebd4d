"""ERC-1271 against a real Safe: it says yes to what two of its three owners signed, and no else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.attesting import MAGIC, attest
from pytest_metarelease.probes.chain.rpc import Rpc
from pytest_metarelease.probes.chain.signing import sign_digest
from pytest_metarelease.probes.chain.snapshot import Snapshot, pin
from pytest_metarelease.sandbox.accounts import SIGNERS, SPENDER
from tests.probes.chain.nodes import Blocks, FakeNode, chain_at, door
from tests.probes.chain.safe import deploy_safe, safe_signature

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.approvals.model import Attestation

DIGEST = b"\x5a" * 32
ANN, BOB, EVE = SIGNERS


@dataclass(frozen=True, slots=True)
class Safe:
    """A Safe that two of three must sign for, on a node that is asked at one block."""

    rpc: Rpc
    snapshot: Snapshot
    address: str

    def asked(self, signature: bytes, digest: bytes = DIGEST, account: str = "") -> Attestation:
        account = account or self.address
        return attest(self.rpc, self.snapshot, Notebook(), account, digest, signature)


@pytest.fixture(scope="module")
def safe(anvil: str) -> Iterator[Safe]:
    chain = chain_at(anvil)
    with door(chain, Access.TRANSACT) as rpc:
        address = deploy_safe(rpc, SIGNERS, 2)
    with door(chain) as rpc:
        yield Safe(rpc, pin(rpc, chain), address)


def test_nothing_is_signed_by_nobody(safe: Safe) -> None:
    assert safe.asked(b"").judgement is Judgement.UNMET


def test_two_of_three_sign(safe: Safe) -> None:
    for owners in ((ANN, BOB), (BOB, EVE), SIGNERS):
        said = safe.asked(safe_signature(safe.address, DIGEST, owners))
        assert said.judgement is Judgement.MET, said.text
        assert (said.block, said.chain_id) == (safe.snapshot.number, safe.snapshot.chain_id)
        assert (said.account, said.digest) == (safe.address, DIGEST.hex())


def test_everything_else_is_refused(safe: Safe) -> None:
    good = safe_signature(safe.address, DIGEST, (ANN, BOB))
    plain = b"".join(bytes.fromhex(sign_digest(DIGEST, one.key)[2:]) for one in (ANN, BOB))
    for signature in (
        safe_signature(safe.address, DIGEST, (ANN,)),
        safe_signature(safe.address, DIGEST, (ANN, ANN)),
        safe_signature(safe.address, DIGEST, (ANN, SPENDER)),
        safe_signature(SPENDER.address, DIGEST, (ANN, BOB)),
        safe_signature(safe.address, b"\x01" * 32, (ANN, BOB)),
        good[65:] + good[:65],
        good[:-1],
        plain,
    ):
        assert safe.asked(signature).judgement is Judgement.UNMET, signature.hex()
    assert safe.asked(good, b"\x01" * 32).judgement is Judgement.UNMET


def test_an_account_without_code_did_not_sign(safe: Safe) -> None:
    said = safe.asked(safe_signature(safe.address, DIGEST, (ANN, BOB)), account=EVE.address)
    assert said.judgement is Judgement.UNMET
    assert "no contract is there" in said.text


def test_before_it_was_there_it_did_not_sign(safe: Safe, anvil: str) -> None:
    with door(chain_at(anvil)) as rpc:
        header = rpc.call("eth_getBlockByNumber", "0x0", False)
    before = replace(safe.snapshot, number=0, hash=header["hash"])
    earlier = Safe(safe.rpc, before, safe.address)
    good = safe_signature(safe.address, DIGEST, (ANN, BOB))
    assert earlier.asked(good).judgement is Judgement.UNMET


ANSWERS: dict[str, tuple[Any, Judgement]] = {
    "the magic value": ("0x" + MAGIC.hex() + "00" * 28, Judgement.MET),
    "the magic value, cut": ("0x" + MAGIC.hex(), Judgement.UNMET),
    "and more": ("0x" + MAGIC.hex() + "00" * 60, Judgement.UNMET),
    "padded with something": ("0x" + MAGIC.hex() + "ff" * 28, Judgement.UNMET),
    "on the wrong side": ("0x" + "00" * 28 + MAGIC.hex(), Judgement.UNMET),
    "true": ("0x" + "00" * 31 + "01", Judgement.UNMET),
    "nothing": ("0x", Judgement.UNMET),
    "null": (None, Judgement.UNKNOWN),
    "no hexadecimal": ("yes", Judgement.UNKNOWN),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_only_the_whole_magic_value_says_yes(fake: FakeNode, name: str) -> None:
    answer, judgement = ANSWERS[name]
    fake.methods = Blocks(9).methods() | {
        "eth_getCode": lambda _account, _tag: "0x60",
        "eth_call": lambda _call, _tag: answer,
    }
    chain = chain_at(fake.url)
    with door(chain) as rpc:
        safe = Safe(rpc, pin(rpc, chain), EVE.address)
        assert safe.asked(b"x").judgement is judgement


def test_a_node_that_cannot_say_leaves_it_unknown(fake: FakeNode) -> None:
    fake.methods = Blocks(9).methods()
    chain = chain_at(fake.url)
    with door(chain) as rpc:
        notebook = Notebook()
        said = attest(rpc, pin(rpc, chain), notebook, EVE.address, DIGEST, b"x")
    assert said.judgement is Judgement.UNKNOWN
    assert said.block is None
    (measured,) = notebook.measurements.values()
    assert measured.subject == f"signer:{EVE.address}"
