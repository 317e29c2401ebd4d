"""What a product keeps of a request: every digit of an amount, and nothing that others decide.

Only makes bodies that a careful product keeps whole or refuses; sending them is ``records``'.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_metarelease.probes.api import bodies
from pytest_metarelease.probes.reading import same

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.manifest.interface import Created
    from pytest_metarelease.probes.api.examined import Examined

#: The least whole number that a double cannot hold (IEEE 754: 53 bits); JavaScript's only kind.
_NO_DOUBLE = 2**53 + 1
_WHOLE = re.compile(r"[1-9][0-9]*")
_AMOUNT = re.compile(r"[0-9]+(?P<fraction>\.[0-9]+)?")
#: What the product decides, by the last name of its place. Not its id: some let callers choose it.
_DECIDED = re.compile(
    r"(?i)(?:order_?)?(?:status|state)|(?:created|updated|filled|executed|settled|approved)_?at"
    r"|(?:filled|executed|settled)(?:_?amount)?|is_?(?:admin|approved|verified|settled)|approved"
    r"|verified|role|(?:user|owner|account|customer)_?id|owner|created_?by|(?:tx|transaction)_?hash"
)
_STATES = ("filled", "completed", "approved")
_LONG_AGO = "2001-01-01T00:00:00.000Z"
_LONG_AGO_SECONDS = 978_307_200
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ].*)?")
_MOST = 4


def exact(one: Examined, created: Created, body: Any) -> Any:
    """Return a right body whose amounts no double can hold, None where it has none to be kept.

    Only texts of digits that ``created.same`` compares: a number of JSON may lose them on its way.
    As many digits follow the point as in the example.
    """
    signer = one.signer
    head = f"{signer.declared.message_at}." if signer and signer.declared.message_at else ""
    found: dict[str, str] = {}
    for number, place in enumerate(created.same):
        value = bodies.at(body, place)
        written = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
        if written is None or not bodies.is_amount(place.rpartition(".")[2], value):
            continue
        if value.strip("0."):  # none at all stays so
            found[place] = str(_NO_DOUBLE + 2 * number) + (written["fraction"] or "")
    if signer is None or not found:
        return bodies.changed(body, found) if found else None
    message = signer.message()
    inside = {
        place.removeprefix(head): value
        for place, value in found.items()
        if place.startswith(head) and place.removeprefix(head) in message
    }
    return signer.body(message={**message, **inside}) if inside else None


def decided(body: Any, read: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield what a product decided of a thing: its name, its place in ``read``, another value.

    Names that callers may give are no part of it: those of the body.
    """
    given = {str(path[-1]) for path, _ in bodies.places(body)}
    found = 0
    for path, value in bodies.places(read):
        name = str(path[-1])
        if name in given or _DECIDED.fullmatch(name) is None or found >= _MOST:
            continue
        other = _another(name, value)
        if other is not None:
            found += 1
            yield name, bodies.dotted(path), other


def is_kept(sent: Any, value: Any) -> bool:
    """Return whether what was sent is what is there now; times may be written otherwise."""
    if sent == _LONG_AGO:
        return str(value).startswith("2001-01-01")
    return same(sent, value) or (isinstance(sent, str) and sent.lower() == str(value).lower())


def _another(name: str, value: Any) -> Any:
    """Return another value of the same form, None where none is known."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        is_time = re.search(r"(?i)_?at$", name) is not None
        if is_time:
            return _LONG_AGO_SECONDS * (1000 if value > 10**11 else 1)
        return int(value) + 1
    if not isinstance(value, str) or not value:
        return None
    if _DAY.fullmatch(value):
        return _LONG_AGO
    if _WHOLE.fullmatch(value) or value == "0":
        return str(int(value) + 1)
    if re.search(r"(?i)stat(?:us|e)$", name):
        word = next(one for one in _STATES if one != value.lower())
        return word.upper() if value.isupper() else word.title() if value.istitle() else word
    if re.fullmatch(r"(?i)role", name):
        return "ADMIN" if value.isupper() else "admin"
    return bodies.unlike(value)
