"""Signatures of the sandbox: transactions (EIP-155), orders and releases (EIP-712).

Refuses malleable signatures: of the two that fit one message only the one with the low s is valid
(EIP-2), here as in the contract.
"""

from __future__ import annotations

from dataclasses import dataclass

import rlp  # type: ignore[import-untyped]
from eth_keys.datatypes import PrivateKey, Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from pytest_metarelease.sandbox.abi import checksum_address, encode, keccak, word

_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_RELEASE_TYPE = b"Release(address escrowAddress,address to,address token,uint256 amount)"
_ORDER_TYPE = (
    b"Order(address maker,address sellToken,address buyToken,uint256 sellAmount,"
    b"uint256 buyAmount,uint256 nonce,uint256 expiry)"
)


@dataclass(frozen=True, slots=True)
class Domain:
    """An EIP-712 domain: what a signature is for, so that it is good for nothing else."""

    name: str
    version: str
    chain_id: int
    contract: str

    def digest(self, struct_hash: bytes) -> bytes:
        """The 32 bytes that are signed for one message of this domain."""
        separator = keccak(
            keccak(_DOMAIN_TYPE)
            + keccak(self.name.encode())
            + keccak(self.version.encode())
            + word(self.chain_id)
            + word(self.contract)
        )
        return keccak(b"\x19\x01" + separator + struct_hash)


@dataclass(frozen=True, slots=True)
class Order:
    """An offer of ``maker``; amounts in the tokens' smallest units, expiry in Unix seconds."""

    maker: str
    sell_token: str
    buy_token: str
    sell_amount: int
    buy_amount: int
    nonce: int
    expiry: int

    def digest(self, domain: Domain) -> bytes:
        """What the maker signs."""
        types = ("address",) * 3 + ("uint256",) * 4
        values = (self.maker, self.sell_token, self.buy_token)
        numbers = (self.sell_amount, self.buy_amount, self.nonce, self.expiry)
        return domain.digest(keccak(keccak(_ORDER_TYPE) + encode(types, (*values, *numbers))))


def order_domain(chain_id: int, escrow: str) -> Domain:
    """The domain of orders: version 2 of the product, bound to one escrow on one chain."""
    return Domain("MetaAggregator", "2", chain_id, escrow)


def release_digest(
    chain_id: int, escrow: str, to: str, token: str, amount: int, version: str = "1"
) -> bytes:
    """What the arbiter signs so that ``amount`` may leave the escrow."""
    message = word(escrow) + word(to) + word(token) + word(amount)
    return Domain("Escrow", version, chain_id, escrow).digest(
        keccak(keccak(_RELEASE_TYPE) + message)
    )


def sign(key: str, digest: bytes) -> str:
    """``r || s || v`` as 0x hex, v 27 or 28, s low; deterministic (RFC 6979)."""
    signature = _private(key).sign_msg_hash(digest)
    return "0x" + signature.to_bytes()[:64].hex() + bytes([27 + signature.v]).hex()


def signer(digest: bytes, signature: str) -> str | None:
    """The address whose key signed, or None when these 65 bytes are no valid signature."""
    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
    except ValueError:
        return None
    if len(raw) != 65 or raw[64] not in (27, 28):
        return None
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big")
    if s > _HALF_ORDER:
        return None
    try:
        public = Signature(vrs=(raw[64] - 27, r, s)).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError, ValueError):
        return None
    return checksum_address(public.to_canonical_address())


@dataclass(frozen=True, slots=True)
class Transaction:
    """A legacy transaction; wei for ``value`` and ``gas_price``, ``to`` None creates a contract."""

    nonce: int
    gas_price: int
    gas: int
    to: str | None
    value: int
    data: bytes

    def signed(self, key: str, chain_id: int) -> bytes:
        """The raw transaction, bound to its chain by EIP-155."""
        target = bytes.fromhex(self.to.removeprefix("0x")) if self.to else b""
        fields = [self.nonce, self.gas_price, self.gas, target, self.value, self.data]
        signature = _private(key).sign_msg_hash(keccak(rlp.encode([*fields, chain_id, b"", b""])))
        v = signature.v + 35 + 2 * chain_id
        return bytes(rlp.encode([*fields, v, signature.r, signature.s]))


def contract_address(creator: str, nonce: int) -> str:
    """Where the ``nonce``-th transaction of ``creator`` puts a contract (Yellow Paper, 7)."""
    packed = rlp.encode([bytes.fromhex(creator.removeprefix("0x")), nonce])
    return checksum_address(keccak(packed)[12:])


def _private(key: str) -> PrivateKey:
    return PrivateKey(bytes.fromhex(key.removeprefix("0x")))
