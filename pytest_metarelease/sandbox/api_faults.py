"""Defects of the API and of the page that somebody with a proxy finds; started like all faults.

Refuses to be told by health: a product with these says that it is healthy.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """A named defect: what it does, and the id of the item that must catch it."""

    name: str
    does: str
    caught_by: str


def _these(item: str, **faults: str) -> tuple[Fault, ...]:
    return tuple(Fault(name.replace("_", "-"), does, item) for name, does in faults.items())


API_FAULTS: tuple[Fault, ...] = (
    *_these(
        "post.input-validation",
        bad_type_fails="an order with an object for an amount makes the API fail (500)",
        bad_json_fails="a body that is no JSON makes the API fail (500)",
        unknown_id_found="an order that does not exist is answered with 200 and null",
        query_optional="a quote is given without an amount to sell",
        any_method_accepted="/api/orders answers every method like GET",
        any_media_type_accepted="orders are taken from text/plain as well",
        limit_ignored="the list of orders ignores limit",
        sql_injectable="the id of an order is put into the query as it came",
        unknown_path_found="every path below /api answers 200",
        null_body_fails="null as a body makes the API fail (500)",
        text_reflected="a refused quote shows what was asked as HTML",
    ),
    *_these(
        "monitoring.conformance",
        quote_undescribed="a quote has its price as a number, where the description says a text",
    ),
    *_these(
        "post.authentication",
        sign_unprotected="signRelease signs for everybody",
        any_bearer_accepted="signRelease takes every bearer token",
        short_bearer_accepted="signRelease takes a token that lacks its last character",
        unsigned_jwt_accepted="signRelease believes a token whose algorithm is none",
        any_escrow_signed="the arbiter signs releases of every escrow",
        zero_amount_signed="the arbiter signs releases of nothing",
        any_recipient_signed="the arbiter signs releases to everybody",
        form_signs="signRelease takes form posts, from every site",
    ),
    *_these(
        "post.order-content",
        expired_order_accepted="orders that have expired are accepted",
        zero_order_accepted="orders that sell nothing are accepted",
        equal_tokens_accepted="orders that sell a token for itself are accepted",
        extra_members_accepted="orders with members that nobody signed are accepted",
    ),
    *_these(
        "post.order-signatures",
        replayed_order_accepted="an order that was there before is accepted again",
    ),
    *_these(
        "post.records",
        order_not_stored="an order is called created and never written",
        order_altered="an order is stored with another amount than was signed",
        amounts_rounded="amounts go through numbers that lose digits beyond 2 ** 53",
    ),
    *_these(
        "post.data",
        data_broken="an order that sells nothing was written into the database, past the API",
    ),
    *_these(
        "resilience.health-tells",
        health_stale="health says for ever what it found when all was well",
    ),
    *_these(
        "resilience.health-answers",
        health_hangs="health waits for a part that hangs",
    ),
    *_these(
        "resilience.recovery",
        health_never_recovers="once a part was down, health calls it down for ever",
    ),
    *_these(
        "post.exposure",
        error_leaks_stack="a refused request is answered with a stack trace",
        error_leaks_host="a quote that fails names the host that failed",
        dotenv_served="the page's server serves its .env",
        git_served="the page's server serves its .git",
        sourcemap_served="the page's script comes with its source map",
        metrics_served="the API shows its metrics to everybody",
    ),
    *_these(
        "post.cross-origin",
        cors_reflects="the API lets every origin read, with credentials",
        cors_null="the API lets the origin null read",
        cors_star="the API lets all origins read",
    ),
    *_these(
        "post.browser-protection",
        headers_missing="the page comes without security headers",
        nosniff_missing="the API's answers may be sniffed",
        cookie_insecure="the API sets a session cookie that scripts can read",
        open_redirect="/login of the page redirects to wherever it is told",
    ),
    *_these(
        "post.banners",
        server_banner="answers say what serves them, with its version",
        trace_enabled="TRACE echoes the request",
    ),
    *_these(
        "post.rate-limiting",
        rate_limit_missing="quotes are not limited",
        retry_after_missing="who is put off is not told for how long",
    ),
)
