"""Which release a service says it is, asked over several fresh connections.

It refuses to be content with one answer: behind one address may stand an old replica.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_metarelease.errors import ForbiddenError, MalformedError, ProbeError
from pytest_metarelease.evidence import Judgement, Measurement
from pytest_metarelease.probes.document import Missing, look_up, read_json
from pytest_metarelease.probes.reading import show

if TYPE_CHECKING:
    from typing import Any

    from pytest_metarelease.manifest.model import Identity
    from pytest_metarelease.probes.http import HttpProbe

_SHOWN_COMMIT = 7
_NONE = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySeen:
    """What a service said of itself. ``actual`` counts the answers, most frequent first.

    ``judgement`` is met only if every connection answered with the release; unmet if one of them
    named another; unknown if there were too few answers to say.
    """

    judgement: Judgement
    expected: str
    actual: str
    measurement: Measurement | None
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True, slots=True)
class _Said:
    right: bool
    text: str


def identify(probe: HttpProbe, identity: Identity, version: str, commit: str) -> IdentitySeen:
    """Ask over ``identity.connections`` fresh connections and compare with the release.

    An answer of 429 or 5xx, or none at all, names no release; such connections are asked anew, at
    most as many times more as there are connections. A commit may be abbreviated to seven digits.

    Raises:
        ForbiddenError: The question may not be asked at all.
    """
    mark = probe.recorder.mark()
    said: list[_Said] = []
    problems: list[str] = []
    measurements: list[Measurement] = []
    while len(said) < identity.connections and len(problems) <= identity.connections:
        try:
            said.append(_ask(probe, identity, version, commit))
        except ForbiddenError:
            raise
        except ProbeError as error:
            problems.append(str(error).splitlines()[0])
        if probe.last is not None:
            measurements.append(probe.last)
    probe.recorder.supersede(mark)
    seen = IdentitySeen(
        judgement=_judgement(said, identity),
        expected=_release(_wanted(identity.version, version), _wanted(identity.commit, commit)),
        actual=_counted(said, problems),
        measurement=measurements[-1] if measurements else None,
        measurements=tuple(measurements),
    )
    if seen.measurement is not None:
        probe.recorder.judge(
            seen.measurement,
            seen.judgement,
            expected=f"{identity.connections} x {seen.expected}",
            actual=seen.actual,
            where=seen.measurement.asked,
            next_step="" if seen.judgement is Judgement.MET else "see which instances still answer",
        )
    return seen


def _ask(probe: HttpProbe, identity: Identity, version: str, commit: str) -> _Said:
    response = probe.get(identity.path, fresh=True)
    if response.status == 429 or response.status >= 500:
        raise ProbeError(f"status {response.status}")
    document: Any = None
    try:
        document = read_json(response.body, response.content_type)
    except MalformedError:
        # A page where the release should be named is an answer: one that names none.
        return _Said(right=False, text=f"{_NONE} (status {response.status}, no JSON)")
    found_version = _found(document, identity.version)
    found_commit = _found(document, identity.commit)
    right = (identity.version is None or found_version == version) and (
        identity.commit is None or same_commit(found_commit, commit)
    )
    return _Said(right and response.status == 200, _release(found_version, found_commit))


def same_commit(one: str | None, other: str) -> bool:
    """Return whether two commits are the same; either may be cut to seven digits or more."""
    if one is None:
        return False
    short, long = sorted((one.lower(), other.lower()), key=len)
    return len(short) >= _SHOWN_COMMIT and long.startswith(short)


def _judgement(said: list[_Said], identity: Identity) -> Judgement:
    if identity.version is None and identity.commit is None:
        return Judgement.UNKNOWN
    if not all(one.right for one in said):
        return Judgement.UNMET
    return Judgement.MET if len(said) >= max(1, identity.connections) else Judgement.UNKNOWN


def _counted(said: list[_Said], problems: list[str]) -> str:
    counts = Counter(one.text for one in said).most_common()
    parts = [f"{count} x {text}" for text, count in counts]
    if problems:
        parts.append(f"{len(problems)} without an answer ({problems[-1]})")
    return ", ".join(parts) or "no answer"


def _found(document: Any, path: str | None) -> str | None:
    if path is None:
        return None
    value = look_up(document, path)
    first = value[0][1] if value else Missing("nothing")
    return None if isinstance(first, Missing) or first is None else show(first, 80)


def _wanted(path: str | None, value: str) -> str | None:
    return None if path is None else value


def _release(version: str | None, commit: str | None) -> str:
    if version is None and commit is None:
        return _NONE
    short = None if commit is None else commit[:_SHOWN_COMMIT]
    if version is None:
        return f"commit {short}"
    return version if short is None else f"{version} ({short})"
