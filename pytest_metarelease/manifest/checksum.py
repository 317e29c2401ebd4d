"""EIP-55: the mixed-case checksum of an account address.

Refuses to vouch for an address without one: all lower or all upper case carries no checksum.
Keccak-256 is written out because importing a library costs more than all hashes of a manifest.
"""

from __future__ import annotations

import re
from functools import lru_cache

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
ZERO = "0x" + "0" * 40

_RATE = 136
_LANE = (1 << 64) - 1


@lru_cache(maxsize=1024)
def checksummed(address: str) -> str:
    """Return a 20-byte hexadecimal address in the case that EIP-55 gives it."""
    digits = address[2:].lower()
    nibbles = keccak_256(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit
        for digit, nibble in zip(digits, nibbles, strict=False)
    )


def has_wrong_checksum(address: str) -> bool:
    """Return whether a 20-byte address is in mixed case and not in the case of its checksum."""
    digits = address[2:]
    carries_none = digits in {digits.lower(), digits.upper()}
    return not carries_none and checksummed(address) != address


def keccak_256(data: bytes) -> bytes:
    """Return the Keccak-256 digest as Ethereum uses it (padding 0x01, not SHA-3's 0x06)."""
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % _RATE)
    padded[-1] |= 0x80
    state = [0] * 25
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            at = start + 8 * lane
            state[lane] ^= int.from_bytes(padded[at : at + 8], "little")
        state = _permuted(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def _permuted(state: list[int]) -> list[int]:
    """Keccak-f[1600], FIPS 202 section 3.2: theta, rho and pi, chi, iota."""
    for constant in _ROUNDS:
        columns = [
            state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20]
            for x in range(5)
        ]
        mixed = [columns[x - 1] ^ _rotated(columns[(x + 1) % 5], 1) for x in range(5)]
        moved = [0] * 25
        for source, (target, turns) in enumerate(_MOVES):
            moved[target] = _rotated(state[source] ^ mixed[source % 5], turns)
        state = [
            moved[at] ^ (~moved[at - at % 5 + (at + 1) % 5] & moved[at - at % 5 + (at + 2) % 5])
            for at in range(25)
        ]
        state[0] ^= constant
    return state


def _rotated(lane: int, turns: int) -> int:
    return ((lane << turns) | (lane >> (64 - turns))) & _LANE


def _moves() -> list[tuple[int, int]]:
    """For each lane where rho and pi bring it, and by how many bits it turns."""
    turns = [0] * 25
    x, y = 1, 0
    for step in range(24):
        turns[x + 5 * y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return [(at // 5 + 5 * ((2 * (at % 5) + 3 * (at // 5)) % 5), turns[at]) for at in range(25)]


def _round_constants() -> list[int]:
    """The constants of iota, from the linear feedback register x^8 + x^6 + x^5 + x^4 + 1."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for bit in range(7):
            if register & 1:
                constant |= 1 << ((1 << bit) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


_MOVES = _moves()
_ROUNDS = _round_constants()
