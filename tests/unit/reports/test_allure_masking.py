"""Results of Allure are masked by what is secret when they are written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import allure_commons
import pytest
from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import Attachment, Label, Parameter, StatusDetails
from allure_commons.model2 import TestBeforeResult as Before
from allure_commons.model2 import TestResult as Result
from allure_commons.model2 import TestResultContainer as Container
from allure_commons.model2 import TestStepResult as Step

from pytest_metarelease.redaction import MASK, Redactor
from pytest_metarelease.reports.allure_masking import MEASURED_NOTHING, MaskedWriter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "correct-horse-battery"


class Masking:
    """A writer in the place of Allure's, and what it wrote last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.redactor = Redactor()
        self.theirs: Any = AllureFileLogger(str(folder))  # type: ignore[no-untyped-call]
        allure_commons.plugin_manager.register(self.theirs)
        self.measured = True
        self.writer = MaskedWriter(self.redactor, folder, lambda: self.measured)

    def written(self, item: Any, hook: str = "report_result") -> dict[str, Any]:
        (document,) = [json.loads(one) for one in self.texts(self.writer, item, hook)]
        assert isinstance(document, dict)
        return document

    def texts(self, writer: Any, item: Any, hook: str) -> list[bytes]:
        before = set(self.folder.iterdir())
        getattr(writer, hook)(item)
        return [one.read_bytes() for one in sorted(set(self.folder.iterdir()) - before)]


@pytest.fixture
def masking(tmp_path: Path) -> Iterator[Masking]:
    found = Masking(tmp_path)
    yield found
    found.writer.stop()
    allure_commons.plugin_manager.unregister(found.theirs)


def result() -> Result:
    labels = [Label(name="owner", value=SECRET), Label(name="api_key", value="tiny-but-known")]
    return Result(uuid=SECRET, name=f"a {SECRET}", labels=labels, status="passed")


def test_a_pass_that_measured_nothing_is_written_as_broken(masking: Masking) -> None:
    masking.measured = False
    found = masking.written(result())
    assert (found["status"], found["statusDetails"]) == ("broken", {"message": MEASURED_NOTHING})
    skipped = Result(status="skipped", statusDetails=StatusDetails(message="not today"))
    assert masking.written(skipped) == {
        "status": "skipped",
        "statusDetails": {"message": "not today"},
    }
    masking.measured = True
    assert masking.written(result())["status"] == "passed"


def test_what_becomes_secret_later_is_masked_from_then_on(masking: Masking) -> None:
    assert masking.written(result())["name"] == f"a {SECRET}"
    masking.redactor.register(SECRET)
    after = masking.written(result())
    assert (after["name"], after["labels"][0]["value"]) == (f"a {MASK}", MASK)
    assert after["uuid"] == SECRET


def test_the_name_of_a_parameter_says_that_its_value_is_secret(masking: Masking) -> None:
    for _ in range(2):
        found = masking.written(Result(parameters=[Parameter("password", "tiny-but-known")]))
        assert found["parameters"][0]["value"] == MASK
        found = masking.written(Result(parameters=[Parameter("planet", "tiny-but-known")]))
        assert found["parameters"][0]["value"] == "tiny-but-known"


@pytest.mark.parametrize("indented", [False, True])
def test_without_a_secret_it_is_what_allure_itself_writes(
    masking: Masking, monkeypatch: pytest.MonkeyPatch, indented: bool
) -> None:
    if indented:
        monkeypatch.setenv("ALLURE_INDENT_OUTPUT", "1")
    step = Step(name="Grüße \u2028", status="passed", parameters=[Parameter("n", "1")])
    step.steps.append(Step(name="within", attachments=[Attachment("a", "b", "c")]))
    whole = Result(
        uuid="1",
        name="test[\U0001f600]",
        status="failed",
        statusDetails=StatusDetails(known=False, flaky=True, message='line\n"two"'),
        labels=[Label("tag", "x"), Label("tag", "")],
        parameters=[Parameter("n", 1.5, excluded=True), Parameter("z", {"deep": ("t", None)})],
        titlePath=["tests", "test_a.py"],
        steps=[step],
        start=1,
        stop=0,
    )
    container = Container(uuid="2", children=["1"], befores=[Before("f")])
    for item, hook in ((whole, "report_result"), (container, "report_container")):
        theirs = masking.texts(masking.theirs, item, hook)
        assert masking.texts(masking.writer, item, hook) == theirs
        assert len(theirs) == 1


def test_what_has_no_bytes_and_what_is_too_deep_is_written_all_the_same(masking: Masking) -> None:
    step = Step(name="the last")
    for number in range(200):
        step = Step(name=f"step {number}", steps=[step])
    found = masking.written(Result(name="half \udc80", steps=[step]))
    assert found["name"] == "half ?"
    depth = 0
    while "steps" in found:
        found, depth = found["steps"][0], depth + 1
    assert depth == 41
    assert found == {"name": "steps nested deeper than this are not shown"}
