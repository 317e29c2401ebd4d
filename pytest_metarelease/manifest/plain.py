"""What an unquoted YAML scalar means, the same in YAML 1.1 and 1.2 or nothing at all.

Refuses to guess: what the two versions read differently (``no``, ``010``, ``12:30``, ``0x1f``,
``1_000``) is neither a text nor a number here, and the message says to quote it.
"""

from __future__ import annotations

import math
import re

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,99})")
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,99})(?:\.[0-9]{1,99})?(?:[eE][-+]?[0-9]{1,3})?")
# Whatever either version of YAML may take for a number, in any base or notation.
_NUMBER_LIKE = re.compile(
    r"""[-+]?(?:
        0[xX][0-9a-fA-F_]+ | 0[bB][01_]+ | 0[oO]?[0-7_]+
        | [0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?
        | [0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?
        | \.[0-9_]+(?:[eE][-+]?[0-9]+)?
        | \.(?:inf|Inf|INF)
    ) | \.(?:nan|NaN|NAN)""",
    re.VERBOSE,
)
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_YES_NO = re.compile(r"y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF")
_YES = "yYoO"


def is_null(text: str) -> bool:
    """Return whether a plain scalar is no value at all."""
    return text in _NULL


def truth_of(text: str) -> bool | None:
    """Return the boolean of ``true`` or ``false``, None for anything else."""
    return _TRUTH.get(text)


def number_of(text: str) -> int | float | None:
    """Return a finite decimal number, None for any other notation and for more than 100 digits."""
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return None


def not_text(text: str) -> str | None:
    """Return why a plain scalar is not a text, or None where it is one."""
    if text in _NULL:
        return "it is empty" if text == "" else f"YAML reads {text} as no value; quote it"
    if text in _TRUTH or _YES_NO.fullmatch(text):
        return f"YAML reads {text} as {_boolean(text)}; quote it"
    if _NUMBER_LIKE.fullmatch(text):
        return f"YAML reads {_shown(text)} as a number; quote it"
    return None


def ambiguous(text: str) -> str | None:
    """Return why a plain scalar is not clear as a value of any kind, or None where it is."""
    if _YES_NO.fullmatch(text):
        return f"YAML reads {text} as {_boolean(text)}; write {_boolean(text)}, or quote it"
    if _NUMBER_LIKE.fullmatch(text) and number_of(text) is None:
        return f"YAML reads {_shown(text)} as a number; quote it, or write a plain decimal"
    return None


def _boolean(text: str) -> str:
    meaning = _TRUTH.get(text, text[0] in _YES and text.lower() not in ("off",))
    return "true" if meaning else "false"


def _shown(text: str) -> str:
    return text if len(text) <= 50 else f"{text[:50]}..."
