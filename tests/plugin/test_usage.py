"""What is refused before anything runs: exit code 4, with words that help."""

from __future__ import annotations

import json

import pytest

from tests.plugin.project import MEASURED, ONE, Project

Workers = tuple[str, ...]


@pytest.fixture
def ready(project: Project) -> Project:
    """A project whose release would be GO."""
    return project.items("post.one P0 smoke").write("test_one.py", MEASURED).lock(ONE)


def test_a_typo_in_the_expression_is_refused(ready: Project, workers: Workers) -> None:
    ran = ready.pytest("-m", "post_deploi", *workers)
    assert ran.exit_code == 4
    assert "did you mean post_deploy?" in ran.text


def test_an_id_that_the_manifest_lacks_is_refused(ready: Project, workers: Workers) -> None:
    ready.write("test_one.py", MEASURED.replace("post.one", "post.onne"))
    ran = ready.pytest("-m", "post_deploy", *workers)
    assert ran.exit_code == 4, ran.text
    assert "did you mean post.one?" in ran.text
    assert ran.verdict == "HOLD"


def test_a_mark_that_contradicts_the_manifest_is_refused(ready: Project, workers: Workers) -> None:
    marked = MEASURED.replace("def test", "@pytest.mark.pre_deploy\ndef test")
    ran = ready.write("test_one.py", marked).pytest("-m", "post_deploy", *workers)
    assert ran.exit_code == 4, ran.text
    assert "'pre_deploy' contradicts the manifest" in ran.text


@pytest.mark.parametrize(
    "option", ["--collect-only", "--setup-plan", "--setup-only", "--lf", "--sw"]
)
def test_options_that_make_a_run_not_a_run_are_refused(ready: Project, option: str) -> None:
    ran = ready.pytest("-m", "post_deploy", option)
    assert ran.exit_code == 4
    assert f"{option} leaves checks out" in ran.text
    assert ran.verdict in ("HOLD", "none")


def test_asserts_that_do_nothing_are_refused(ready: Project) -> None:
    ran = ready.pytest("-m", "post_deploy", PYTHONOPTIMIZE="1")
    assert ran.exit_code == 4
    assert "python -O" in ran.text


def test_an_unknown_environment_is_refused(ready: Project) -> None:
    ran = ready.pytest("-m", "post_deploy", "--release-env", "hre")
    assert ran.exit_code == 4
    assert "did you mean here?" in ran.text


def test_ci_must_name_the_environment(ready: Project) -> None:
    ran = ready.pytest("-m", "post_deploy", CI="true")
    assert ran.exit_code == 4
    assert "--release-env here" in ran.text
    ran = ready.pytest("-m", "post_deploy", "--release-env", "here", CI="true")
    assert (ran.exit_code, ran.verdict) == (0, "GO"), ran.text


def test_faults_are_for_the_sandbox_only(ready: Project) -> None:
    ran = ready.pytest("-m", "post_deploy", "--release-fault", "api-slow")
    assert ran.exit_code == 4
    assert "works on a sandbox only" in ran.text


def test_a_broken_manifest_says_where(ready: Project) -> None:
    text = (ready.path / "release.yaml").read_text().replace("severity: P0", "severity: P9")
    ran = ready.write("release.yaml", text).pytest("-m", "post_deploy")
    assert ran.exit_code == 4
    assert "release.yaml:6:" in ran.text


def test_a_missing_variable_is_named(ready: Project) -> None:
    text = (ready.path / "release.yaml").read_text()
    text = text.replace("version: 1.0.0", 'version: "${NO_SUCH_VARIABLE}"')
    ran = ready.write("release.yaml", text).pytest("-m", "post_deploy")
    assert ran.exit_code == 4
    assert "variable NO_SUCH_VARIABLE is not set" in ran.text


def test_a_foreign_release_yaml_breaks_nobody(project: Project) -> None:
    project.write("release.yaml", "steps: [build, push]\n").write(
        "test_one.py", "def test_nothing():\n    assert True\n"
    )
    assert project.pytest().exit_code == 0


def test_marks_and_fixtures_explain_themselves(ready: Project) -> None:
    ran = ready.pytest("--markers")
    for name in ("verifies(id, ...)", "post_deploy", "P0", "smoke", "rollback"):
        assert f"@pytest.mark.{name}:" in ran.text
    ran = ready.pytest("--fixtures")
    for name in ("release", "api", "service", "chain", "contracts", "database", "external"):
        assert f"{name} " in ran.text or f"{name}\n" in ran.text
    for name in ("eventually", "evidence", "agree"):
        assert name in ran.text


def test_a_packet_elsewhere_may_be_named_in_two_words(
    ready: Project, workers: Workers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("elsewhere") / "packet"
    wanted = ("-m", "post_deploy", "--release-evidence", str(folder), *workers)
    ran = ready.pytest(*wanted)
    assert ran.exit_code == 0, ran.text
    assert json.loads((folder / "decision.json").read_bytes())["verdict"] == "GO"
    # Now that it is there, pytest itself takes it for a path and looks for its root there.
    again = ready.pytest(*wanted)
    assert again.exit_code == 4
    assert "--release-evidence=DIR" in again.text
