"""Scans of other tools: only of this commit, only whole ones, and what they found counts.

The files in ``scans_of_tools`` were written by the tools themselves: bandit 1.9.4 and semgrep
1.185.0 over a file of a few lines each (one faulty, one clean; bandit also over an empty folder and
one that is no Python), npm 11.19.1 and pip-audit 2.10 over a lock file of one or two packages, with
advisories served on 127.0.0.1.
"""

from __future__ import annotations

import copy
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import ProbeError, UnmetError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.scalars import Seconds
from pytest_metarelease.manifest.scanning import AllowedFinding, Scan
from pytest_metarelease.probes.scans import reading
from pytest_metarelease.probes.scans.probe import ScanProbe

if TYPE_CHECKING:
    from collections.abc import Callable

MADE = Path(__file__).parent / "scans_of_tools"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOW = datetime(2030, 1, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SARIF = {"format": "sarif", "tool": "Gitleaks", "about": "secrets"}


def of(name: str) -> dict[str, Any]:
    """Return how a file of a tool is declared."""
    tool, forms = name.partition("-")[0], {"npm": "npm-audit", "pip": "pip-audit"}
    form = forms.get(tool, "sarif")
    names = {"bandit": "bandit", "semgrep": "Semgrep OSS"}
    about = "code" if form == "sarif" else "dependencies"
    return {"format": form, "tool": names.get(tool), "about": about}


def read(name: str) -> Any:
    """Return what a tool wrote, as if it had ended an hour ago."""
    (file,) = MADE.glob(f"{name}.*")
    document = json.loads(file.read_bytes())
    for run in document.get("runs", ()):
        for one in run.get("invocations", ()):
            if "endTimeUtc" in one:
                one["endTimeUtc"] = "2030-01-02T11:00:00Z"
    return document


def log(*results: dict[str, Any], **other: Any) -> dict[str, Any]:
    """Return a log of gitleaks' shape: rules without levels, no invocation, no commit."""
    rules = [{"id": "private-key"}, {"id": "jwt", "properties": {"security-severity": "9.1"}}]
    run = {"tool": {"driver": {"name": "gitleaks", "rules": rules}}, "results": list(results)}
    return {"version": "2.1.0", "runs": [{**run, **other}]}


def leak(name: str = "private-key", line: int = 3, **other: Any) -> dict[str, Any]:
    """Return a result as gitleaks writes one, the secret among it."""
    place = {"artifactLocation": {"uri": "deploy.env"}, "region": {"startLine": line}}
    message = {"text": "private-key has detected secret hunter2"}
    return {
        "ruleId": name,
        "message": message,
        "locations": [{"physicalLocation": place}],
        **other,
    }


def stamp_of(content: bytes, **other: Any) -> dict[str, Any]:
    """Return the stamp that docs/scans.md describes."""
    digest = hashlib.sha256(content).hexdigest()
    return {
        "sha256": digest,
        "commit": COMMIT,
        "finished_at": (NOW - HOUR).isoformat(),
        **other,
    }


def judge(
    folder: Path, document: Any, stamp: dict[str, Any] | None = None, **declared: Any
) -> tuple[Judgement, str]:
    """Return what is on record of a scan, and all that was said of it.

    ``stamp`` are members of its stamp that differ; ``{"none": True}`` for none.
    """
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    if document is not None:
        (folder / "scan").write_bytes(content)
    stamped = not (stamp or {}).get("none")
    (folder / "stamp").write_text(json.dumps(stamp_of(content, **(stamp or {}))))
    book = Notebook()
    book.check = "check"
    said = ""
    given = {"file": "scan", "stamp": "stamp" if stamped else None, **SARIF, **declared}
    probe = ScanProbe(
        name="one", declared=Scan(**given), root=folder, commit=COMMIT, now=NOW, recorder=book
    )
    try:
        probe.expect(next_step="look at it")
    except (UnmetError, ProbeError) as raised:
        said = f"{type(raised).__name__}: {raised}"
    (_, citation) = book.citations["check"]
    (measured,) = book.measurements.values()
    assert citation.subject == "scan:one"
    assert (citation.judgement is Judgement.MET) == (not said)
    assert (citation.judgement is Judgement.UNMET) == said.startswith("UnmetError")
    return citation.judgement, f"{said}\n{measured.answer}"


def test_no_file_is_no_scan(tmp_path: Path) -> None:
    judged, said = judge(tmp_path, None)
    assert judged is Judgement.UNKNOWN
    assert "UnreachableError: scan: scan is not there" in said


@pytest.mark.parametrize("name", ["bandit-clean", "semgrep-clean", "npm-clean", "pip-clean"])
def test_what_a_tool_says_of_clean_things_verifies(tmp_path: Path, name: str) -> None:
    judged, said = judge(tmp_path, read(name), **of(name))
    assert judged is Judgement.MET, said
    assert "0 count; of " in said
    assert "sha256:" in said


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("bandit-found", ("3 count", "B324:src/a.py:6:12 (high)", "B404:src/a.py:2:1 (low)")),
        ("semgrep-found", ("2 count", "(high, suppressed by the tool: inSource)")),
        ("npm-found", ("3 count", "lodash:GHSA-35jh-r3h4-6jhm (high)")),
        ("pip-found", ("1 count", "jinja2:PYSEC-2019-217 (critical, severity not told)")),
    ],
)
def test_what_a_tool_found_counts(tmp_path: Path, name: str, found: tuple[str, ...]) -> None:
    judged, said = judge(tmp_path, read(name), **of(name))
    assert judged is Judgement.UNMET
    assert all(one in said for one in found), said


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("bandit-nothing", "TooFewSamplesError: scan: Bandit names no rule and no file"),
        ("bandit-unread", "RefusedError: scan: Bandit met 1 errors, the first at broken/c.py"),
        ("npm-refused", "RefusedError: scan: npm audit failed: This command requires"),
        ("pip-nothing", "TooFewSamplesError: scan: pip-audit looked at no package"),
    ],
)
def test_what_a_tool_did_not_look_at_is_unknown(tmp_path: Path, name: str, why: str) -> None:
    judged, said = judge(tmp_path, read(name), **of(name))
    assert judged is Judgement.UNKNOWN
    assert why in said


