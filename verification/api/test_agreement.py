"""The same facts in the API and in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.probes.document import look_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.target import Target


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
        return {str(value) for value in databases(declared.database).column(declared.query).value}

    agree(shown, held, names=(f"API {declared.endpoint}", f"database {declared.database}"))
