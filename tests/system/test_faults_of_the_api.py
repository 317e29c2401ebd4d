"""Each fault of API and page is caught by the check meant for it, and none is seen without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import NotReadyError, UnmetError
from pytest_metarelease.sandbox.api_faults import API_FAULTS
from tests.system.bench import checks, marks, product

if TYPE_CHECKING:
    from pathlib import Path

CHECKS = checks()
ITEM_OF = {fault.name: fault.caught_by for fault in API_FAULTS}
#: Fault -> the check that must fail, and a word of what it must say.
CAUGHT = {
    "bad-type-fails": ("test_wrong_types_are_refused", "an object for order.sellAmount: failed"),
    "bad-json-fails": ("test_no_body_is_refused", "no JSON: failed"),
    "null-body-fails": ("test_no_body_is_refused", "a null body: failed"),
    "unknown-id-found": ("test_unknown_ids_are_not_found", "an unknown id: accepted"),
    "sql-injectable": ("test_unknown_ids_are_not_found", "an injected id: accepted"),
    "query-optional": ("test_wrong_queries_are_refused", "without sellAmount: accepted"),
    "text-reflected": ("test_payloads_are_taken_for_text", "comes back as markup"),
    "any-method-accepted": ("test_wrong_methods_are_refused", "PUT: accepted"),
    "any-media-type-accepted": ("test_other_media_types_are_refused", "JSON as text/plain"),
    "limit-ignored": ("test_lists_are_bounded", "limit=1: 5 elements"),
    "quote-undescribed": ("test_answers_are_as_described", "GET /api/quote: Response violates"),
    "unknown-path-found": ("test_a_path_beside_it_is_not_found", "an unknown path: 200"),
    "sign-unprotected": ("test_strangers_are_refused", "anonymous: accepted"),
    "any-bearer-accepted": ("test_strangers_are_refused", "a wrong credential: accepted"),
    "short-bearer-accepted": ("test_strangers_are_refused", "one character less: accepted"),
    "unsigned-jwt-accepted": ("test_strangers_are_refused", "nobody signed: accepted"),
    "any-escrow-signed": ("test_target_amount_and_recipient_are_checked", "nobody's for escrow"),
    "zero-amount-signed": ("test_target_amount_and_recipient_are_checked", "zero for amount"),
    "any-recipient-signed": ("test_target_amount_and_recipient_are_checked", "the zero address"),
    "form-signs": ("test_no_form_of_another_site_can_drive_it", "urlencoded from another site"),
    "expired-order-accepted": ("test_signed_nonsense_is_refused", "expired: expiry an hour ago"),
    "zero-order-accepted": ("test_signed_nonsense_is_refused", "sellAmount is zero: accepted"),
    "equal-tokens-accepted": ("test_signed_nonsense_is_refused", "are equal: accepted"),
    "extra-members-accepted": ("test_signed_nonsense_is_refused", "nobody signed: accepted"),
    "replayed-order-accepted": ("test_a_replayed_request_is_refused", "the same again"),
    "order-not-stored": ("test_what_was_created_is_stored", "0"),
    "order-altered": ("test_what_was_created_can_be_read_back", "buyAmount is"),
    "amounts-rounded": ("test_what_was_created_can_be_read_back", "an amount of sixteen digits"),
    "data-broken": ("test_what_is_always_true_of_the_data_is_true", "expected  value: 0"),
    "health-stale": ("test_health_tells_of_an_outage", "not told within 5 s (healthy)"),
    "health-hangs": ("test_health_answers_during_an_outage", "each answer within 3 s"),
    "health-never-recovers": ("test_health_recovers_after_an_outage", "not well again"),
    "error-leaks-stack": ("test_errors_say_nothing_of_the_inside", "a stack trace"),
    "error-leaks-host": ("test_errors_say_nothing_of_the_inside", "a private address"),
    "dotenv-served": ("test_no_file_of_the_inside_is_served", "/.env is served"),
    "git-served": ("test_no_file_of_the_inside_is_served", "/.git/config is served"),
    "metrics-served": ("test_no_file_of_the_inside_is_served", "/metrics is served"),
    "sourcemap-served": ("test_no_source_map_is_served", "a source map"),
    "cors-reflects": ("test_other_origins_may_not_read", "elsewhere.example, with the visitor"),
    "cors-null": ("test_other_origins_may_not_read", "Access-Control-Allow-Origin: null"),
    "cors-star": ("test_other_origins_may_not_read", "Access-Control-Allow-Origin: *"),
    "headers-missing": ("test_security_headers_are_sent", "no Content-Security-Policy"),
    "nosniff-missing": ("test_security_headers_are_sent", "no X-Content-Type-Options"),
    "cookie-insecure": ("test_cookies_are_careful", "session without HttpOnly"),
    "open-redirect": ("test_nothing_redirects_elsewhere", "redirects to https://elsewhere"),
    "server-banner": ("test_answers_do_not_say_what_serves_them", "x-powered-by: Express"),
    "trace-enabled": ("test_trace_is_off", "it echoes the request"),
    "rate-limit-missing": ("test_who_asks_too_often_is_put_off", "was refused"),
    "retry-after-missing": ("test_who_asks_too_often_is_put_off", "without Retry-After"),
}
#: They need a chain, TLS, PostgreSQL or the gate, and are tried elsewhere.
NOT_HERE = {
    "test_a_reported_transaction_is_real",
    "test_tls_is_trusted_and_young",
    "test_the_database_answers",
    "test_the_migrations_are_those_of_the_release",
    "test_the_server_has_connections_left",
}


def test_every_fault_is_tried() -> None:
    assert sorted(CAUGHT) == sorted(ITEM_OF)


def test_the_check_is_one_of_the_item() -> None:
    for fault, (check, _) in CAUGHT.items():
        items = {item for mark in marks(CHECKS[check], "verifies") for item in mark.args}
        assert ITEM_OF[fault] in items, fault


@pytest.mark.parametrize("fault", sorted(CAUGHT))
def test_a_fault_is_caught(fault: str, tmp_path: Path) -> None:
    name, word = CAUGHT[fault]
    with product(tmp_path, fault) as bench:
        raised = [one for _, one in bench.run(CHECKS[name]) if one is not None]
    unmet = [str(one) for one in raised if isinstance(one, UnmetError)]
    assert any(word in text for text in unmet), raised
    # A product that stays unwell after one outage is not put through the next.
    others = [one for one in raised if not isinstance(one, UnmetError | NotReadyError)]
    assert others == []


@pytest.mark.parametrize("like", ["sandbox", "production"])
def test_no_check_alarms_without_a_fault(tmp_path: Path, like: str) -> None:
    alarms, silent = {}, []
    with product(tmp_path, like=like) as bench:
        before = set(bench.databases("orders").column("select id from orders").value)
        for name, check in CHECKS.items():
            # The sandbox limits other endpoints than production does.
            if name in NOT_HERE or (like == "production" and "too_often" in name):
                continue
            for label, raised in bench.run(check):
                if raised is not None:
                    alarms[label] = raised
                elif not bench.verifies(label):
                    silent.append(label)
        after = set(bench.databases("orders").column("select id from orders").value)
    assert alarms == {}
    assert silent == []
    # What may be written to is; production is only read.
    assert (before == after) is (like == "production")
