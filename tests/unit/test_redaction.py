"""Secrets in every form in which they travel; and what is no secret."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_metarelease.redaction import MASK, Redactor, mask_url
from pytest_metarelease.secret_forms import is_ordinary

SECRET = "s3cr3t/with+signs=and more"
KEY = "0x" + "ab" * 32


def test_without_a_secret_nothing_is_masked() -> None:
    assert Redactor()("nothing to hide here") == "nothing to hide here"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        SECRET.upper(),
        quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        SECRET.encode().hex(),
    ],
)
def test_a_registered_value_is_masked_in_every_form(form: str) -> None:
    text = Redactor([SECRET])(f"before {form} after")
    assert form not in text
    assert text.startswith(f"before {MASK}")


def test_a_key_is_masked_without_its_prefix_too() -> None:
    assert KEY[2:] not in Redactor([KEY])(f"key {KEY[2:]}")


def test_short_values_do_not_mask_words() -> None:
    assert Redactor(["api"])("the api answers") == "the api answers"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("postgresql://user:hunter22@db/orders", "hunter22"),
        ("Authorization: Bearer abcdef.ghijkl", "abcdef.ghijkl"),
        ("eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSM", "eyJzdWIiOiIx"),
        ('{"private_key": "0xdeadbeef"}', "0xdeadbeef"),
        ("password=opensesame, user=me", "opensesame"),
        ("mnemonic: 'test test junk'", "test junk"),
    ],
)
def test_values_in_secret_places_are_masked(text: str, hidden: str) -> None:
    assert hidden not in Redactor()(text)


def test_hashes_are_evidence() -> None:
    text = f"block {KEY} of transaction {KEY}"
    assert Redactor()(text) == text


def test_controls_are_shown_not_obeyed() -> None:
    shown = Redactor()("a\x1b[31mred\u202eback\x00\r")
    assert not set(shown) & set("\x1b\u202e\x00\r")


def test_length_is_bounded() -> None:
    assert len(Redactor()("x" * 1_000_000)) < 30_000


@pytest.mark.parametrize(
    "value",
    ["postgres", "Optimism", "0x" + "5A" * 20],
)
def test_ordinary_values_are_named_and_not_masked(value: str) -> None:
    redactor = Redactor()
    redactor.register(value, name="POSTGRES_PASSWORD")
    assert redactor.short == {"POSTGRES_PASSWORD"}
    assert redactor(f"at {value}ql") == f"at {value}ql"
    inside = quote(value, safe="")
    assert redactor(f"postgresql://u:{inside}@db/orders") == "postgresql://***@db/orders"


@pytest.mark.parametrize(
    "value",
    [
        "hunter2hunter2",
        "supersecret",
        "Sunshine",
        "48151623",
        "/etc/s3cr3t",
        KEY,
        "hush-hush-token",
    ],
)
def test_other_values_are_masked_everywhere(value: str) -> None:
    assert Redactor([value])(f"it is {value}.") == "it is ***."


@given(secret=st.text(min_size=8, max_size=40), before=st.text(max_size=20))
def test_no_text_holds_a_registered_secret(secret: str, before: str) -> None:
    assume(not is_ordinary(secret))
    shown = Redactor([secret])(f"{before}{secret}")
    assert secret not in shown or secret in MASK


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://rpc.example.org/v3/abcdef?x=1", "https://rpc.example.org/***"),
        ("https://user:pass@rpc.example.org", "https://rpc.example.org"),
        ("http://127.0.0.1:8545/", "http://127.0.0.1:8545/"),
    ],
)
def test_an_rpc_url_shows_its_host_only(url: str, shown: str) -> None:
    assert mask_url(url) == shown


@pytest.mark.parametrize("before", ["", "u", "us", "usr"])
def test_base64_in_every_alignment(before: str) -> None:
    encoded = base64.b64encode(f"{before}{SECRET}!".encode()).decode()
    shown = Redactor([SECRET]).mask(f"x {encoded} y")
    assert MASK in shown
    assert len(shown) <= len("x ***abcdabcd y")


@pytest.mark.parametrize(
    "text",
    [
        repr(bytes.fromhex(KEY[2:])),
        str(int(KEY, 16)),
        base64.b64encode(bytes.fromhex(KEY[2:])).decode(),
    ],
)
def test_a_key_is_masked_as_bytes_and_as_a_number(text: str) -> None:
    assert MASK in Redactor([KEY]).mask(text)


def test_what_pytest_cut_is_masked_too() -> None:
    shown = Redactor([SECRET]).mask(f"'{SECRET[:12]}...{SECRET[-12:]}'")
    assert shown == "'***...***'"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("private_key        = HexBytes('0xdeadbeef00')", "deadbeef"),
        (r'"{\"password\": \"opensesame\"}"', "opensesame"),
        ("mnemonic: test test test junk", "junk"),
        ("password == b'opensesame'", "opensesame"),
        ("'api_key': 'opense...", "opense"),
        ("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END", "MHcCAQEE"),
    ],
)
def test_places_as_python_and_json_write_them(text: str, hidden: str) -> None:
    assert hidden not in Redactor().mask(text)


def test_json_stays_json() -> None:
    masked = Redactor().mask(json.dumps({"text": "password=opensesame", "more": 1}))
    assert json.loads(masked) == {"text": "password=***", "more": 1}


def test_masking_alone_changes_nothing_else() -> None:
    text = "\x1b[31mred\r\n" + "x" * 100_000
    assert Redactor([SECRET]).mask(text) == text


def test_what_is_no_text_is_masked_as_bytes() -> None:
    content = b"\xff\x00" + SECRET.encode()
    assert Redactor([SECRET]).mask_bytes(content) == b"\xff\x00***"


def test_a_short_value_is_named() -> None:
    redactor = Redactor()
    redactor.register("short", name="OWN_TOKEN")
    assert redactor.short == {"OWN_TOKEN"}


def test_bytes_wrapped_over_lines_are_masked() -> None:
    text = "E  + (b'one two" + SECRET[:11] + "'\nE  +  b'" + SECRET[11:] + " three')"
    assert Redactor([SECRET]).mask(text) == "E  + (b'one two***'\nE  +  b'*** three')"
