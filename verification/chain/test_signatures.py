"""Signatures that move money: forgeries are refused, and everybody signs in one domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.plugin.target import Target
    from pytest_metarelease.probes.chain.domains import DomainProbe
    from pytest_metarelease.probes.chain.flows import FlowProbe


@pytest.mark.verifies("post.signatures")
@pytest.mark.for_each("signed_flow")
def test_forged_signatures_are_refused(signed_flow: str, flows: Callable[[str], FlowProbe]) -> None:
    """Every forgery there is, and the replay: refused with the contract's declared reason."""
    flows(signed_flow).forgeries()


@pytest.mark.verifies("post.signatures")
@pytest.mark.for_each("domain")
def test_contracts_have_the_declared_domain(
    domain: str, domains: Callable[[str], DomainProbe]
) -> None:
    """What each contract publishes (ERC-5267, or its separator) is the manifest's, by field."""
    domains(domain).published()


@pytest.mark.verifies("post.signatures")
@pytest.mark.for_each("signing_domain", optional=True)
def test_the_service_signs_in_the_declared_domain(
    signing_domain: str,
    domains: Callable[[str], DomainProbe],
    service: Callable[..., Any],
    release: Target,
) -> None:
    """What the service signs is signed by the declared key, in the domain of the contracts."""
    domain = domains(signing_domain)
    declared = domain.signing
    owner, _, name = declared.endpoint.partition(".")
    endpoint = release.environment.services[owner].endpoints[name]
    answer = service(owner).request(
        endpoint.method,
        endpoint.path,
        json=domain.body(),
        credential=declared.credential,
        safe_probe=True,
    )
    answer.expect(200, next_step="the service signs nothing, so nobody can be paid")
    domain.signed(answer.value(declared.signature_at))
