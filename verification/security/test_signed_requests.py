"""Requests that count only with a valid EIP-712 signature over exactly what they say.

A service that fails (5xx) has not accepted anything: that is unknown here, and the endpoint's own
check says what is wrong with it. Only a forgery that was accepted is a finding.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import RefusedError
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.api.examined import Examined
from pytest_metarelease.probes.chain.signing import fresh_key
from pytest_metarelease.probes.signed import Signer, forgeries, misuses, replays, reuses

_AT_ONCE = 6

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.target import Target
    from pytest_metarelease.probes.exchange import Response


@pytest.fixture
def signer(signed_request: str, release: Target) -> Signer:
    """Makes valid and forged bodies of the declared request."""
    environment = release.environment
    return Signer.of(environment.signed_requests[signed_request], environment)


@pytest.fixture
def send(
    signed_request: str, release: Target, service: Callable[..., Any]
) -> Callable[..., Response]:
    """Send a body to the declared endpoint; what must be refused may be sent anywhere."""
    owner, _, name = release.environment.signed_requests[signed_request].endpoint.partition(".")
    endpoint = release.environment.services[owner].endpoints[name]

    def send(body: object, *, must_be_refused: bool) -> Response:
        answer: Response = service(owner).request(
            endpoint.method,
            endpoint.path,
            json=body,
            credential=endpoint.credential,
            safe_probe=must_be_refused,
        )
        return answer

    return send


@pytest.mark.verifies("post.order-signatures")
@pytest.mark.for_each("signed_request")
@pytest.mark.usefixtures("signed_request")
def test_forged_requests_are_refused(signer: Signer, send: Callable[..., Response]) -> None:
    """Every field changed after signing, every domain field wrong, another signer, no signature."""
    for forgery in forgeries(signer):
        answer = send(forgery.body, must_be_refused=True)
        signer.expect_refused(answer, f"{forgery.name}: it must be refused before it is stored")


@pytest.mark.verifies("post.order-signatures")
@pytest.mark.for_each("signed_request")
@pytest.mark.usefixtures("signed_request")
def test_a_replayed_request_is_refused(
    release: Target, signer: Signer, send: Callable[..., Response]
) -> None:
    """The same valid request again, as it was and in disguise; on read-only, a forged one."""
    accepts = release.environment.access is Access.TRANSACT and signer.declared.counts_once
    first = None
    if accepts:
        body = signer.body()
        first = send(body, must_be_refused=False)
        if not signer.is_accepted(first):
            error = RefusedError(f"the valid request was not accepted ({first.summary})")
            first.unknown(error, "a first request to replay")
    else:
        body = next(forgeries(signer)).body
        signer.expect_refused(send(body, must_be_refused=True), "a forgery is accepted")
    for replay in replays(signer, body):
        signer.expect_no_second(
            send(replay.body, must_be_refused=True),
            first,
            f"a replay is accepted ({replay.name}): remember used nonces, not signatures",
        )
    # Rightly signed, so that it could be accepted: only where something may be.
    for reuse in reuses(signer, body) if accepts else ():
        signer.expect_refused(
            send(reuse.body, must_be_refused=False), f"{reuse.name}: a nonce counts once"
        )


@pytest.mark.verifies("post.order-signatures")
@pytest.mark.for_each("signed_request")
@pytest.mark.usefixtures("signed_request")
def test_a_request_counts_once_also_at_the_same_moment(
    release: Target, signer: Signer, send: Callable[..., Response]
) -> None:
    """The same valid request several times at once: one is accepted. On read-only, a forged one."""
    accepts = release.environment.access is Access.TRANSACT and signer.declared.counts_once
    body = signer.body() if accepts else next(forgeries(signer)).body
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda _: send(body, must_be_refused=not accepts), range(_AT_ONCE)))
    kept = next((answer for answer in answers if signer.is_accepted(answer)), None)
    if accepts and kept is None:
        error = RefusedError(f"the valid request was not accepted ({answers[0].summary})")
        answers[0].unknown(error, "one that is accepted")
    for answer in answers:
        if accepts and answer is kept:
            signer.expect_accepted(answer, "an honest sender is refused")
        else:
            signer.expect_no_second(
                answer,
                kept,
                "the same request is accepted more than once: let a unique index decide",
            )


@pytest.mark.verifies("post.order-content")
@pytest.mark.for_each("signed_request")
@pytest.mark.usefixtures("signed_request")
def test_signed_nonsense_is_refused(
    signed_request: str, release: Target, signer: Signer, service: Callable[..., Any]
) -> None:
    """Expired, worth nothing or less, sold for itself, of no known kind, with further members.

    Signed by whom it says; on read-only by nobody, so that it is certainly refused.
    """
    environment = release.environment
    examined = Examined.of(
        environment.signed_requests[signed_request].endpoint, environment, service
    )
    if not examined.may_write:
        signer = replace(signer, key=fresh_key())
    trials = examined.trials("check what an order says, also when its signature is right")
    for misuse in misuses(signer):
        trials.refused(misuse.name, partial(examined.send, body=misuse.body))
    trials.finish("a refusal of every order that nobody can want")


@pytest.mark.verifies("post.endpoints")
@pytest.mark.for_each("signed_request", optional=True)
@pytest.mark.usefixtures("signed_request")
def test_a_valid_request_is_accepted(
    release: Target, signer: Signer, send: Callable[..., Response]
) -> None:
    """The honest sender gets through; on read-only, a request without content does not."""
    if release.environment.access is Access.TRANSACT:
        answer = send(signer.body(), must_be_refused=False)
        signer.expect_accepted(answer, "an honest sender is refused")
    else:
        answer = send({}, must_be_refused=True)
        signer.expect_refused(answer, "a request without content is accepted")
