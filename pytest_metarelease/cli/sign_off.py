"""``metarelease sign-off``: write a signed statement, and refuse one that the gate would refuse.

A signature that only a contract can vouch for is asked about on the environment's chain, where its
variables are set; where they are not, the file is written and the command says so.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from pytest_metarelease.approvals.model import Approvals, GivenSignOff, SignOff
from pytest_metarelease.approvals.moments import read_moment, write_moment
from pytest_metarelease.approvals.statement import digest, from_payload, payload
from pytest_metarelease.approvals.writing import checked, write
from pytest_metarelease.checklist import item_digest
from pytest_metarelease.cli import signing
from pytest_metarelease.cli.account import asking_chain
from pytest_metarelease.cli.asking import complete
from pytest_metarelease.cli.occasion import Checkout, moment, present
from pytest_metarelease.errors import UsageError
from pytest_metarelease.evidence import Judgement
from pytest_metarelease.gate.sign_offs import refusal
from pytest_metarelease.manifest.problems import suggestion

if TYPE_CHECKING:
    import argparse
    from datetime import datetime

    from pytest_metarelease.manifest.model import Item

_QUESTIONS = {
    "item": "Item of the checklist",
    "environment": "Environment it holds for",
    "signer": "Who signs, as named under signers",
    "expires": "Until when (90d, or 2026-12-31T18:00:00Z)",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("item", nargs="?", metavar="ITEM", help="the item of the checklist")
    parser.add_argument("--environment", metavar="NAME", help="where the statement holds")
    parser.add_argument("--signer", metavar="NAME", help="who signs (with a key: found by itself)")
    parser.add_argument("--reason", help="what you looked at, in a sentence")
    parser.add_argument("--expires", help="until when: 90d, or 2026-12-31T18:00:00Z")
    parser.add_argument("--signed-at", help="when: now, if not given")
    parser.add_argument("--release-manifest", metavar="FILE", help="the manifest")
    signing.add_options(parser)


def sign_off(options: argparse.Namespace) -> int:
    """Print a payload, or write a sign-off into ``release-approvals/``; return 0."""
    checkout, now = Checkout.here(options.release_manifest), present()
    key = signing.key_at_hand(options)
    if key is None and options.signature is None and not options.print_payload:
        raise UsageError(
            "say how it is signed: --keystore FILE, --key-env NAME, or --print-payload for a "
            "wallet and then --signature 0x... --payload FILE"
        )
    unsigned = _statement(options, checkout, key, now)
    checked(unsigned)
    _refuse(_as_if_signed(unsigned, checkout), checkout, now)
    if options.print_payload:
        print(json.dumps(payload(unsigned), indent=2, ensure_ascii=False))  # noqa: T201
        return 0
    signature = options.signature
    if key is not None:
        from pytest_metarelease.probes.chain.signing import sign_digest

        signature = sign_digest(digest(unsigned), key)
    made = replace(unsigned, signature=signature)
    return _finish(made, checkout, now)


def _finish(made: SignOff, checkout: Checkout, now: datetime) -> int:
    from pytest_metarelease.probes.chain.verifying import verified

    checked(made)
    given = GivenSignOff(file="this sign-off", sign_off=made)
    with asking_chain(checkout, made.environment) as ask:
        approvals = Approvals(sign_offs=(given,))
        (known,) = verified(approvals, checkout.loaded.manifest.signers, ask).sign_offs
    if known.signed is not Judgement.UNKNOWN:
        _refuse(known, checkout, now)
    path = write(made, checkout.root)
    print(f"{path}: {made.item} by {made.signer} until {made.expires}")  # noqa: T201
    if known.signed is Judgement.UNKNOWN:
        said = f"not verified yet: {known.said}; it counts only where the run can ask"
        print(said, file=sys.stderr)  # noqa: T201
    return 0


def _refuse(given: GivenSignOff, checkout: Checkout, now: datetime) -> None:
    one = given.sign_off
    why = refusal(
        given,
        checkout.item(one.item),
        checkout.occasion(one.environment, checkout.release.commit, now),
    )
    if why is not None:
        raise UsageError(f"the gate would refuse it: {why}")


def _as_if_signed(unsigned: SignOff, checkout: Checkout) -> GivenSignOff:
    """Return what a good signature would make of it: everything else must be right before."""
    return GivenSignOff(
        file="this sign-off",
        sign_off=unsigned,
        account=checkout.loaded.manifest.signers.get(unsigned.signer),
        digest=digest(unsigned).hex(),
        signed=Judgement.MET,
    )


def _statement(
    options: argparse.Namespace, checkout: Checkout, key: str | None, now: datetime
) -> SignOff:
    if options.payload is not None:
        if options.signature is None:
            raise UsageError("--payload goes with --signature")
        try:
            return from_payload(signing.read_payload(options.payload), options.signature)
        except ValueError as error:
            raise UsageError(f"{options.payload}: {error}") from None
    given = {name: getattr(options, name) for name in _QUESTIONS}
    if key is not None:
        given["signer"] = _signer_of(key, options.signer, checkout)
    # The item first: what it declares answers when a sign-off of it is over at the latest.
    given |= complete({"item": options.item}, {"item": _QUESTIONS["item"]})
    item = checkout.item(str(given["item"]))
    signed_at = options.signed_at or write_moment(now)
    given["expires"] = given["expires"] or _latest(item, signed_at)
    whole = complete(given, _QUESTIONS)
    _known(whole["environment"], checkout)
    return SignOff(
        item=item.id,
        item_digest=item_digest(item),
        release=checkout.release.name,
        version=checkout.release.version,
        commit=checkout.release.commit if item.binds == "commit" else None,
        environment=whole["environment"],
        signer=whole["signer"],
        signed_at=signed_at,
        expires=moment(whole["expires"], now),
        reason=options.reason or None,
        signature="0x",
    )


def _known(environment: str, checkout: Checkout) -> None:
    known = checkout.loaded.manifest.environments
    if environment not in known:
        raise UsageError(f"no environment {environment}{suggestion(environment, known)}")


def _latest(item: Item, signed_at: str) -> str | None:
    if item.max_age is None:
        return None
    try:
        return write_moment(read_moment(signed_at) + timedelta(seconds=item.max_age))
    except (ValueError, OverflowError):
        return None


def _signer_of(key: str, named: str | None, checkout: Checkout) -> str:
    from pytest_metarelease.probes.chain.signing import address_of

    address = address_of(key)
    signers = checkout.loaded.manifest.signers
    found = next((name for name, one in signers.items() if one == address), None)
    if found is None:
        raise UsageError(f"{address} is no account under signers in the manifest")
    if named is not None and named != found:
        raise UsageError(f"the key is {found}'s, not {named}'s")
    return found
