"""What scanners found in this very commit: secrets, faulty code, dependencies with advisories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.verifies("maintenance.security-scan")
@pytest.mark.for_each("secret_scan")
def test_a_scan_found_no_secrets(secret_scan: str, scans: Callable[[str], Any]) -> None:
    """A declared scanner knows the tokens of more vendors than our own look at the tree does."""
    scans(secret_scan).expect(next_step="revoke the secret, then take it out of the history")


@pytest.mark.verifies("security.environment-variables")
@pytest.mark.for_each("secret_scan", optional=True)
def test_no_secret_was_committed(secret_scan: str, scans: Callable[[str], Any]) -> None:
    """The same scan, before the deployment, beside our own look at the tree."""
    scans(secret_scan).expect(next_step="revoke the secret, then take it out of the history")


@pytest.mark.verifies("maintenance.security-scan")
@pytest.mark.for_each("code_scan")
def test_a_scan_found_no_faulty_code(code_scan: str, scans: Callable[[str], Any]) -> None:
    """Static analysis of the product's code, contracts among it."""
    scans(code_scan).expect(next_step="mend it; what is no fault is allowed by itself, with a date")


@pytest.mark.verifies("maintenance.dependencies")
@pytest.mark.for_each("dependency_scan")
def test_no_dependency_has_a_known_advisory(
    dependency_scan: str, scans: Callable[[str], Any]
) -> None:
    """Every declared lock file, against the advisories of the day of the scan."""
    scans(dependency_scan).expect(next_step="update the dependency, or show that it is not reached")
