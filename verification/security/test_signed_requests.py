"""Requests that count only with a valid EIP-712 signature over exactly what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.signed import Signer, forgeries

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.target import Target


@pytest.mark.verifies("post.order-signatures")
@pytest.mark.for_each("signed_request")
def test_forged_requests_are_refused(
    signed_request: str, release: Target, service: Callable[..., Any]
) -> None:
    """Every field changed after signing, every domain field wrong, another signer, no signature."""
    declared = release.environment.signed_requests[signed_request]
    owner, _, name = declared.endpoint.partition(".")
    endpoint = release.environment.services[owner].endpoints[name]
    signer = Signer.of(declared, release.environment)
    for forgery in forgeries(signer):
        answer = service(owner).request(
            endpoint.method,
            endpoint.path,
            json=forgery.body,
            credential=endpoint.credential,
            safe_probe=True,
        )
        answer.expect(
            declared.refused,
            next_step=f"{forgery.name} must be refused: verify the signature before storing",
        )


@pytest.mark.verifies("post.order-signatures")
@pytest.mark.for_each("signed_request")
def test_a_valid_request_counts_exactly_once(
    signed_request: str, release: Target, service: Callable[..., Any]
) -> None:
    """Accepted once and refused when sent again; on read-only an empty one is refused."""
    environment = release.environment
    declared = environment.signed_requests[signed_request]
    owner, _, name = declared.endpoint.partition(".")
    endpoint = environment.services[owner].endpoints[name]
    signer = Signer.of(declared, environment)

    def send(body: object) -> Any:
        return service(owner).request(
            endpoint.method,
            endpoint.path,
            json=body,
            credential=endpoint.credential,
            safe_probe=environment.access is Access.READ_ONLY,
        )

    if environment.access is Access.TRANSACT:
        valid = signer.body()
        send(valid).expect(declared.accepted, next_step="the honest trader is refused")
        send(valid).expect(declared.refused, next_step="a replay is accepted: keep used nonces")
    else:
        send({}).expect(declared.refused, next_step="a request without content is accepted")
