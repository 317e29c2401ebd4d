"""What must hold across the fields of a journey: one act or expectation a step, and an end.

Yields the path below the value and what to write instead; looks at nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_metarelease.manifest.journeys import Journey, JourneyStep

if TYPE_CHECKING:
    from pytest_metarelease.manifest.rule_parts import Broken

ACTS = ("open", "click", "fill")
EXPECTATIONS = ("visible", "request", "signed")
_REQUEST = re.compile(r"(?:GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE) /\S*")
_USUAL = JourneyStep.__dataclass_fields__["status"].default
# What stands beside which.
_BESIDE = {"typed": "fill", "text": "visible", "submits": "click", "status": "request"}
_KEYS = {"typed": "with"}


def journey_step(declared: JourneyStep) -> Broken:
    """What one step breaks."""
    stated = [one for one in (*ACTS, *EXPECTATIONS) if getattr(declared, one) is not None]
    if len(stated) != 1:
        also = f", not {' and '.join(stated)}" if stated else ""
        yield (), f"is one of {', '.join((*ACTS, *EXPECTATIONS))}{also}"
        return
    for name, owner in _BESIDE.items():
        given = getattr(declared, name)
        if owner not in stated and given not in (None, False, _USUAL):
            yield (_KEYS.get(name, name),), f"means nothing beside {stated[0]}, only {owner}"
    if declared.fill is not None and declared.typed is None:
        yield (), "needs `with`: what is typed"
    if declared.request is not None and not _REQUEST.fullmatch(declared.request):
        yield ("request",), "is a method and a path, such as `POST /api/orders`"


def journey(declared: Journey) -> Broken:
    """What a journey breaks."""
    last = declared.steps[-1]
    if not any(getattr(last, one) is not None for one in EXPECTATIONS):
        yield ("steps", len(declared.steps) - 1), "is an act; say what must be seen after it"
    for index, one in enumerate(declared.steps):
        if one.signed is not None and declared.wallet is None:
            yield ("steps", index), "nothing is signed without a wallet"
