"""The same facts in the API, in the database and on the chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.probes.chain.moving import amount_shown, as_shown, told_now
from pytest_metarelease.probes.document import look_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.target import Target


@pytest.mark.verifies("post.endpoints", "rollback.endpoints")
@pytest.mark.for_each("chain_agreement", optional=True)
def test_the_api_shows_what_the_chain_says(
    chain_agreement: str,
    release: Target,
    service: Callable[..., Any],
    contracts: Any,
    agree: Callable[..., Any],
) -> None:
    """What the API tells of the chain is what the chain says, to the last digit that is shown."""
    declared = release.environment.agreements[chain_agreement]
    owner, _, name = declared.endpoint.partition(".")
    endpoint = release.environment.services[owner].endpoints[name]

    def told() -> Any:
        answer = service(owner).ask(endpoint).expect(endpoint.answer.status)
        value = look_up(answer.json(), declared.each)[0][1]
        return value if declared.unit is None else amount_shown(value, declared.unit)[0]

    def shown() -> Any:
        value = told_now(declared.chain or "", contracts)
        return value if declared.unit is None else as_shown(value, *like)

    like = (0, 1)
    if declared.unit is not None:
        answer = service(owner).ask(endpoint).expect(endpoint.answer.status)
        like = amount_shown(look_up(answer.json(), declared.each)[0][1], declared.unit)
    agree(told, shown, names=(f"API {declared.endpoint}", f"chain {declared.chain}"))


@pytest.mark.verifies("post.endpoints", "rollback.endpoints")
@pytest.mark.for_each("agreement", optional=True)
def test_the_api_shows_what_the_database_holds(
    agreement: str,
    release: Target,
    service: Callable[..., Any],
    databases: Callable[[str], Any],
    agree: Callable[..., Any],
) -> None:
    """Both sides move, so reads are bracketed; what differs is named."""
    declared = release.environment.agreements[agreement]
    owner, _, name = declared.endpoint.partition(".")
    endpoint = release.environment.services[owner].endpoints[name]

    def shown() -> set[str]:
        answer = service(owner).ask(endpoint).expect(endpoint.answer.status)
        return {str(value) for _, value in look_up(answer.json(), declared.each)}

    def held() -> set[str]:
        held = databases(str(declared.database)).column(str(declared.query))
        return {str(value) for value in held.value}

    agree(shown, held, names=(f"API {declared.endpoint}", f"database {declared.database}"))
