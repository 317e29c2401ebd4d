"""Requests to sign or to pay what must never be signed or paid, with the caller's own right to ask.

Refuses to send anything that would be right: each request differs from the example in what it is
about, how much, or to whom.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pytest_metarelease.probes.api import bodies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.probes.api.bodies import Wrong
    from pytest_metarelease.probes.api.examined import Examined

_ZERO = "0x" + "00" * 20
_ELSEWHERE = "https://elsewhere.example"


def checks_what_it_is_about(one: Examined) -> None:
    """Judge that target, amount and recipient are checked, and all that ``refuses`` declares."""
    trials = one.trials("compare target, amount and recipient with what is due before signing")
    body = one.example()
    for wrong in (*_derived(one, body), *bodies.amounts(body)):
        trials.refused(wrong.name, partial(one.send, body=wrong.body))
    trials.finish("a refusal of another target, amount or recipient")


def refuses_variations(one: Examined) -> None:
    """Judge that every request that the manifest declares as wrong is refused."""
    trials = one.trials("see `refuses` of the endpoint in the manifest")
    for name, variation in one.declared.refuses.items():
        changed = bodies.changed(one.example(), variation.body) if variation.body else one.example()
        query = {**one.declared.query, **variation.query}
        trials.refused(
            name,
            partial(one.send, body=changed, query=query),
        )
    trials.finish("a refusal of everything that `refuses` lists")


def _derived(one: Examined, body: Any) -> Iterator[Wrong]:
    """Another contract than a declared one; the zero address as the one who is paid."""
    contracts = {contract.address.lower() for contract in one.environment.contracts.values()}
    for path, value in bodies.places(body):
        if not bodies.is_address(value):
            continue
        name = bodies.dotted(path)
        if value.lower() in contracts:
            other = bodies.unlike(value)
            yield bodies.Wrong(
                f"a contract of nobody's for {name}", bodies.replaced(body, path, other)
            )
        elif value != _ZERO:
            # The zero address may mean ether where a token is named, so only the others.
            yield bodies.Wrong(f"the zero address for {name}", bodies.replaced(body, path, _ZERO))


def refuses_forms(one: Examined) -> None:
    """Judge that no page of another site can make a visitor's browser send it (CSRF).

    A form needs no preflight for these media types (Fetch, CORS-safelisted Content-Type).
    """
    trials = one.trials("take application/json only, and compare Origin with your own pages'")
    body = one.example()
    flat = {
        bodies.dotted(path): value if isinstance(value, str) else json.dumps(value)
        for path, value in bodies.places(body)
        if not isinstance(value, dict | list)
    }
    text = json.dumps(body)
    for kind, content in (
        ("application/x-www-form-urlencoded", urlencode(flat).encode()),
        ("text/plain", text.encode()),
        # A form can send JSON as the name of a field; the equals sign goes into a value.
        ("application/x-www-form-urlencoded", text.encode()),
    ):
        trials.refused(
            f"a form as {kind} from another site",
            partial(
                one.send,
                content=content,
                content_type=kind,
                bare=True,
                headers={"Origin": _ELSEWHERE, "Referer": f"{_ELSEWHERE}/"},
                anonymous=one.declared.credential is None or one.declared.forms is not None,
            ),
        )
    trials.finish("a refusal of what a form of another site can send")
