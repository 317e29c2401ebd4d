"""The forms in which a secret travels: encoded, escaped, wrapped, cut. Texts in, texts out.

A form shorter than ``SHORTEST`` is never made: it would mask words.
"""

from __future__ import annotations

import base64
import json
import re
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST = 8
_LONG = 40
_PIECE = 16
_WORDS = 3
# Passwords of throw-away services and names of networks: they stand in every other line of a
# report. Any other word of eight letters or more is a secret where its variable's name says so.
_ORDINARY = frozenset(
    {
        "postgres", "postgresql", "password", "localhost", "development", "production",
        "ethereum", "arbitrum", "optimism", "avalanche",
    }
)  # fmt: skip
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HEX = re.compile(r"(?:0x)?(?:[0-9a-fA-F]{2}){8,}")


def is_ordinary(secret: str) -> bool:
    """Return whether a value is no secret whatever its name: a common default, or an address.

    `POSTGRES_PASSWORD=postgres` hides nothing, and masking it would hide half of what a report
    says; `TOKEN_ADDRESS` holds what is public on chain (EIP-55).
    """
    return secret.lower() in _ORDINARY or _ADDRESS.fullmatch(secret) is not None


def forms_of(secret: str) -> frozenset[str]:
    """Return every form of ``secret`` to look for, without regard to upper and lower case.

    Raw, URL-encoded, base64 in all three alignments, hexadecimal, as Python, JSON and HTML write
    it; of a hexadecimal key also its bytes and its number; of a long text its ends and lines.
    """
    if len(secret) < SHORTEST:
        return frozenset()
    found = set(_written(secret))
    raw = secret.encode("utf-8", "surrogatepass")
    found.add(raw.hex())
    found.update(_base64_of(raw))
    if _HEX.fullmatch(secret):
        found.update(_key(secret.removeprefix("0x")))
    found.update(_pieces(secret))
    long_enough = {one for one in found if len(one) >= SHORTEST}
    # Outside ASCII a lower case may have another length, so what was written is looked for too.
    return frozenset(
        {one.lower() for one in long_enough} | {one for one in long_enough if not one.isascii()}
    )


def _written(secret: str) -> Iterator[str]:
    yield secret
    if not secret.isascii() or not secret.isalnum():
        encodable = secret.encode("utf-8", "replace").decode()
        yield quote(encodable, safe="")
        yield quote(encodable)
        yield quote_plus(encodable)
        yield repr(secret)[1:-1]
        yield ascii(secret)[1:-1]
        yield repr(secret.encode("utf-8", "surrogatepass"))[2:-1]
        yield json.dumps(secret)[1:-1]
        yield escape(secret)
        yield escape(secret, quote=False)


def _base64_of(raw: bytes) -> Iterator[str]:
    """Yield what is certain of the base64 of any bytes that contain ``raw`` (RFC 4648)."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode()
        # A character holds 6 bits: the first ones also depend on what stands before, the last
        # one on what follows.
        certain = encoded[(8 * before + 5) // 6 : 8 * (before + len(raw)) // 6]
        yield certain
        yield certain.translate({ord("+"): "-", ord("/"): "_"})


def _key(digits: str) -> Iterator[str]:
    raw = bytes.fromhex(digits)
    yield digits
    yield repr(raw)[2:-1]
    yield str(int(digits, 16))
    yield from _base64_of(raw)


def _pieces(secret: str) -> Iterator[str]:
    """Yield what is left of a long secret where pytest leaves a part out, or wraps it."""
    if len(secret) >= _LONG:
        if "://" not in secret[:_PIECE]:
            yield secret[:_PIECE]
        yield secret[-_PIECE:]
    if "\n" in secret:
        yield from (line.strip() for line in secret.splitlines() if len(line.strip()) >= _PIECE)
    words = secret.split()
    if len(words) > 2 * _WORDS:
        for first in range(len(words) - _WORDS + 1):
            piece = " ".join(words[first : first + _WORDS])
            if len(piece) >= _PIECE:
                yield piece
