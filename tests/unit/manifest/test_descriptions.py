"""An OpenAPI description in the manifest: where it is, and how much of it is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.manifest.conftest import Loading, Refusal


def described(shop: str, openapi: str) -> str:
    return shop.replace("        health:", f"        openapi: {openapi}\n        health:", 1)


@pytest.mark.parametrize(
    ("openapi", "why"),
    [
        ("{}", "needs one of document and file"),
        ("{document: /openapi.json, file: api.yaml}", "needs one of document and file"),
        ("{document: /openapi.json, requests: 0}", "1"),
        ("{document: /openapi.json, credential: admn}", "did you mean admin?"),
        ("{document: /openapi.json, max_requests: 5}", "unknown key"),
    ],
)
def test_what_a_description_may_not_be(shop: str, openapi: str, why: str, refusal: Refusal) -> None:
    assert any(why in line for line in refusal(described(shop, openapi)))


def test_a_description_is_read(shop: str, read: Loading, variables: dict[str, str]) -> None:
    loaded = read(described(shop, "{file: api.yaml, unchecked: {POST /mail: sends mail}}"))
    assert loaded.manifest.environments["staging"].described == ("api",)
    found = loaded.resolve("staging", variables).environment.services["api"].openapi
    assert found is not None
    assert (found.file, found.requests, found.unchecked) == (
        "api.yaml",
        200,
        {"POST /mail": "sends mail"},
    )


def test_what_is_taken_back_is_not_described(shop: str, read: Loading) -> None:
    assert read(described(shop, "null")).manifest.environments["staging"].described == ()
