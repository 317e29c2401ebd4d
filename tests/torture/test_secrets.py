"""Secrets are planted in every channel, and every byte of every sink is searched for them.

One session without the plugin shows that channels do leak; then the same session with it, alone
and with two workers. Each channel is an assertion of its own and names the sinks that leak.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.forks.running import WITH_REPORTERS
from tests.plugin.project import Ran
from tests.torture.place import Place, check
from tests.torture.secret_channels import CHANNELS, Channel, suite

SINKS = {
    "junit": "junit.xml",
    "reportlog": "log.jsonl",
    "html": "page.html",
    "json report": "report.json",
    "Allure": "allure",
    "cache": ".pytest_cache",
    "packet": "release-evidence",
    "step summary": "summary.txt",
}
REPORTS = (
    "-rA", "-v", "--showlocals", "--junit-xml=junit.xml", "-o", "junit_logging=all",
    "--report-log=log.jsonl", "--html=page.html", "--self-contained-html", "--json-report",
    "--json-report-file=report.json", "--alluredir=allure",
)  # fmt: skip
VARIABLES = {**{one.variable: one.secret for one in CHANNELS}, **WITH_REPORTERS}


@dataclass(frozen=True, slots=True)
class Searched:
    """What one session wrote: the bytes of every sink, in lower case."""

    ran: Ran
    sinks: Mapping[str, bytes]

    def leaks(self, channel: Channel) -> list[str]:
        """Return the sinks that show what a channel planted."""
        return [
            name
            for name, content in self.sinks.items()
            if any(one in content for one in channel.sightings)
        ]


def _session(place: Place, *options: str) -> Searched:
    place.one()
    place.write("test_channels.py", suite())
    with (place.path / ".gitignore").open("a") as ignored:
        ignored.write("".join(f"/{name}\n" for name in SINKS.values()))
    summary = str(place.path / "summary.txt")
    ran = place.pytest(*REPORTS, *options, GITHUB_STEP_SUMMARY=summary, **VARIABLES)
    sinks = {"terminal": ran.text.lower().encode()}
    for name, where in SINKS.items():
        path = place.path / where
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        sinks[name] = b"\n".join(one.read_bytes() for one in files if one.is_file()).lower()
    return Searched(ran, sinks)


@pytest.fixture(scope="module")
def unmasked(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    """The session without the plugin."""
    return _session(
        Place(tmp_path_factory.mktemp("unmasked") / "project", wired=True),
        "-p",
        "no:pytest_metarelease.plugin",
    )


WAYS = {
    "alone": ("--release-gate=on",),
    "-n2": ("--release-gate=on", "-n", "2"),
    "no-verdict": ("--release-gate=off",),
}


@pytest.fixture(scope="module", params=WAYS)
def masked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Searched:
    """The session with the plugin: alone, with two workers, and without a verdict."""
    return _session(
        Place(tmp_path_factory.mktemp("masked") / "project", wired=True), *WAYS[request.param]
    )


@pytest.mark.parametrize(
    "sink", ["terminal", "junit", "reportlog", "html", "json report", "Allure", "cache"]
)
def test_without_us_every_sink_leaks(unmasked: Searched, sink: str) -> None:
    assert [one.name for one in CHANNELS if sink in unmasked.leaks(one)]


def test_without_us_nearly_every_channel_leaks(unmasked: Searched) -> None:
    silent = {one.name for one in CHANNELS if not unmasked.leaks(one)}
    # The fixture is not there; the error names no value; the bytes are wrapped over lines.
    assert silent <= {"evidence", "malformed_key", "account_key_bytes"}


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda one: one.name)
def test_no_sink_shows_what_a_channel_planted(masked: Searched, channel: Channel) -> None:
    assert masked.leaks(channel) == []


def test_the_session_ran_every_channel(masked: Searched) -> None:
    told = masked.sinks["terminal"].decode()
    assert [one.name for one in CHANNELS if f"test_{one.name}" not in told] == []
    assert "***" in told


LEAKS = """
@pytest.fixture(autouse=True)
def leak():
    yield
    open(LEAK, "a").write(os.environ["OWN_TOKEN"])
"""


@pytest.mark.parametrize("file", ["release-evidence/own.txt", "allure/own-attachment.txt"])
def test_a_secret_in_an_artifact_is_a_hold(
    place: Place, workers: tuple[str, ...], file: str
) -> None:
    place.one(check(before=LEAKS.replace("LEAK", repr(file))))
    (place.path / ".git/info/exclude").write_text("/allure\n")
    secret = "plain-s3cret-value"
    ran = place.pytest("-m", "post_deploy", "--alluredir=allure", *workers, OWN_TOKEN=secret)
    assert (ran.exit_code, ran.verdict) == (21, "HOLD"), ran.text
    assert "secret-leaked" in place.finding_codes()
    assert file in ran.text
    assert "OWN_TOKEN" in ran.text
    assert secret not in ran.text


def test_a_secret_written_after_the_decision_takes_go_back(place: Place) -> None:
    conftest = """
    import os
    def pytest_unconfigure():
        open("release-evidence/late.txt", "w").write(os.environ["OWN_TOKEN"])
    """
    place.one(conftest=conftest)
    ran = place.pytest("-m", "post_deploy", OWN_TOKEN="plain-s3cret-value")
    assert (ran.exit_code, ran.verdict) == (21, "HOLD"), ran.text
    assert "late.txt" in ran.text


def test_an_id_written_by_hand_that_holds_a_secret_is_refused(
    place: Place, workers: tuple[str, ...]
) -> None:
    marks = "@pytest.mark.parametrize('x', [pytest.param(1, id='plain-s3cret-value')])"
    place.one(check(marks=marks).replace("(evidence)", "(evidence, x)"))
    ran = place.pytest("-m", "post_deploy", *workers, OWN_TOKEN="plain-s3cret-value")
    assert ran.exit_code == 4, ran.text
    assert "the id of this test holds a secret" in ran.text
    assert "plain-s3cret-value" not in ran.text


def test_a_short_value_is_named_and_masked_in_its_own_place_only(place: Place) -> None:
    place.one(check("print('password=short5; and short5 again')\nassert False"))
    ran = place.pytest("-m", "post_deploy", OWN_PASSWORD="short5")
    assert "secrets: OWN_PASSWORD: under 8 characters" in ran.text
    assert "password=***; and short5 again" in ran.text


def test_a_crash_dump_holds_no_values(place: Place, workers: tuple[str, ...]) -> None:
    body = "held = os.environ['OWN_TOKEN']\nos.kill(os.getpid(), signal.SIGSEGV)"
    place.one(check(body))
    ran = place.pytest("-m", "post_deploy", *workers, OWN_TOKEN="plain-s3cret-value")
    assert "Fatal Python error" in ran.text
    assert "plain-s3cret-value" not in ran.text
