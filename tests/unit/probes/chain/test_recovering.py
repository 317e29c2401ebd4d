"""Who signed a sign-off: recovered, or said by the account's contract, or nobody knows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from pytest_metarelease.approvals.model import Approvals, Attestation, GivenSignOff
from pytest_metarelease.approvals.statement import digest
from pytest_metarelease.errors import UsageError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.probes.chain.attesting import attestation
from pytest_metarelease.probes.chain.signing import (
    key_of_keystore,
    recover_digest,
    sign_digest,
)
from pytest_metarelease.probes.chain.verifying import from_record, verified
from pytest_metarelease.sandbox.accounts import SIGNERS
from tests.unit.approvals.test_folder import SIGN_OFF

ANN, BOB, _EVE = SIGNERS
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
HASH = digest(SIGN_OFF)
# What sign_digest(HASH, ANN.key) is, always: written down, because to sign is to import for a
# second, in every process that collects this file.
GOOD = bytes.fromhex(
    "51835145976f6d2184035b97690b90c0ecdedc5c007adf0f73074e36aab8ba445c"
    "d8600f4f3a1c44ba1081019db475f4a750314e1962e03a42ba88c6706690df1c"
)


def test_the_signature_is_what_signing_gives() -> None:
    assert bytes.fromhex(sign_digest(HASH, ANN.key)[2:]) == GOOD


def twin(signature: bytes) -> bytes:
    """The other signature that fits the same message: the high s."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


def test_the_signer_is_recovered() -> None:
    assert recover_digest(HASH, GOOD) == ANN.address
    assert recover_digest(b"\x01" * 32, GOOD) != ANN.address


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        GOOD[:64],
        GOOD + b"\x00",
        twin(GOOD),
        GOOD[:64] + bytes([GOOD[64] - 27]),
        GOOD[:64] + b"\x23",
        bytes(64) + b"\x1b",
        b"\xff" * 32 + GOOD[32:],
    ],
    ids=["empty", "64 bytes", "66 bytes", "high s", "v 0", "v 35", "zeros", "r too large"],
)
def test_what_is_no_signature_is_nobodys(signature: bytes) -> None:
    assert recover_digest(HASH, signature) is None


def given(signature: bytes = GOOD, **changes: str) -> Approvals:
    made = replace(SIGN_OFF, signature="0x" + signature.hex(), **changes)
    return Approvals(sign_offs=(GivenSignOff(file="a.yaml", sign_off=made),))


def nobody(account: str, hashed: bytes, signature: bytes) -> Attestation:
    return attestation(account, hashed, signature, Judgement.UNKNOWN, "nobody to ask")


def test_an_account_of_its_own_needs_no_chain() -> None:
    def never(account: str, hashed: bytes, signature: bytes) -> Attestation:
        raise AssertionError

    (one,) = verified(given(), {"security": ANN.address}, never).sign_offs
    assert (one.signed, one.account, one.digest) == (Judgement.MET, ANN.address, HASH.hex())


@pytest.mark.parametrize(
    ("approvals", "signers"),
    [
        (given(), {"security": BOB.address}),
        (given(twin(GOOD)), {"security": ANN.address}),
        (given(environment="staging"), {"security": ANN.address}),
        (given(), {}),
    ],
    ids=["another signer", "malleated", "another statement", "no signer"],
)
def test_everything_else_is_not_shown(approvals: Approvals, signers: dict[str, str]) -> None:
    (one,) = verified(approvals, signers, nobody).sign_offs
    assert one.signed is Judgement.UNKNOWN


def test_a_record_answers_only_what_was_asked() -> None:
    said = Attestation(
        account=ANN.address,
        digest=HASH.hex(),
        signature=hashlib.sha256(b"safe").hexdigest(),
        judgement=Judgement.MET,
        text="it says so",
    )
    ask = from_record([said])
    assert ask(ANN.address, HASH, b"safe").judgement is Judgement.MET
    for question in ((BOB.address, HASH, b"safe"), (ANN.address, bytes(32), b"safe")):
        assert ask(*question).judgement is Judgement.UNKNOWN
    assert ask(ANN.address, HASH, b"other").judgement is Judgement.UNKNOWN


def test_a_keystore_opens_with_its_password_only() -> None:
    from eth_account import Account

    store = json.dumps(
        Account.encrypt(bytes.fromhex(ANN.key[2:]), "right", kdf="pbkdf2", iterations=2)
    )
    assert key_of_keystore(store, "right") == ANN.key
    with pytest.raises(UsageError, match="the password does not open it"):
        key_of_keystore(store, "wrong")
    for text in ("", "[]", "{}", '{"version": 1}', "null", '{"version": 3, "crypto": {}}'):
        with pytest.raises(UsageError, match="no keystore"):
            key_of_keystore(text, "right")
