"""Secrets are masked before anything is written down, not afterwards.

A value is a secret because somebody registered it or because of the place it stands in; a bare
32-byte hexadecimal number is none, since transaction and block hashes are evidence.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from pytest_metarelease.secret_forms import SHORTEST, forms_of, is_ordinary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MASK = "***"
_LONGEST = 20_000
_LEAST_OF_CUT = 6
# Three dots, or bytes and texts that are wrapped over several lines of an assertion.
_CUT = re.compile(r"(\.\.\.|['\"]\n[E+ -]{0,60}\(?b?['\"])")

_KEY_NAMES = (
    r"private[_-]?key|secret[_-]?key|secret|password|passwd|api[_-]?key|access[_-]?token"
    r"|auth[_-]?token|refresh[_-]?token"
)
# How a value follows its key in JSON, YAML, Python's repr and pytest's list of locals; inside
# another text the quotes are escaped.
_AFTER_KEY = r"\\{0,3}[\"']?\s{0,40}(?::|={1,2})\s{0,5}"

Place = tuple[re.Pattern[str], str, tuple[str, ...]]


@cache
def _places() -> tuple[Place, ...]:
    """Return the secret places, what to put there, and the signs without which there is none.

    Every repetition is bounded, so that no text takes more than linear time. Made when the first
    text comes: a run in which nothing fails does not pay for them.
    """
    return (
        # user:password@ of any URL
        (
            re.compile(r"(?P<keep>\b[a-zA-Z][a-zA-Z0-9+.-]{0,30}://)[^/\s@'\"<>]{1,500}@"),
            r"\g<keep>***@",
            ("://",),
        ),
        # bearer and basic credentials
        (
            re.compile(r"(?P<keep>\b(?:bearer|basic)\s{1,5})[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE),
            r"\g<keep>***",
            ("bearer", "basic"),
        ),
        # JSON Web Tokens
        (
            re.compile(r"\beyJ[A-Za-z0-9_-]{6,2000}\.[A-Za-z0-9_-]{1,4000}\.[A-Za-z0-9_-]*"),
            MASK,
            ("eyj",),
        ),
        # private keys in PEM (RFC 7468)
        (
            re.compile(
                r"(?P<keep>-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----)[\sA-Za-z0-9+/=\\]{1,20000}"
            ),
            r"\g<keep>***",
            ("-----begin",),
        ),
        # values under a key that means a secret
        (
            re.compile(
                rf"(?P<keep>(?:{_KEY_NAMES}|mnemonic|seed[_-]?phrase){_AFTER_KEY})"
                r"(?:[A-Za-z_][\w.]{0,40}\(|[bru]{1,2}(?=[\"']))?"
                r"(?P<quote>\\{0,3}[\"'])(?:(?!(?P=quote)).){1,4000}(?P=quote)",
                re.IGNORECASE | re.DOTALL,
            ),
            r"\g<keep>***",
            ("key", "secret", "passw", "token", "mnemonic", "seed"),
        ),
        # the same without quotes, or with a quote that was cut off
        (
            re.compile(
                rf"(?P<keep>(?:{_KEY_NAMES}){_AFTER_KEY})(?!\*\*\*)"
                r"\\{0,3}[\"']?[^\s,;}\])\"'\\]+",
                re.IGNORECASE,
            ),
            r"\g<keep>***",
            ("key", "secret", "passw", "token"),
        ),
        (
            re.compile(
                rf"(?P<keep>(?:mnemonic|seed[_-]?phrase){_AFTER_KEY})(?!\*\*\*)"
                r"[\"']?[^\n,;\"'}\]\\]{1,1000}",
                re.IGNORECASE,
            ),
            r"\g<keep>***",
            ("mnemonic", "seed"),
        ),
    )


# C0 and C1 controls except tab and newline, and the bidirectional controls: a report must show
# what came, not obey it. And halves of surrogate pairs, which no file in UTF-8 can hold: Allure
# would end the run with an internal error.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class Redactor:
    """Masks registered values, in the forms in which they travel, and secret places.

    Registered values are masked without regard to upper and lower case.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: dict[str, str] = {}
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._bytes: re.Pattern[bytes] | None = None
        self.short: set[str] = set()
        self.register(*secrets)

    def register(self, *secrets: str, name: str = "a value of the environment") -> None:
        """Mask these values from now on, in all forms of ``secret_forms``.

        Values shorter than 8 characters, and what ``is_ordinary``, are not masked everywhere,
        since they would mask what is no secret; their ``name`` goes to ``short``. The first name
        of a value stays.
        """
        for secret in secrets:
            if len(secret) < SHORTEST or is_ordinary(secret):
                self.short.add(name)
            elif secret not in self._values:
                self._values.add(secret)
                for form in forms_of(secret):
                    self._forms.setdefault(form, name)
                self._pattern = self._bytes = None

    @property
    def forms(self) -> Mapping[str, str]:
        """Every form that is looked for, in lower case, and the name of its secret."""
        return self._forms

    def holds_registered(self, text: str) -> bool:
        """Return whether a text holds a registered value, in any form."""
        if not self._forms:
            return False
        lowered = text.lower()
        return any(form in lowered for form in self._forms)

    def mask(self, text: str) -> str:
        """Return ``text`` with secrets masked and nothing else changed, in linear time."""
        if len(text) < _LEAST_OF_CUT:
            return text
        lowered = text.lower()
        if self._forms:
            text = self._mask_registered(text, lowered)
        for pattern, replacement, signs in _places():
            if any(sign in lowered for sign in signs):
                text = pattern.sub(replacement, text)
        return text

    def mask_bytes(self, content: bytes) -> bytes:
        """Return ``content`` with secrets masked; where it is no text, registered ones only."""
        try:
            return self.mask(content.decode()).encode()
        except UnicodeError:
            if not self._forms:
                return content
        if self._bytes is None:
            self._bytes = re.compile(
                b"|".join(re.escape(one.encode("utf-8", "replace")) for one in self._ordered()),
                re.IGNORECASE,
            )
        return self._bytes.sub(MASK.encode(), content)

    def __call__(self, text: str) -> str:
        """Return ``text`` with secrets masked, controls escaped and its length bounded."""
        length = len(text)
        # Cut in two steps: what a mask is cut through by the first is cut away by the second.
        text = self.mask(text[: 10 * _LONGEST])[:_LONGEST]
        text = _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
        return f"{text}... ({length} characters)" if length > _LONGEST else text

    def _mask_registered(self, text: str, lowered: str) -> str:
        if any(form in lowered for form in self._forms):
            if self._pattern is None:
                self._pattern = re.compile("|".join(map(re.escape, self._ordered())), re.IGNORECASE)
            text = self._pattern.sub(MASK, text)
        return self._mask_cut(text)

    def _ordered(self) -> list[str]:
        return sorted(self._forms, key=lambda form: (-len(form), form))

    def _mask_cut(self, text: str) -> str:
        """Mask what is left of a secret where pytest put three dots into a long text."""
        parts = _CUT.split(text)
        if len(parts) == 1:
            return text
        for index, part in enumerate(parts):
            if index % 2:
                continue  # what cuts
            left, right = 0, 0
            if index > 0:
                left = self._cut_length(part, at_start=True)
            if index < len(parts) - 1:
                right = self._cut_length(part, at_start=False)
            if left or right:
                kept = part[left : max(left, len(part) - right)]
                parts[index] = f"{MASK if left else ''}{kept}{MASK if right else ''}"
        return "".join(parts)

    def _cut_length(self, part: str, *, at_start: bool) -> int:
        """Return how many characters at one end of ``part`` are the rest of a secret."""
        window = (part[:_LEAST_OF_CUT] if at_start else part[-_LEAST_OF_CUT:]).lower()
        if len(window) < _LEAST_OF_CUT:
            return 0
        longest = 0
        for form in self._forms:
            where = form.find(window) if at_start else form.rfind(window)
            if where < 0:
                continue
            rest = form[where:] if at_start else form[: where + _LEAST_OF_CUT]
            seen = part[: len(rest)] if at_start else part[-len(rest) :]
            seen = seen.lower()
            if rest.startswith(seen) if at_start else rest.endswith(seen):
                longest = max(longest, len(seen))
        return longest


def mask_url(url: str) -> str:
    """Return ``url`` without user, password, path and query: what a report may show of an RPC.

    A path of ``/`` or none stays; everything longer may be a key and becomes ``***``.
    """
    parts = urlsplit(url)
    host = parts.netloc.rsplit("@", 1)[-1]
    path = f"/{MASK}" if len(parts.path) > 1 or parts.query else parts.path
    return urlunsplit((parts.scheme, host, path, "", ""))
