"""The scalar types of the manifest: durations, rates, shares, amounts, addresses.

They are plain ``str``, ``int`` and ``float`` at run time (``NewType``), so that values stay easy to
compare and to print; reading them from text is the decoder's work, never a caller's.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NewType, TypeAlias

Seconds = NewType("Seconds", float)
"""A duration, written ``250ms``, ``15m``, ``1h``, ``90d``."""

Share = NewType("Share", float)
"""A part of a whole between 0 and 1, written ``5%`` or ``0.05``."""

PerSecond = NewType("PerSecond", float)
"""A rate, written ``200/s`` or ``600/min``."""

Wei = NewType("Wei", int)
"""An amount of ether in wei, written ``0.1 ether``, ``20 gwei`` or as an integer of wei."""

Address = NewType("Address", str)
"""A 20-byte account address with its EIP-55 checksum, never the zero address."""

Url = NewType("Url", str)
"""An absolute ``http`` or ``https`` URL."""

RelativePath = NewType("RelativePath", str)
"""A path relative to the manifest's folder."""

ValuePath = NewType("ValuePath", str)
"""Where a value stands in a JSON document: keys and indices joined by dots, ``*`` for each."""

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class Stage(StrEnum):
    """When a checklist item is due."""

    PRE_DEPLOY = "pre_deploy"
    DEPLOY = "deploy"
    POST_DEPLOY = "post_deploy"
    ROLLBACK = "rollback"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class Severity(StrEnum):
    """How bad a failure is: P0 critical, P1 high, P2 medium, P3 low."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


class Access(StrEnum):
    """What probes may do to an environment."""

    READ_ONLY = "read-only"
    TRANSACT = "transact"