@pytest.mark.parametrize(
    ("name", "form"),
    [("npm-clean", "pip-audit"), ("pip-clean", "npm-audit"), ("npm-clean", "sarif")],
)
def test_another_format_is_unknown(tmp_path: Path, name: str, form: str) -> None:
    assert judge(tmp_path, read(name), format=form)[0] is Judgement.UNKNOWN


@pytest.mark.parametrize("name", sorted(one.stem for one in MADE.iterdir()))
def test_a_torn_file_is_unknown(tmp_path: Path, name: str) -> None:
    content = json.dumps(read(name)).encode()
    for end in range(0, len(content), 331):
        assert judge(tmp_path, content[:end], **of(name))[0] is Judgement.UNKNOWN


def test_a_scan_needs_a_commit_and_a_time(tmp_path: Path) -> None:
    assert judge(tmp_path, log())[0] is Judgement.MET
    assert "declare its stamp" in judge(tmp_path, log(), {"none": True})[1]
    at = [{"revisionId": COMMIT.upper()}]
    ended = [{"executionSuccessful": True, "endTimeUtc": "2030-01-02T11:00:00Z"}]
    itself = {"versionControlProvenance": at, "invocations": ended}
    assert judge(tmp_path, log(**itself), {"none": True})[0] is Judgement.MET
    assert judge(tmp_path, log(**itself))[0] is Judgement.MET
    for missing in itself:
        only = {key: one for key, one in itself.items() if key != missing}
        judged, said = judge(tmp_path, log(**only), {"none": True})
        assert judged is Judgement.UNKNOWN
        assert "declare its stamp" in said


