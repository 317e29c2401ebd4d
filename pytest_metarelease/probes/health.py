"""What a service says of its own health, against what the manifest calls healthy.

It refuses to call an answer healthy that has no parts where parts are declared, or whose parts
contradict it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import MalformedError
from pytest_metarelease.probes.document import differences, look_up, read_json
from pytest_metarelease.probes.reading import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_metarelease.manifest.model import Health
    from pytest_metarelease.probes.exchange import Response


def parts(health: Health, document: Any) -> Mapping[str, bool]:
    """Return the declared parts by name, and whether each says that it is healthy.

    A part is named by what stands for the ``*`` of ``health.parts``. It is healthy if it says one
    of ``health.part_healthy``, whatever the case, or ``true``; anything else is not.
    """
    return {
        name: value is True
        or (isinstance(value, str) and value.casefold() in map(str.casefold, health.part_healthy))
        for name, value in _said(health, document).items()
    }


def _said(health: Health, document: Any) -> dict[str, Any]:
    if health.parts is None:
        return {}
    steps = health.parts.split(".")
    star = steps.index("*") if "*" in steps else len(steps) - 1
    return {
        # The name may itself hold dots; what comes before and after it does not vary.
        ".".join(place.split(".")[star : len(place.split(".")) - (len(steps) - star - 1)]): value
        for place, value in look_up(document, health.parts)
    }


def health_problems(health: Health, response: Response) -> tuple[str, ...]:
    """Return why ``response`` is not the answer of a healthy service; empty where it is."""
    found = []
    if response.status != health.status:
        found.append(f"status {response.status}, not {health.status}")
    try:
        document = read_json(response.body, response.content_type)
    except MalformedError as error:
        needs_json = bool(health.healthy) or health.parts is not None
        return tuple([*found, str(error)] if needs_json else found)
    found += map(str, differences(health.healthy, document))
    if health.parts is not None:
        said = _said(health, document)
        if not said:
            found.append(f"no parts at {health.parts}")
        healthy = parts(health, document)
        found += [f"{name} says {show(said[name], 80)}" for name in said if not healthy[name]]
    return tuple(found)
