"""Right answers: what nobody needs to be told is found, and what products answer is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from pytest_metarelease.probes.api.credentials import guessed_secret, other_spellings
from pytest_metarelease.probes.api.records import row_of
from pytest_metarelease.probes.api.showing import secrets_in

HEX = "7f3d91c0a6b8e245" * 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"status": "ok", "services": {"database": {"status": "up"}}}',
        '{"signature": "0x' + "ab" * 65 + '", "txHash": "0x' + HEX + '"}',
        '{"passwordPolicy": "at least twelve characters", "password": null}',
        '{"arbiter": "0x' + "ab" * 20 + '", "publicKey": "0x' + HEX + '"}',
        '{"database": "postgres://orders:***@db/orders", "jwtSecret": "***"}',
        '{"docs": "https://example.org:443/a", "mail": "mailto:a@example.org"}',
        '{"links": {"forgotPassword": "https://example.org/forgot", "password": "/password"}}',
        '{"example": {"user": "string", "password": "string"}}',
        '{"token": "0x' + "ab" * 20 + '", "message": "forgot your password?"}',
    ],
)
def test_an_honest_answer_holds_no_secret(text: str) -> None:
    assert list(secrets_in(text)) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"dsn": "postgres://orders:s3cret@10.0.0.2/orders"}', "an address with a password"),
        ('{"arbiterKey": "0x' + HEX + '"}', "a raw private key"),
        ('{"env": {"JWT_SECRET": "long-and-secret"}}', "a value for JWT_SECRET"),
        ('{"users": [{"passwordHash": "$2b$10$abcdef"}]}', "a value for passwordHash"),
        ('{"error": null, "stack": "Error\\n    at run (/app/a.js:1:2)"}', "a stack trace"),
        ("const k='AKIA" + "ABCDEFGHIJKLMNOP" + "'", "a vendor's token"),
    ],
)
def test_a_secret_is_named_and_not_shown(text: str, kind: str) -> None:
    found = list(secrets_in(text))
    assert kind in found
    assert not any(HEX in one or "s3cret" in one for one in found)


@pytest.mark.parametrize(
    "ids",
    [
        [],
        ["a", "b"],
        ["0b0e7a52-8d6b-4cf6-9d4c-1f0b8a5ce101", "6d2f3f3c-1111-4a4a-8b8b-ffffeeee0002"],
        ["928374", "12", "7777777"],
        ["ord-1", "cust-2"],
    ],
)
def test_what_does_not_follow_cannot_be_guessed(ids: list[str]) -> None:
    assert row_of(ids) == ""


@pytest.mark.parametrize("ids", [["1001", "1003", "1002"], ["ORD-7", "ORD-9"]])
def test_numbers_in_a_row_can(ids: list[str]) -> None:
    assert row_of(ids)


def test_other_spellings_of_a_path() -> None:
    assert list(other_spellings("/")) == []
    assert list(other_spellings("/api/sign")) == ["/api/sign/", "/api/SIGN", "/api/%73ign"]


def test_only_a_usual_secret_is_guessed() -> None:
    assert guessed_secret(_token("secret")) == "secret"
    assert guessed_secret(_token("b7e1f0c2d9a84e6f")) is None
    assert guessed_secret("no.token") is None


def _token(secret: str) -> str:
    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    head = ".".join(encoded(json.dumps(one).encode()) for one in ({"alg": "HS256"}, {"sub": "a"}))
    return f"{head}.{encoded(hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest())}"
