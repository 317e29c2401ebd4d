"""Declared differences count until the end of their last day."""

from __future__ import annotations

import pytest

from pytest_metarelease.manifest.contract_code import Difference
from pytest_metarelease.probes.chain.allowances import Allowed


def allowed(expires: str, today: str) -> Allowed:
    return Allowed.of([Difference(facet="metadata", reason="x", expires=expires)], today)


# As text, "20270131" stands after every day of 2027.
@pytest.mark.parametrize("expires", ["2027-01-31", "20270131"])
def test_days_are_compared_as_days(expires: str) -> None:
    for today in ("2027-02-01", "2027-12-31"):
        assert not allowed(expires, today).metadata
        assert len(allowed(expires, today).expired) == 1
    assert allowed(expires, "2027-01-31").metadata