LATER = {"endTimeUtc": "2030-01-02T13:00:00Z", "executionSuccessful": True}
EARLIER = {"endTimeUtc": "2029-12-24T13:00:00Z", "executionSuccessful": True}


@pytest.mark.parametrize(
    ("other", "stamp", "declared"),
    [
        ({}, {"commit": COMMIT[::-1]}, {}),
        ({}, {"commit": COMMIT[:12]}, {}),
        ({"versionControlProvenance": [{"revisionId": COMMIT[::-1]}]}, {}, {}),
        ({}, {"sha256": "0" * 64}, {}),
        ({}, {"finished_at": (NOW - 25 * HOUR).isoformat()}, {}),
        ({}, {"finished_at": (NOW + HOUR).isoformat()}, {}),
        ({"invocations": [LATER]}, {}, {}),
        ({"invocations": [EARLIER]}, {}, {}),
        ({}, {}, {"max_age": Seconds(60)}),
        ({}, {}, {"tool": "slither"}),
    ],
)
def test_what_is_not_of_this_release_is_unknown_whatever_it_found(
    tmp_path: Path, other: dict[str, Any], stamp: dict[str, Any], declared: dict[str, Any]
) -> None:
    for found in ((), (leak(),)):
        judged, said = judge(tmp_path, log(*found, **other), stamp, **declared)
        assert judged is Judgement.UNKNOWN, said
        assert "WrongTargetError" in said


@pytest.mark.parametrize(
    "stamp",
    [
        {"finished_at": "2030-01-02T11:00:00"},
        {"finished_at": 5},
        {"commit": None},
        {"sha256": ""},
    ],
)
def test_a_wrong_stamp_is_unknown(tmp_path: Path, stamp: dict[str, Any]) -> None:
    judged, said = judge(tmp_path, log(), stamp)
    assert judged is Judgement.UNKNOWN
    assert "MalformedError" in said


def test_every_run_of_a_tool_must_be_whole(tmp_path: Path) -> None:
    document = log()
    document["runs"].append({**log()["runs"][0], "tool": {"driver": {"name": "gitleaks"}}})
    assert judge(tmp_path, document)[0] is Judgement.UNKNOWN
    document["runs"].append(log(leak())["runs"][0])
    assert judge(tmp_path, document)[0] is Judgement.UNMET
    document["runs"][-1]["tool"]["driver"]["name"] = "other"
    assert judge(tmp_path, document)[0] is Judgement.UNKNOWN


FAILED = {"invocations": [{"executionSuccessful": False}]}


@pytest.mark.parametrize(
    "other",
    [
        FAILED,
        {"invocations": [{}]},
        {"invocations": [{"executionSuccessful": "true"}]},
        {
            "invocations": [
                {"executionSuccessful": True, "toolExecutionNotifications": [{"level": "error"}]}
            ]
        },
        {"externalPropertyFileReferences": {"results": [{}]}},
        {"results": None},
    ],
)
def test_a_run_that_is_not_whole_is_unknown(tmp_path: Path, other: dict[str, Any]) -> None:
    judged, said = judge(tmp_path, log(**other))
    assert judged is Judgement.UNKNOWN, said


def test_what_a_failed_run_found_is_found(tmp_path: Path) -> None:
    assert judge(tmp_path, log(leak(), **FAILED))[0] is Judgement.UNMET


def test_a_scan_that_looked_for_nothing_is_unknown(tmp_path: Path) -> None:
    for runs in ("[]", "null"):
        assert judge(tmp_path, {**log(), "runs": json.loads(runs)})[0] is Judgement.UNKNOWN
    empty = log(tool={"driver": {"name": "gitleaks", "rules": []}})
    assert judge(tmp_path, empty)[0] is Judgement.UNKNOWN
    extended = log(tool={"driver": {"name": "gitleaks"}, "extensions": [{"rules": [{"id": "a"}]}]})
    assert judge(tmp_path, extended)[0] is Judgement.MET
    files = log(tool={"driver": {"name": "gitleaks"}}, artifacts=[{}])
    assert judge(tmp_path, files)[0] is Judgement.MET


