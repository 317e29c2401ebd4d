"""What an act of a flow did, and whether that is what its step declares.

Values in, values out: how it was performed, by transactions or by simulation, does not matter here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import ProbeError
from pytest_metarelease.probes.chain.codec import decode
from pytest_metarelease.probes.chain.revert import Revert
from pytest_metarelease.probes.reading import describe, mismatch, show

if TYPE_CHECKING:
    from pytest_metarelease.probes.chain.casting import Act, View


@dataclass(frozen=True, slots=True)
class Performed:
    """One act. ``logs`` are those of the transaction, ``views`` what each view returned then.

    ``transaction`` is its hash, None where it was only simulated; ``reverted`` is a revert of the
    call, ``failed`` says that a transaction which had been simulated well failed all the same.
    ``unknown`` is why nothing can be told. ``paid`` is how many wei accounts got, by address.
    """

    reverted: Revert | None
    logs: tuple[Mapping[str, Any], ...] = ()
    views: Mapping[str, Any] | None = None
    block: int | None = None
    transaction: str | None = None
    failed: bool = False
    unknown: ProbeError | None = None
    paid: Mapping[str, int] | None = None

    def __str__(self) -> str:
        if self.unknown is not None:
            return f"no answer: {self.unknown}"
        if self.reverted is not None:
            return f"reverts: {self.reverted.reason or self.reverted.data}"
        how = f"transaction {self.transaction}" if self.transaction else "simulated"
        return f"{how}, {'failed' if self.failed else 'succeeded'}"


def promise(act: Act) -> str:
    """Return in words what the step declares."""
    if act.refusals:
        return f"{act.title} reverts: {' or '.join(act.refusals)}"
    if not act.sent:
        return f"{act.title} succeeds"
    emits = f", emits {', '.join(act.step.emits)}" if act.step.emits else ""
    then = "".join(f", then {one.key} is {describe(one.wanted)}" for one in act.views)
    pays = "".join(f", pays {one.value} wei to {one.name}" for one in act.pays)
    return f"{act.title} succeeds{emits}{then}{pays}"


def broken_promise(act: Act, done: Performed) -> str | None:
    """Return how what was done differs from the step, or None where it does not."""
    if done.unknown is not None:
        return str(done)
    if act.refusals:
        if done.reverted is None:
            return "it does not revert"
        return None if any(map(done.reverted.is_declared_as, act.refusals)) else str(done)
    if done.reverted is not None or done.failed:
        return str(done)
    if not act.sent:
        # What is only tried is followed by a view in a simulation alone.
        return "; ".join(_other_views(act, done)) or None if done.views else None
    problems = [
        *_missing_events(act, done.logs),
        *_other_views(act, done),
        *_other_payments(act, done),
    ]
    return "; ".join(problems) or None


def _missing_events(act: Act, logs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the declared events that the contract which was called did not emit (often enough)."""
    seen = Counter(
        str(log["topics"][0]).lower()
        for log in logs
        if str(log["address"]).lower() == act.to.lower() and log["topics"]
    )
    wanted = Counter(act.step.emits)
    return [
        f"event {name} was not emitted"
        for name, times in wanted.items()
        if seen[act.target.interface.event(name).topic] < times
    ]


def _other_views(act: Act, done: Performed) -> list[str]:
    found = []
    for view in act.views:
        value = (done.views or {}).get(view.key)
        problem = mismatch(view.wanted, value)
        if problem is not None:
            found.append(f"then {view.key} is {show(value)}, not {describe(view.wanted)}")
    return found


def _other_payments(act: Act, done: Performed) -> list[str]:
    paid = done.paid or {}
    return [
        f"{one.name} gets {paid.get(one.address)} wei, not {one.value}"
        for one in act.pays
        if paid.get(one.address) != one.value
    ]


def payments(
    act: Act, before: Sequence[int], after: Sequence[int], *, spent: int, by: str
) -> Mapping[str, int]:
    """Return what each account of ``act.pays`` got; ``spent`` is what the account ``by`` gave."""
    return {
        one.address: then - was + (spent if one.address.lower() == by.lower() else 0)
        for one, was, then in zip(act.pays, before, after, strict=True)
    }


def decoded_view(view: View, output: bytes | Revert) -> Any:
    """Return the value of a view after an act; a revert is shown as what it is, and equals nothing.

    Raises:
        MalformedError: The bytes are no encoding of the view's types.
    """
    if isinstance(output, Revert):
        return output
    if not output:
        return None
    values = decode(view.entry.output_types, output, view.key)
    return values[0] if len(values) == 1 else values
