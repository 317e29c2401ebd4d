"""Text that came from elsewhere, made fit to be read: visible, bounded, wrapped by columns.

Secrets were masked before anything was recorded; here only what could make a reader see
something else than what is there is made visible.
"""

from __future__ import annotations

import re
import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_LONG_HEX = re.compile(r"0x[0-9a-fA-F]{20,}|\b[0-9a-f]{40,}\b")
_WORD = re.compile(r" *[^ ]+")
ELLIPSIS = "..."


def visible(text: str) -> str:
    r"""Return ``text`` with every character that acts instead of showing written as an escape.

    Controls, bidirectional and zero-width characters (Unicode categories Cc, Cf, Cs, Co, Zl, Zp)
    become ``\u202e``; tab and newline stay.
    """
    if text.isprintable():
        return text
    return "".join(map(_escaped, text))


def _escaped(one: str) -> str:
    if one in "\n\t" or unicodedata.category(one) not in _HIDDEN:
        return one
    code = ord(one)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def one_line(text: str, limit: int = 2_000) -> str:
    """Return ``text`` visible, on one line, with at most ``limit`` characters."""
    # Cut first: ten megabytes need not be looked at for one line of them.
    joined = " ".join(visible(text[: 4 * limit]).split())
    if len(joined) > limit or len(text) > 4 * limit:
        return f"{joined[:limit].rstrip()}{ELLIPSIS} ({len(text):,} characters)"
    return joined


def short_hex(text: str) -> str:
    """Return ``text`` with long hexadecimal numbers as ``0x5aFE...eEEe``.

    Only for places beside which the full value is on record, in ``decision.json``.
    """
    return _LONG_HEX.sub(_shortened_hex, text)


def brief(text: str, limit: int = 600) -> str:
    """Return ``text`` on one line, bounded, with long hexadecimal numbers shortened."""
    # Bounded first: the pattern need not search ten megabytes.
    return short_hex(one_line(text, limit))


def _shortened_hex(found: re.Match[str]) -> str:
    digits = found[0]
    head = 6 if digits.startswith("0x") else 7
    return f"{digits[:head]}{ELLIPSIS}{digits[-4:]}"


def columns(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes (UAX 11: wide characters take two)."""
    if text.isascii():
        return len(text)
    return sum(map(_columns_of, text))


def _columns_of(one: str) -> int:
    if unicodedata.combining(one):
        return 0
    return 2 if unicodedata.east_asian_width(one) in "WF" else 1


def shorten(text: str, width: int) -> str:
    """Return ``text`` cut to ``width`` columns, with three dots where something is missing."""
    if columns(text) <= width:
        return text
    return _head(text, max(width - len(ELLIPSIS), 0)).rstrip() + ELLIPSIS[: max(width, 0)]


def _head(text: str, width: int) -> str:
    used = 0
    for position, one in enumerate(text):
        used += _columns_of(one)
        if used > width:
            return text[:position]
    return text


def wrap(text: str, width: int, most: int = 0) -> list[str]:
    """Return ``text`` in lines of at most ``width`` columns, at most ``most`` of them if given.

    Spaces inside a line stay as they are: two of them between the columns of a row are meant.
    """
    lines: list[str] = []
    line = ""
    for word in _WORD.findall(text):
        if line and columns(line) + columns(word) <= width:
            line += word
            continue
        if line:
            lines.append(line)
        line = word.lstrip()
        while columns(line) > width:
            head = _head(line, width) or line[0]
            lines.append(head)
            line = line[len(head) :]
    if line:
        lines.append(line)
    if most and len(lines) > most:
        rest = " ".join(lines[most - 1 :])
        return [*lines[: most - 1], shorten(rest, width)]
    return lines


def counted(number: int, noun: str) -> str:
    """Return ``1 item`` or ``1,200 items``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
