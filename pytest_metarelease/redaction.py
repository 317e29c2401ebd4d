"""Secrets are masked before anything is written down, not afterwards.

A value is a secret because somebody registered it or because of the place it stands in; a bare
32-byte hexadecimal number is none, since transaction and block hashes are evidence.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "***"
_SHORTEST = 8
_LONGEST = 20_000

# Every repetition is bounded, so that no text takes more than linear time.
_PLACES = (
    # user:password@ of any URL
    (
        re.compile(r"(?P<keep>\b[a-zA-Z][a-zA-Z0-9+.-]{0,30}://)[^/\s@'\"<>]{1,500}@"),
        r"\g<keep>***@",
    ),
    # bearer and basic credentials
    (
        re.compile(r"(?P<keep>\b(?:[Bb]earer|[Bb]asic)\s{1,5})[A-Za-z0-9._~+/=-]{6,}"),
        r"\g<keep>***",
    ),
    # JSON Web Tokens
    (re.compile(r"\beyJ[A-Za-z0-9_-]{6,2000}\.[A-Za-z0-9_-]{1,4000}\.[A-Za-z0-9_-]*"), MASK),
    # values under a key that means a secret
    (
        re.compile(
            r"(?P<keep>[\"']?(?:private_?key|secret|password|passwd|mnemonic|seed_?phrase|api_?key"
            r"|access_?token|auth_?token)[\"']?\s{0,5}[:=]\s{0,5})"
            r"(?:\"[^\"]{0,2000}\"|'[^']{0,2000}'|[^\s,;}\])]+)",
            re.IGNORECASE,
        ),
        r"\g<keep>***",
    ),
)

# C0 and C1 controls except tab and newline, and the bidirectional controls: a report must show
# what came, not obey it. And halves of surrogate pairs, which no file in UTF-8 can hold: Allure
# would end the run with an internal error.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class Redactor:
    """Masks registered values, in the encodings in which they travel, and secret places."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.register(*secrets)

    def register(self, *secrets: str) -> None:
        """Mask these values from now on: raw, URL-encoded, base64 and hexadecimal.

        Values shorter than 8 characters are not masked everywhere, since they would mask words.
        """
        for secret in secrets:
            if len(secret) >= _SHORTEST:
                self._known |= set(_forms(secret))
        longest_first = sorted(self._known, key=lambda form: (-len(form), form))
        if longest_first:
            self._pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)

    def __call__(self, text: str) -> str:
        """Return ``text`` with secrets masked, controls escaped and its length bounded."""
        length = len(text)
        # Cut in two steps: what a mask is cut through by the first is cut away by the second.
        text = text[: 10 * _LONGEST]
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        text = text[:_LONGEST]
        for pattern, replacement in _PLACES:
            text = pattern.sub(replacement, text)
        text = _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
        return f"{text}... ({length} characters)" if length > _LONGEST else text


def _forms(secret: str) -> Iterable[str]:
    raw = secret.encode()
    yield secret
    yield quote(secret, safe="")
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
    yield raw.hex()
    if secret.startswith("0x"):
        # A key is printed without its prefix as often as with it.
        yield secret[2:]


def mask_url(url: str) -> str:
    """Return ``url`` without user, password, path and query: what a report may show of an RPC.

    A path of ``/`` or none stays; everything longer may be a key and becomes ``***``.
    """
    parts = urlsplit(url)
    host = parts.netloc.rsplit("@", 1)[-1]
    path = f"/{MASK}" if len(parts.path) > 1 or parts.query else parts.path
    return urlunsplit((parts.scheme, host, path, "", ""))
