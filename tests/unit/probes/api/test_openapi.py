"""What is no OpenAPI 3 gives nothing; every endpoint that is adopted is unconfirmed, and reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pytest_metarelease.errors import UsageError
from pytest_metarelease.manifest import load
from pytest_metarelease.probes.api.openapi import Description

if TYPE_CHECKING:
    from pathlib import Path

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["id", "maker"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "maker": {"type": "string", "example": "${HOME}"},
        "note": {"type": "string", "nullable": True},
        "example": {"type": "integer", "minimum": 3},
        "next": {"$ref": "#/components/schemas/Order"},
    },
}
LIST = {"type": "array", "items": {"$ref": "#/components/schemas/Order"}}


def described() -> dict[str, Any]:
    content = {"application/json": {"schema": LIST}}
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Shop", "version": "1.2"},
        "security": [{"token": []}],
        "components": {
            "schemas": {"Order": ORDER},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
        },
        "paths": {
            "/orders": {
                "get": {
                    "operationId": "listOrders",
                    "security": [],
                    "parameters": [{"in": "query", "name": "limit", "schema": {"default": 50}}],
                    "responses": {"200": {"content": content}},
                },
                "post": {"requestBody": {"content": body}, "responses": {"201": {}}},
            },
            "/orders/{id}": {
                "parameters": [
                    {"in": "path", "name": "id", "required": True, "schema": {"format": "uuid"}}
                ],
                "get": {"security": [{"key": []}], "responses": {"200": {}}},
            },
        },
    }


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"swagger": "2.0", "paths": {"/": {}}}, {"openapi": "3.1.0"}, {"openapi": 3}],
)
def test_what_is_no_description_is_refused(document: Any) -> None:
    with pytest.raises(UsageError):
        Description.read(document)


def test_every_endpoint_is_unconfirmed() -> None:
    found = yaml.safe_load("\n".join(Description.read(described()).lines()))["endpoints"]
    assert set(found) == {"listOrders", "post-orders", "get-orders-id"}
    assert {one["unconfirmed"] for one in found.values()} == {"adopted from Shop 1.2"}
    assert found["listOrders"]["authentication"] == "none"
    assert found["listOrders"]["optional"] == ["limit"]
    assert found["post-orders"]["authentication"] == "bearer"
    assert found["post-orders"]["body"]["maker"] == "$${HOME}"
    assert found["post-orders"]["optional"] == ["note", "example", "next"]
    assert found["get-orders-id"]["authentication"] == "api-key"
    schema = found["listOrders"]["answer"]["schema"]["items"]
    assert schema["properties"]["next"] == {}
    assert schema["properties"]["note"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert schema["properties"]["example"] == {"type": "integer", "minimum": 3}


def test_the_manifest_takes_what_was_printed(tmp_path: Path) -> None:
    lines = "\n".join(f"        {line}" for line in Description.read(described()).lines())
    file = tmp_path / "release.yaml"
    file.write_text(
        "release: {name: Shop, version: 1.2.0, commit: abc}\n"
        "environments:\n  live:\n    access: read-only\n    services:\n      api:\n"
        f"        url: https://shop.example\n{lines}\n"
        "checklist:\n  - {id: one, title: One, stage: post_deploy, severity: P0}\n"
    )
    loaded = load(file)
    endpoints = loaded.resolve("live", {}).environment.services["api"].endpoints
    assert endpoints["get-orders-id"].target == "/orders/00000000-0000-4000-8000-000000000000"
    assert endpoints["post-orders"].is_protected
    assert json.loads(json.dumps(endpoints["post-orders"].body))["maker"] == "${HOME}"
