"""Credentials that differ by one character must mean something else to whoever decodes them."""

from __future__ import annotations

import base64

import pytest

from pytest_metarelease.probes.api.credentials import altered


def decoded(text: str) -> bytes:
    """As lenient decoders read base64: either alphabet, any padding, no look at spare bits."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    plain = plain[: len(plain) - (len(plain) % 4 == 1)]
    return base64.b64decode(plain + "=" * (-len(plain) % 4))


@pytest.mark.parametrize("last", "048AEIMQUYcgkosw")
def test_a_token_differs_in_bits_that_are_read(last: str) -> None:
    # 32 bytes take 43 characters, of which the last has two bits that mean nothing.
    token = f"head.claims.{'0' * 42}{last}"
    for other in altered(token, is_token=True, scheme="Bearer "):
        assert other != token
        assert other.startswith("head.claims.")
        assert decoded(other.rpartition(".")[2]) != decoded(token.rpartition(".")[2])


@pytest.mark.parametrize("plain", ["user:word", "user:words", "user:word0", "user:1"])
def test_basic_credentials_differ_in_what_they_say(plain: str) -> None:
    known = base64.b64encode(plain.encode()).decode()
    changed, shorter = altered(known, is_token=False, scheme="Basic ")
    assert decoded(changed)[:-1] == plain[:-1].encode()
    assert decoded(changed) != plain.encode()
    assert decoded(shorter) == plain[:-1].encode()


@pytest.mark.parametrize("known", ["plain-0", "plain-1", "=", "not base64!"])
def test_others_are_taken_as_they_stand(known: str) -> None:
    for scheme in ("", "Bearer ", "Basic "):
        changed, shorter = altered(known, is_token=False, scheme=scheme)
        assert changed[:-1] == shorter == known[:-1]
        assert changed[-1] != known[-1]
