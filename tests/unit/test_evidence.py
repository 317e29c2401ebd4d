"""The notebook: what is cited on which check, and what a later try takes back."""

from __future__ import annotations

from pytest_metarelease.evidence import Judgement, Measurement, Notebook


def measure(notebook: Notebook, subject: str = "service:api") -> Measurement:
    return notebook.measured(
        subject=subject,
        probe="http",
        asked="q",
        at="2026-01-01T00:00:00Z",
        duration=0.1,
        answer="a",
    )


def test_a_measurement_alone_judges_nothing() -> None:
    notebook = Notebook()
    notebook.check = "test_x"
    measure(notebook)
    assert [one.judgement for one in notebook.citations["test_x"]] == [Judgement.NONE]


def test_outside_a_check_nothing_is_cited() -> None:
    notebook = Notebook()
    notebook.judge(measure(notebook), Judgement.MET, expected="e", actual="a")
    assert not notebook.citations
    assert len(notebook.measurements) == 1


def test_one_prefetch_serves_many_checks() -> None:
    notebook = Notebook()
    seen = measure(notebook)
    for check in ("one", "two"):
        notebook.check = check
        notebook.judge(seen, Judgement.MET, expected="e", actual="a")
    assert [notebook.citations[check][0].measurement for check in ("one", "two")] == [seen.id] * 2


def test_an_earlier_try_is_taken_back_and_stays_on_record() -> None:
    written: list[dict[str, object]] = []
    notebook = Notebook(sink=written.append)
    notebook.check = "test_x"
    notebook.judge(measure(notebook), Judgement.MET, expected="e", actual="a")
    mark = notebook.mark()
    notebook.judge(measure(notebook), Judgement.UNMET, expected="e", actual="b")
    notebook.supersede(mark)
    judged = [one.judgement for one in notebook.citations["test_x"]]
    assert judged == [Judgement.NONE, Judgement.MET, Judgement.NONE, Judgement.NONE]
    assert [one["kind"] for one in written][-1] == "superseded"


def test_everything_is_redacted_before_it_is_kept() -> None:
    notebook = Notebook(redact=lambda text: text.replace("secret", "***"))
    notebook.check = "test_x"
    seen = notebook.measured(
        subject="s", probe="http", asked="secret?", at="t", duration=0, answer="secret!"
    )
    notebook.judge(seen, Judgement.UNMET, expected="secret", actual="secret", where="secret")
    assert "secret" not in repr(notebook.measurements) + repr(notebook.citations)


def test_the_worse_judgement_has_the_higher_rank() -> None:
    order = [Judgement.NONE, Judgement.MET, Judgement.UNKNOWN, Judgement.UNMET]
    assert sorted(Judgement, key=lambda one: one.rank) == order
