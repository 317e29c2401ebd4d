"""Numbers with units as people write them: ``15m``, ``5%``, ``200/s``, ``0.1 ether``.

Each reader returns a number or raises ``ValueError`` with what would have been right.
"""

from __future__ import annotations

import re

# Bounded, so that every duration and rate is a finite number.
_NUMBER = r"([0-9]{1,30})(?:\.([0-9]{1,30}))?"
_DURATION = re.compile(_NUMBER + r"\s*(ms|s|m|h|d)")
_RATE = re.compile(_NUMBER + r"\s*/\s*(s|min|h)")
_SHARE = re.compile(_NUMBER + r"\s*%")
_WEI = re.compile(_NUMBER + r"\s*(wei|gwei|ether)")
_PER_SECOND = {"s": 1, "min": 60, "h": 3600}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DIGITS = {"wei": 0, "gwei": 9, "ether": 18}


def read_seconds(text: str) -> float:
    """Return the seconds of a duration such as ``250ms``, ``15m`` or ``90d``."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"not a duration: {text!r}; write for example 250ms, 10s, 15m, 1h or 90d")
    if found[3] == "ms":
        return _float(found) / 1000
    return _float(found) * _SECONDS[found[3]]


def read_share(text: str) -> float:
    """Return the share of a percentage such as ``5%``, between 0 and 1."""
    found = _SHARE.fullmatch(text.strip())
    share = _float(found) / 100 if found else -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"not a share: {text!r}; write for example 5% or 0.05")
    return share


def read_rate(text: str) -> float:
    """Return events a second of a rate such as ``200/s`` or ``600/min``."""
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"not a rate: {text!r}; write for example 200/s or 600/min")
    return _float(found) / _PER_SECOND[found[3]]


def read_wei(text: str) -> int:
    """Return the wei of an amount such as ``0.1 ether``; it must be a whole number of wei.

    Exact for any number of digits: no binary or decimal rounding takes part.
    """
    found = _WEI.fullmatch(text.strip())
    if found is not None:
        places = _DIGITS[found[3]]
        fraction = (found[2] or "").rstrip("0")
        if len(fraction) <= places:
            return int(found[1] + fraction.ljust(places, "0"))
    raise ValueError(f"not an amount: {text!r}; write for example 0.1 ether or a number of wei")


def is_wei(text: str) -> bool:
    """Return whether ``text`` is written as an amount of ether."""
    return _WEI.fullmatch(text.strip()) is not None


def _float(found: re.Match[str]) -> float:
    return float(f"{found[1]}.{found[2] or 0}")
