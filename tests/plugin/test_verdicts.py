"""Verdict, exit code and reason of whole sessions, each alone and with two workers."""

from __future__ import annotations

import pytest

from tests.plugin.project import MEASURED, ONE, Project

Workers = tuple[str, ...]


def test_a_checklist_without_any_check_is_hold(project: Project, workers: Workers) -> None:
    project.items("post.one P0").write("test_one.py", "def test_nothing(): pass\n").lock()
    ran = project.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.codes("post.one")) == ("HOLD", ["no-check-locked"])
    assert ran.exit_code in (21, 5)  # pytest's own 5, no tests collected, goes through


def test_go_where_every_item_was_measured(project: Project, workers: Workers) -> None:
    project.items("post.one P0").write("test_one.py", MEASURED).lock(ONE)
    ran = project.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text
    assert "release verdict: GO" in ran.text
    (check,) = ran.item("post.one")["checks"]
    assert [one["judgement"] for one in check["measurements"]] == ["met"]
    assert ran.decision["state"] == "finished"


@pytest.mark.parametrize(
    ("severity", "verdict", "code"),
    [("P0", "NO-GO", 1), ("P1", "NO-GO", 1), ("P2", "HOLD", 21), ("P3", "GO", 0)],
)
def test_a_failure_weighs_by_severity(
    project: Project, workers: Workers, severity: str, verdict: str, code: int
) -> None:
    # Beside one that is verified: of notes alone there is no GO.
    project.items("post.one " + severity, "post.two P0").lock(
        ONE, "post.two: test_two.py::test_one"
    )
    project.write("test_one.py", MEASURED.replace(".expect(1)", ".expect(2)"))
    project.write("test_two.py", MEASURED.replace("post.one", "post.two"))
    ran = project.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == (verdict, code), ran.text
    assert ran.item("post.one")["state"] == "failed"
    for word in ("expected", "actual", "read", "again"):
        assert f"  {word} " in ran.text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("pytest.skip('no variable')", "check-skipped"),
        ("pass", "check-without-evidence"),
        ("evidence.measured(subject='own:x', asked='q', value=1)", "check-without-evidence"),
        ("pytest.xfail('known')", "check-xfail"),
        ("raise ProbeError('nobody answers')", "check-broken"),
    ],
)
def test_what_was_not_measured_is_hold(
    project: Project, workers: Workers, body: str, code: str
) -> None:
    project.items("post.one P0").lock(ONE)
    project.write(
        "test_one.py",
        f"""\
        import pytest
        from pytest_metarelease.errors import ProbeError

        @pytest.mark.verifies("post.one")
        def test_one(evidence):
            {body}
        """,
    )
    ran = project.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21), ran.text
    assert ran.item("post.one")["state"] == "not verified"
    assert code in ran.codes("post.one")


def test_a_swallowed_failure_is_still_a_failure(project: Project, workers: Workers) -> None:
    project.items("post.one P0").lock(ONE)
    project.write(
        "test_one.py",
        """\
        import contextlib
        import pytest

        @pytest.mark.verifies("post.one")
        def test_one(evidence):
            with contextlib.suppress(AssertionError):
                evidence.measured(subject="own:x", asked="q", value=1).expect(2)
        """,
    )
    ran = project.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.codes("post.one")) == ("NO-GO", ["evidence-unmet"]), ran.text


def test_deselected_checks_are_listed_as_not_run(project: Project, workers: Workers) -> None:
    project.items("post.one P0", "post.two P0").lock(ONE, "post.two: test_one.py::test_two")
    project.write("test_one.py", MEASURED + MEASURED.replace("one", "two"))
    ran = project.pytest("-m", "post_deploy", "-k", "two", *workers)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21)
    assert ran.codes("post.one") == ["check-not-run"]
    assert "post.one" in ran.text


def test_a_failure_that_no_item_claims_is_no_go(project: Project, workers: Workers) -> None:
    project.items("post.one P0").write("test_one.py", MEASURED).lock(ONE)
    project.write(
        "test_other.py",
        "import pytest\n\n@pytest.mark.post_deploy\ndef test_other():\n    assert 1 == 2\n",
    )
    ran = project.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == ("NO-GO", 1), ran.text
    assert [one["nodeid"] for one in ran.decision["unclaimed"]] == ["test_other.py::test_other"]


def test_a_part_of_a_stage_is_titled_so(project: Project, workers: Workers) -> None:
    project.items("post.one P0 smoke", "post.two P0").lock(ONE, "post.two: test_one.py::test_two")
    project.write("test_one.py", MEASURED + MEASURED.replace("one", "two"))
    ran = project.pytest("-m", "smoke", *workers)
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text
    assert "GO for 1 of 2 post_deploy items" in ran.text
    assert ran.decision["scope"]["complete"] is False


def test_without_a_lock_nothing_is_go(project: Project, workers: Workers) -> None:
    project.items("post.one P0").write("test_one.py", MEASURED)
    ran = project.pytest("-m", "post_deploy", *workers)
    assert (ran.verdict, ran.exit_code) == ("HOLD", 21)
    assert "lock-missing" in str(ran.decision)


def test_a_scope_that_selects_by_items_not_by_union_of_marks(
    project: Project, workers: Workers
) -> None:
    project.items("post.one P0 smoke", "post.two P0 security").lock(
        "post.one: test_one.py::test_both", "post.two: test_one.py::test_both"
    )
    project.write(
        "test_one.py",
        MEASURED.replace('verifies("post.one")', 'verifies("post.one", "post.two")').replace(
            "test_one", "test_both"
        ),
    )
    ran = project.pytest("-m", "smoke and not security", *workers)
    assert (ran.verdict, ran.exit_code) == ("GO", 0), ran.text
    assert ran.decision["scope"]["items"] == ["post.one"]


def test_an_uncommitted_tree_cannot_vouch_for_the_release(project: Project) -> None:
    project.items("post.one P0").write("test_one.py", MEASURED).lock(ONE).commit()
    project.write("release.yaml", (project.path / "release.yaml").read_text() + "# changed\n")
    assert project.run_uncommitted("-m", "post_deploy") == 21
    assert "tree-dirty" in str(project.decision())
