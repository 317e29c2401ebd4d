"""Results of Allure are masked by what is secret when they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from allure_commons.model2 import Label, Parameter
from allure_commons.model2 import TestResult as Result

from pytest_metarelease.redaction import MASK, Redactor
from pytest_metarelease.reports.allure_masking import MaskedWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "correct-horse-battery"


@pytest.fixture
def masking() -> Iterator[tuple[MaskedWriter, Redactor]]:
    redactor = Redactor()
    writer = MaskedWriter(redactor)
    yield writer, redactor
    writer.stop()


def result() -> Result:
    labels = [Label(name="owner", value=SECRET), Label(name="api_key", value="tiny-but-known")]
    return Result(uuid=SECRET, name=f"a {SECRET}", labels=labels)


def test_what_becomes_secret_later_is_masked_from_then_on(
    masking: tuple[MaskedWriter, Redactor],
) -> None:
    writer, redactor = masking
    before, after = result(), result()
    writer.report_result(before)
    assert before.name == f"a {SECRET}"
    redactor.register(SECRET)
    writer.report_result(after)
    assert (after.name, after.labels[0].value) == (f"a {MASK}", MASK)
    assert after.uuid == SECRET


def test_the_name_of_a_parameter_says_that_its_value_is_secret(
    masking: tuple[MaskedWriter, Redactor],
) -> None:
    writer, _ = masking
    for _ in range(2):
        found = Result(parameters=[Parameter(name="password", value="tiny-but-known")])
        writer.report_result(found)
        assert found.parameters[0].value == MASK
        found = Result(parameters=[Parameter(name="planet", value="tiny-but-known")])
        writer.report_result(found)
        assert found.parameters[0].value == "tiny-but-known"
