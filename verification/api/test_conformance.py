"""The API against its OpenAPI description, by requests that schemathesis makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.probes.api.conformance import Conformance


@pytest.mark.verifies("monitoring.conformance")
@pytest.mark.for_each("described")
def test_answers_are_as_described(
    described: str, conformance: Callable[[str], Conformance]
) -> None:
    """Status, media type, headers and body of each answer are those of the description."""
    conformance(described).expect()
