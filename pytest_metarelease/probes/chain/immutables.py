"""Immutables by their values: what the constructor gives, and what its arguments say.

Refuses to take one method's word where both can be asked: where they contradict each other, the
artifact is not of one build.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_metarelease.errors import ProbeError, UndeclaredError, UnsupportedError
from pytest_metarelease.probes.chain.bytecode import difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.probes.chain.allowances import Allowed
    from pytest_metarelease.probes.chain.construction import Construction
    from pytest_metarelease.probes.chain.measuring import Tally
    from pytest_metarelease.probes.chain.spans import Span


_NAMELESS = (
    "; the number is the compiler's, and another after the next change: build the artifact with "
    "its syntax tree (Foundry: `ast = true`) to call the immutable by its name"
)


@dataclass(frozen=True, slots=True)
class _Runs:
    """The constructor's code: by anybody; at the address itself; by somebody else; or why not."""

    code: bytes | None
    there: bytes | None = None
    other: bytes | None = None
    problem: ProbeError | None = None


def judge_immutables(
    construction: Construction,
    deployed: bytes,
    masked: Sequence[Span],
    allowed: Allowed,
    tally: Tally,
) -> tuple[str, ...]:
    """Judge each immutable, and that the simulated code is the artifact's outside ``masked``.

    Returns those that depend on the deployment itself, which the manifest allows by name.
    """
    places = construction.artifact.immutables or {}
    runs = _run(construction, deployed, needed=bool(places))
    _judge_build(construction, runs, masked, tally)
    if runs.code is not None and len(runs.code) != len(construction.artifact.runtime):
        # Its places are not those of the artifact; that it differs is on record.
        return ()
    unchecked = []
    for name, spans in places.items():
        if _judge(construction, name, deployed, spans, runs, allowed, tally):
            unchecked.append(name)
    return tuple(unchecked)


def _run(construction: Construction, deployed: bytes, *, needed: bool) -> _Runs:
    if not needed:
        return _Runs(construction.attempt())
    covered = all(
        construction.argument(name) is not None or construction.stated(name) is not None
        for name in construction.artifact.immutables or {}
    )
    if covered:
        code = construction.attempt()
        problem: ProbeError | None = None
    else:
        try:
            code, problem = construction.run(), None
        except ProbeError as error:
            seen = construction.asking.known("constructor", f"not simulated: {error}")
            construction.asking.unknown(seen, error)
            return _Runs(None, problem=error)
    if code is None or code == deployed:
        return _Runs(code, problem=problem)
    simulation = construction.simulation
    return _Runs(
        code,
        _fitting(simulation.at(construction.address), deployed),
        _fitting(simulation.elsewhere(), deployed),
    )


def _judge_build(
    construction: Construction, runs: _Runs, masked: Sequence[Span], tally: Tally
) -> None:
    """The creation code must store the runtime code: both are of one build, or one was changed."""
    artifact = construction.artifact
    if runs.code is None:
        return
    found = difference(artifact.runtime, runs.code, masked)
    expected = f"the constructor of {artifact.name} stores the artifact's runtime code"
    seen = construction.asking.known(
        f"simulated deployment of {artifact.name}",
        f"{len(runs.code)} bytes",
        block=construction.snapshot.number,
    )
    if found is None:
        construction.asking.met(seen, expected, f"{len(runs.code)} bytes, equal")
    else:
        hint = "creation and runtime code are not of one build; build the contracts again"
        tally.failed(construction.asking.unmet(seen, expected, f"other code: {found}", hint))


def _judge(
    construction: Construction,
    name: str,
    deployed: bytes,
    spans: tuple[Span, ...],
    runs: _Runs,
    allowed: Allowed,
    tally: Tally,
) -> bool:
    """Judge one immutable; return whether it is allowed to depend on the deployment."""
    asking = construction.asking
    actual = _values(deployed, spans)
    asked = f"immutable {name} of {construction.address}"
    seen = asking.known(asked, _words(actual), block=construction.snapshot.number)
    simulated = None if runs.code is None else _values(runs.code, spans)
    argument = construction.argument(name, simulated or actual)
    moved = _moves(runs, spans)
    if argument is not None and simulated is not None and set(simulated) != {argument}:
        expected = f"immutable {name} = {_words([argument])}, its constructor argument"
        actually = f"{_words(simulated)} by simulation"
        hint = "the artifact's syntax tree is not of its bytecode; build the contracts again"
        tally.failed(asking.unmet(seen, expected, actually, hint))
        return False
    # Where both say it, it must be both: what is declared twice must not be two values.
    said = [one for one in (construction.stated(name), argument) if one is not None]
    wanted = said or simulated
    if wanted is None:
        problem = runs.problem or UnsupportedError(f"{asked}: nothing says what it must be")
        asking.unknown(seen, problem)
        tally.unclear(problem)
        return False
    # What a deployment at the address gives may agree, and never replaces a declared argument.
    if not said and runs.there is not None and actual == _values(runs.there, spans):
        wanted = actual
    expected = f"immutable {name} = {_words(wanted)}"
    if set(actual) == set(wanted):
        asking.met(seen, expected, _words(actual))
        return False
    if not said and moved and name in allowed.immutables:
        return True
    if not said and moved is not False:
        problem = _unclear(asked, name, moved)
        asking.unknown(seen, problem)
        tally.unclear(problem)
        return False
    hint = "the contract was deployed with other constructor arguments"
    if not said:
        hint += f"; or, if this is not made of them, declare `immutables: {{{name}: ...}}`"
    tally.failed(asking.unmet(seen, expected, _words(actual), hint))
    return False


def _unclear(asked: str, name: str, moved: bool | None) -> ProbeError:  # noqa: FBT001 - see _moves
    if moved is None:
        return UnsupportedError(f"{asked}: the node simulates one deployment and no second")
    return UndeclaredError(
        f"{asked}: its value depends on the deployment itself and was not compared; say what it "
        f"must be under `immutables: {{{name}: ...}}`, or that it cannot be said under "
        f"`differences`: {{facet: immutable, name: {name}, reason: ..., expires: ...}}"
        + (_NAMELESS if name.isdecimal() else "")
    )


def _moves(runs: _Runs, spans: tuple[Span, ...]) -> bool | None:
    """Whether the value depends on who deploys, where and when; None where that is unknown."""
    if runs.code is None or runs.other is None:
        return None
    return _values(runs.other, spans) != _values(runs.code, spans)


def _values(code: bytes, spans: Sequence[Span]) -> list[bytes]:
    return [code[one.start : one.end] for one in spans]


def _words(values: Sequence[bytes]) -> str:
    """Show the value of an immutable; more than one only where its places disagree."""
    return " / ".join(dict.fromkeys("0x" + one.hex() for one in values))


def _fitting(code: bytes | None, deployed: bytes) -> bytes | None:
    return code if code is not None and len(code) == len(deployed) else None
