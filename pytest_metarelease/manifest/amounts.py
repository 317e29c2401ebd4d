"""Numbers with units as people write them: ``15m``, ``5%``, ``200/s``, ``0.1 ether``.

Each reader returns a number or raises ``ValueError`` with what would have been right.
"""

from __future__ import annotations

import re
from decimal import Decimal

_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(_NUMBER + r"\s*(ms|s|m|h|d)")
_RATE = re.compile(_NUMBER + r"\s*/\s*(s|min|h)")
_WEI = re.compile(_NUMBER + r"\s*(wei|gwei|ether)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PER = {"s": 1, "min": 60, "h": 3600}
_WEI_IN = {"wei": 1, "gwei": 10**9, "ether": 10**18}


def read_seconds(text: str) -> float:
    """Return the seconds of a duration such as ``250ms``, ``15m`` or ``90d``."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"not a duration: {text!r}; write for example 250ms, 10s, 15m, 1h or 90d")
    return float(found[1]) * _SECONDS[found[2]]


def read_share(text: str) -> float:
    """Return the share of a percentage such as ``5%``, between 0 and 1."""
    found = re.fullmatch(_NUMBER + r"\s*%", text.strip())
    share = float(Decimal(found[1]) / 100) if found else -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"not a share: {text!r}; write for example 5% or 0.05")
    return share


def read_rate(text: str) -> float:
    """Return events a second of a rate such as ``200/s`` or ``600/min``."""
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"not a rate: {text!r}; write for example 200/s or 600/min")
    return float(found[1]) / _PER[found[2]]


def read_wei(text: str) -> int:
    """Return the wei of an amount such as ``0.1 ether``; it must be a whole number of wei."""
    found = _WEI.fullmatch(text.strip())
    wei = Decimal(found[1]) * _WEI_IN[found[2]] if found else Decimal("0.5")
    if wei != wei.to_integral_value():
        raise ValueError(
            f"not an amount: {text!r}; write for example 0.1 ether or a number of wei"
        )
    return int(wei)


def is_wei(text: str) -> bool:
    """Return whether ``text`` is written as an amount of ether."""
    return _WEI.fullmatch(text.strip()) is not None
