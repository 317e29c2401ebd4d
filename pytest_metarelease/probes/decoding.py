"""Bodies in a content encoding, decoded chunk by chunk and never beyond a bound.

It refuses encodings that nobody asked for, save gzip and deflate, which some servers always send.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from pytest_metarelease.errors import MalformedError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable


def decoder(encoding: str, limit: int) -> Callable[[bytes], bytes]:
    """Return what turns each chunk into decoded bytes; an empty chunk says that all has come.

    Raises:
        MalformedError: Another encoding; later also a body that is broken or ends early.
        TooLargeError: Later, more than ``limit`` decoded bytes.
    """
    if encoding in ("", "identity"):
        return bytes
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise MalformedError(f"the answer is encoded as {encoding[:40]}, which was not asked for")
    inflate = zlib.decompressobj(wbits=47)  # 32 + 15: a gzip or a zlib header (RFC 1952, 1950)
    total = 0

    def decode(chunk: bytes) -> bytes:
        nonlocal total
        if not chunk and not inflate.eof:
            raise MalformedError(f"the {encoding} body ends in the middle")
        try:
            out = inflate.decompress(chunk, limit - total + 1)
        except zlib.error as error:
            raise MalformedError(f"the {encoding} body is broken: {error}") from None
        total += len(out)
        if total > limit:
            raise TooLargeError(f"the answer inflates to more than {limit} bytes")
        return out

    return decode
