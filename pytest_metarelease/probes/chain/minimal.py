"""Minimal proxies: a few bytes of code that delegate everything to one fixed address.

Knows EIP-1167, its shorter form for addresses with leading zeros, 0age's and Solady's, Solady's
with PUSH0, and EIP-7511. Refuses bytes behind them: appended arguments are other code.
"""

from __future__ import annotations

from dataclasses import dataclass

_ADDRESS = 20
_FORMS = (
    ("EIP-1167", "363d3d373d3d3d363d73", "5af43d82803e903d91602b57fd5bf3"),
    ("0age", "3d3d3d3d363d3d37363d73", "5af43d3d93803e602a57fd5bf3"),
    ("Solady with PUSH0", "5f5f365f5f37365f73", "5af43d5f5f3e6029573d5ffd5b3d5ff3"),
    ("EIP-7511", "365f5f375f5f365f73", "5af43d5f5f3e5f3d91602a57fd5bf3"),
)
_MOST_ZEROS = 16


@dataclass(frozen=True, slots=True)
class Minimal:
    """The form of a minimal proxy and what it delegates to, 0x hex in lower case."""

    form: str
    implementation: str


def read_minimal(code: bytes) -> Minimal | None:
    """Return what a minimal proxy delegates to, or None where the code is something else."""
    for form, before, after in _FORMS:
        head, tail = bytes.fromhex(before), bytes.fromhex(after)
        fits = len(code) == len(head) + _ADDRESS + len(tail)
        if fits and code.startswith(head) and code.endswith(tail):
            return Minimal(form, "0x" + code[len(head) : len(head) + _ADDRESS].hex())
    return _vanity(code)


def minimal_code(implementation: str, form: str = "EIP-1167") -> bytes:
    """Return the code of a minimal proxy to ``implementation``."""
    before, after = next((head, tail) for name, head, tail in _FORMS if name == form)
    return bytes.fromhex(before + implementation[2:] + after)


def _vanity(code: bytes) -> Minimal | None:
    """EIP-1167 with a shorter PUSH, whose jump goes to where the code then is."""
    zeros = len(bytes.fromhex(_FORMS[0][1] + _FORMS[0][2])) + _ADDRESS - len(code)
    if not 0 < zeros <= _MOST_ZEROS:
        return None
    head = bytes.fromhex(_FORMS[0][1])[:-1] + bytes([0x73 - zeros])
    tail = bytearray(bytes.fromhex(_FORMS[0][2]))
    tail[10] -= zeros
    if not code.startswith(head) or not code.endswith(bytes(tail)):
        return None
    return Minimal("EIP-1167", "0x" + "00" * zeros + code[len(head) : len(code) - len(tail)].hex())
