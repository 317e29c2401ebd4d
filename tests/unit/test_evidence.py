"""The notebook: what is cited on which check, and what a later try takes back."""

from __future__ import annotations

import threading

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


def test_what_another_thread_finds_meanwhile_is_not_taken_back() -> None:
    written: list[dict[str, object]] = []
    notebook = Notebook(sink=written.append)
    notebook.check = "test_x"
    marked, found = threading.Event(), threading.Event()

    def beside() -> None:
        marked.wait(10)
        notebook.judge(measure(notebook), Judgement.UNMET, expected="e", actual="beside")
        found.set()

    thread = threading.Thread(target=beside)
    thread.start()
    mark = notebook.mark()
    marked.set()
    found.wait(10)
    notebook.judge(measure(notebook), Judgement.UNMET, expected="e", actual="own")
    notebook.supersede(mark)
    thread.join()
    standing = [one for one in notebook.citations["test_x"] if one.judgement is Judgement.UNMET]
    assert [one.actual for one in standing] == ["beside"]
    assert written[-1] == {"kind": "superseded", "check": "test_x", "from": 0, "stand": [0, 1]}


def test_what_the_try_itself_asked_in_threads_is_taken_back() -> None:
    notebook = Notebook()
    notebook.check = "test_x"
    mark = notebook.mark()

    def asking() -> None:
        notebook.judge(measure(notebook), Judgement.UNKNOWN, expected="e", actual="a")

    thread = threading.Thread(target=asking)
    thread.start()
    thread.join()
    notebook.supersede(mark)
    assert {one.judgement for one in notebook.citations["test_x"]} == {Judgement.NONE}


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