@pytest.mark.parametrize(
    ("result", "severity"),
    [
        (leak(), "medium"),  # the format's default
        (leak(level="note"), "low"),
        (leak(level="error"), "high"),
        (leak("jwt", level="note"), "critical"),  # by its score
        (leak(level="none"), "critical, severity not told"),
        (leak(level="catastrophic"), "critical, severity not told"),
        (leak(level=7), "critical, severity not told"),
        (leak(kind="review"), "critical, severity not told"),
        (leak(kind="pass", level="error"), "critical, severity not told"),
        (leak(suppressions=[{"kind": "external"}]), "medium, suppressed by the tool: external"),
    ],
)
def test_severities_are_the_worst_that_they_may_be(
    tmp_path: Path, result: dict[str, Any], severity: str
) -> None:
    judged, said = judge(tmp_path, log(result))
    assert judged is Judgement.UNMET
    assert f":deploy.env:3 ({severity})" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("result", [leak(kind="pass"), leak(baselineState="absent")])
def test_what_is_no_finding_does_not_count(tmp_path: Path, result: dict[str, Any]) -> None:
    assert judge(tmp_path, log(result))[0] is Judgement.MET


def test_lighter_findings_are_counted_and_do_not_fail(tmp_path: Path) -> None:
    found = log(leak(level="note"), leak(level="note"))
    judged, said = judge(tmp_path, found, about="code", fails_at="medium")
    assert judged is Judgement.MET
    assert "2 lighter ones" in said
    judged, _ = judge(tmp_path, read("npm-found"), **of("npm-found"), fails_at="critical")
    assert judged is Judgement.UNMET


def permit(name: str, expires: str = "2030-01-02") -> AllowedFinding:
    """Return a permit that is valid today for the last time."""
    return AllowedFinding(id=name, reason="a key of tests", expires=expires)


def test_one_finding_is_allowed_until_its_last_day(tmp_path: Path) -> None:
    here = "private-key:deploy.env:3"
    judged, said = judge(tmp_path, log(leak()), allow=(permit(here),))
    assert judged is Judgement.MET
    assert f"allowed: {here} (medium)" in said
    for allowed in (
        permit(here, "2030-01-01"),
        permit("private-key"),
        permit("private-key:deploy.env:4"),
        permit(here.upper()),
    ):
        assert judge(tmp_path, log(leak()), allow=(allowed,))[0] is Judgement.UNMET
    assert judge(tmp_path, log(leak(), leak()), allow=(permit(here),))[0] is Judgement.UNMET
    both = (permit(here), permit(f"{here}#2"))
    assert judge(tmp_path, log(leak(), leak()), allow=both)[0] is Judgement.MET
    assert "a day that is over: a" in judge(tmp_path, log(), allow=(permit("a", "2030-01-01"),))[1]
    _, said = judge(tmp_path, log(), allow=both)
    assert f"allowed, but not found: {here}, {here}#2" in said


def test_a_package_that_was_left_out_was_not_audited(tmp_path: Path) -> None:
    document = read("pip-clean")
    document["dependencies"].append({"name": "own", "skip_reason": "not on PyPI"})
    judged, said = judge(tmp_path, document, **of("pip-clean"))
    assert judged is Judgement.UNMET
    assert "own:skipped (critical, not audited)" in said
    allowed = (permit("own:skipped"),)
    assert judge(tmp_path, document, **of("pip-clean"), allow=allowed)[0] is Judgement.MET


def of_npm(change: Callable[[dict[str, Any]], object]) -> Any:
    """Return an audit that found something, changed."""
    document = copy.deepcopy(read("npm-found"))
    change(document)
    return document


