"""Honest refusals give nothing away; what a program wrote for itself does."""

from __future__ import annotations

import pytest

from pytest_metarelease.probes.api.hardening import banners
from pytest_metarelease.probes.api.leaks import leaks


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"error": "order lacks maker"}',
        '{"message": ["sellAmount must be a number string"], "statusCode": 400}',
        '{"detail": [{"loc": ["body", "maker"], "msg": "string does not match regex"}]}',
        "<pre>Cannot GET /api/orders/1</pre>",
        '{"error": "Select a token from the list where you want to trade"}',
        '{"error": "unexpected token at position 12:40"}',
        '{"error": "version 2.0.0 does not know this"}',
        '{"id": "0x' + "ab" * 32 + '", "signature": "0x' + "cd" * 65 + '"}',
        '{"error": "see https://docs.example.org/app/errors/400"}',
        '{"error": "execution reverted: Invalid state"}',
    ],
)
def test_an_honest_refusal_leaks_nothing(text: str) -> None:
    assert list(leaks(text)) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("TypeError: x\n    at validate (/app/src/a.js:4:1)", "a stack trace"),
        ('{"stack": "Error: x\\n    at async /srv/a.js:1:2"}', "a stack trace"),
        ("Traceback (most recent call last):\n  File", "a stack trace"),
        ("ENOENT: no such file, open '/home/deploy/orders.json'", "a file path"),
        ("SELECT id FROM orders WHERE id = 1", "SQL"),
        ('error: syntax error at or near "OR"', "a database error"),
        ("SQLITE_ERROR: no such column", "a database error"),
        ("Invalid `prisma.order.create()` invocation", "a database error"),
        ("bad address (code=INVALID_ARGUMENT, version=address/5.7.0)", "a library and its version"),
        ("connect ECONNREFUSED 10.0.3.7:5432", "a private address"),
        ("postgresql://orders:x@db/orders", "a private address"),
        ("ARBITER_PRIVATE_KEY is not set", "an environment variable"),
        ("data=0x" + "12345678" + "ab" * 64, "a call's data"),
    ],
)
def test_what_is_of_the_inside_is_found(text: str, kind: str) -> None:
    assert any(found.startswith(kind) for found in leaks(text)), list(leaks(text))


def test_what_we_sent_is_no_leak() -> None:
    text = "cannot read /home/someone/file: 127.0.0.1"
    assert list(leaks(text, sent=text)) == []


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (("server", "nginx"), False),
        (("server", "cloudflare"), False),
        (("server", "nginx/1.18.0"), True),
        (("x-powered-by", "Express"), True),
        (("x-runtime", "0.0123"), False),
    ],
)
def test_a_banner_has_a_version_or_is_there_for_nothing_else(
    header: tuple[str, str], found: bool
) -> None:
    assert bool(list(banners([header]))) is found
