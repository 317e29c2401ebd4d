"""Which sign-offs count for an item, and why the others do not.

Signatures come here already judged; a statement about anything but this very item of this very
release, made here and now, counts for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from pytest_metarelease.approvals.model import GivenSignOff
from pytest_metarelease.approvals.statement import digest
from pytest_metarelease.checklist import item_digest
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.gate.values import Finding, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_metarelease.gate.occasion import Occasion
    from pytest_metarelease.manifest.model import Item

_ASK = "ask the signers; until they have signed the item stays open"
_AGAIN = "ask for it again: `metarelease sign-off`"


@dataclass(frozen=True, slots=True)
class Vouched:
    """The sign-offs of one item: those that count, one per signer, and the refused, with why."""

    counted: tuple[GivenSignOff, ...] = ()
    refused: tuple[tuple[GivenSignOff, str], ...] = ()

    def suffices(self, item: Item) -> bool:
        """Return whether as many have signed as the item demands."""
        return len(self.counted) >= max(item.threshold, 1)

    def reasons(self, item: Item) -> Iterator[Reason]:
        """Yield what it says about the item: who vouches for it, or who is missing and why."""
        if self.suffices(item):
            for one in self.counted:
                yield _signed(one)
            return
        names = ", ".join(item.signers) or "anybody"
        have = ", ".join(one.sign_off.signer for one in self.counted)
        missing = f"only {have} did" if have else "no sign-off was given"
        if self.refused and not have:
            missing = "none that was given counts"
        yield Reason(
            "sign-off-missing", f"{item.threshold} of these must sign: {names}; {missing}", _ASK
        )
        for given, why in self.refused:
            yield Reason("sign-off-refused", f"{given.file}: {why}", _AGAIN)


def _signed(given: GivenSignOff) -> Reason:
    one = given.sign_off
    why = f": {one.reason}" if one.reason else ""
    return Reason("signed", f"by {one.signer} until {one.expires}{why} ({given.file})")


def vouched_for(sign_offs: Sequence[GivenSignOff], occasion: Occasion) -> dict[str, Vouched]:
    """Return what the sign-offs say, by item; items that nobody signed for are not in it."""
    counted: dict[str, dict[str, GivenSignOff]] = {}
    refused: dict[str, list[tuple[GivenSignOff, str]]] = {}
    # Of two good ones by one signer the first file counts, whatever order they came in.
    for given in sorted(sign_offs, key=lambda one: one.file):
        item = occasion.checklist.by_id.get(given.sign_off.item)
        if item is None:
            continue
        why = refusal(given, item, occasion)
        if why is not None:
            refused.setdefault(item.id, []).append((given, why))
            continue
        mine = counted.setdefault(item.id, {})
        if given.account in mine:
            why = f"{given.sign_off.signer} signed already ({mine[given.account].file})"
            refused.setdefault(item.id, []).append((given, why))
        elif given.account is not None:
            mine[given.account] = given
    return {
        name: Vouched(tuple(counted.get(name, {}).values()), tuple(refused.get(name, ())))
        for name in sorted({*counted, *refused})
    }


def refusal(given: GivenSignOff, item: Item, occasion: Occasion) -> str | None:
    """Return why a sign-off does not count for ``item``, or None where it does."""
    return next(_refusals(given, item, occasion), None)


def _refusals(given: GivenSignOff, item: Item, occasion: Occasion) -> Iterator[str]:
    if item.verified_by != "sign_off":
        yield f"{item.id} is not verified by sign-offs"
    yield from _of_statement(given, item, occasion)
    yield from _of_time(given, item, occasion)
    yield from _of_signer(given, item, occasion)


def _of_statement(given: GivenSignOff, item: Item, occasion: Occasion) -> Iterator[str]:
    one = given.sign_off
    compared = (
        ("item", one.item, item.id),
        ("release", one.release, occasion.release),
        ("version", one.version, occasion.version),
        ("environment", one.environment, occasion.checklist.environment),
    )
    for name, signed, judged in compared:
        if signed != judged:
            yield f"signed for {name} {signed}, this is {judged}"
    if one.item_digest != item_digest(item):
        yield "signed for another checklist: what it declares of the item has changed since"
    if one.commit is None and item.binds == "commit":
        yield "names no commit, and the item binds to it"
    # Where the item binds to the version, a statement about one commit is still about that one.
    if one.commit is not None and one.commit != occasion.commit:
        yield f"signed for commit {one.commit}, this is {occasion.commit}"


def _of_time(given: GivenSignOff, item: Item, occasion: Occasion) -> Iterator[str]:
    one = given.sign_off
    if occasion.is_over(one.expires):
        yield f"expired at {one.expires}"
    age = occasion.age(one.signed_at)
    if age is None:
        yield f"signed at {one.signed_at}, which is still to come"
    elif item.max_age is not None and age > timedelta(seconds=item.max_age):
        days = item.max_age / 86400
        yield f"signed at {one.signed_at}, and the item takes none older than {days:g} days"


def _of_signer(given: GivenSignOff, item: Item, occasion: Occasion) -> Iterator[str]:
    one, manifest = given.sign_off, occasion.checklist.manifest
    if one.signer not in manifest.signers:
        yield f"{one.signer} is no signer of the manifest (any more)"
    elif one.signer in manifest.revoked_signers:
        yield f"{one.signer} is revoked as a signer"
    elif one.signer not in item.signers:
        yield f"{one.signer} is none of its signers: {', '.join(item.signers)}"
    elif given.account != manifest.signers[one.signer]:
        yield f"its signature was held against {given.account}, which is not {one.signer}'s account"
    elif given.signed is not Judgement.MET:
        yield f"not shown to be signed by {one.signer}: {given.said}"
    elif given.digest != digest(one).hex():
        yield "its signature was looked at for another statement"


def sign_off_findings(
    sign_offs: Sequence[GivenSignOff],
    vouched: Mapping[str, Vouched],
    occasion: Occasion,
    scope: frozenset[str],
) -> Iterator[Finding]:
    """Yield sign-offs for items that nobody knows, and as notes those that an item did not need."""
    by_id = occasion.checklist.by_id
    for given in sign_offs:
        if given.sign_off.item not in by_id:
            text = (
                f"{given.file}: signs for {given.sign_off.item}, which the checklist does not have"
            )
            step = "remove the file, or restore the item"
            yield Finding(Verdict.HOLD, Reason("sign-off-unknown-item", text, step))
    for name, one in vouched.items():
        # Where it does not suffice, the item itself says what was refused.
        if (
            name in scope
            and not one.suffices(by_id[name])
            and by_id[name].verified_by == "sign_off"
        ):
            continue
        for given, why in one.refused:
            yield Finding(Verdict.GO, Reason("sign-off-not-counted", f"{given.file}: {why}"))