CONTRADICTIONS: dict[str, Callable[[dict[str, Any]], object]] = {
    "one is missing": lambda one: one["vulnerabilities"].pop("lodash"),
    "all are missing": lambda one: one["vulnerabilities"].clear(),
    "another count": lambda one: one["metadata"]["vulnerabilities"].update(high=0),
    "no packages counted": lambda one: one["metadata"].pop("dependencies"),
    "no reason": lambda one: one["vulnerabilities"]["minimist"].update(via=[]),
    "a circle": lambda one: one["vulnerabilities"]["minimist"].update(via=["mkdirp"]),
    "a reason that is not there": lambda one: one["vulnerabilities"]["minimist"].update(
        via=["nobody"]
    ),
    "npm 6": lambda one: one.update(auditReportVersion=1),
    "no version": lambda one: one.pop("auditReportVersion"),
    "an error": lambda one: one.update(error={"summary": "no network"}),
    "a text for an error": lambda one: one.update(error="no network"),
}


@pytest.mark.parametrize("change", CONTRADICTIONS)
def test_an_audit_that_contradicts_itself_is_unknown(tmp_path: Path, change: str) -> None:
    judged, said = judge(tmp_path, of_npm(CONTRADICTIONS[change]), **of("npm-found"))
    assert judged is Judgement.UNKNOWN, said


def test_npm_looked_at_no_package(tmp_path: Path) -> None:
    document = read("npm-clean")
    document["metadata"]["dependencies"]["total"] = 0
    judged, said = judge(tmp_path, document, **of("npm-clean"))
    assert (judged, "looked at no package" in said) == (Judgement.UNKNOWN, True)


def test_an_unknown_severity_of_npm_is_the_worst(tmp_path: Path) -> None:
    def change(one: dict[str, Any]) -> None:
        for via in one["vulnerabilities"]["lodash"]["via"]:
            via["severity"] = "terrible"

    judged, said = judge(tmp_path, of_npm(change), **of("npm-found"), fails_at="critical")
    assert judged is Judgement.UNMET
    assert "lodash:GHSA-35jh-r3h4-6jhm (critical, severity not told)" in said


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"null",
        b"[]",
        b"{" * 5000,
        b'{"version": "2.1.0", "runs": [], "runs": []}',
        b'{"version": "2.1.0", "runs": NaN}',
        b"<html>",
        {},
        {**log(), "version": "2.0.0"},
        {**log(), "runs": {}},
        {**log(), "runs": [None]},
        {**log(), "runs": [{}]},
        {**log(), "runs": log()["runs"] * 51},
        log(tool={"driver": {"name": ""}}),
        log(tool={"driver": {"name": ["gitleaks"]}}),
        log(results={}),
        log(results=[None]),
        log(leak(ruleIndex=2)),
        log(leak(ruleIndex="0")),
        log(leak(rule={"index": 0, "toolComponent": {"index": 5}})),
        log(leak(rule={"index": 0, "toolComponent": {"index": -7}})),
        log(leak(ruleId=None)),
        log(leak(ruleId=7)),
        log(leak(locations=["here"])),
        log(leak(suppressions="all")),
        log(versionControlProvenance=[{"revisionId": 7}]),
        log(invocations=[{"executionSuccessful": True, "endTimeUtc": "yesterday"}]),
    ],
)
def test_what_is_no_log_is_unknown(tmp_path: Path, document: Any) -> None:
    judged, said = judge(tmp_path, document)
    assert judged is Judgement.UNKNOWN
    assert said


def test_more_findings_than_are_read_are_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_FINDINGS", 5)
    assert judge(tmp_path, log(*[leak()] * 5))[0] is Judgement.UNMET
    judged, said = judge(tmp_path, log(*[leak()] * 6))
    assert (judged, "TooLargeError" in said) == (Judgement.UNKNOWN, True)


def test_a_folder_and_a_huge_file_are_unknown(tmp_path: Path) -> None:
    (tmp_path / "scan").mkdir()
    assert "is not there" in judge(tmp_path, None)[1]
    (tmp_path / "scan").rmdir()
    with (tmp_path / "scan").open("wb") as file:
        file.truncate(33 * 2**20)
    assert "TooLargeError" in judge(tmp_path, None)[1]
