"""SARIF 2.1.0 as gitleaks, semgrep, slither, CodeQL and bandit write it.

It accepts no suppression and no success that a file grants itself, and reads neither messages nor
snippets: they hold the secrets. https://docs.oasis-open.org/sarif/sarif/v2.1.0/
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import (
    ProbeError,
    RefusedError,
    TooFewSamplesError,
    UnsupportedError,
)
from pytest_metarelease.probes.scans.findings import (
    Finding,
    Scanned,
    moment,
    numbered,
    objects,
    severity_of,
    text,
    worse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEVELS = {"note": "low", "warning": "medium", "error": "high"}
_PASSING = ("pass", "notApplicable", "informational")
_MOST_RUNS = 50
#: The least score of each severity, as GitHub reads `security-severity` (CVSS 3.1).
_SCORES = (("critical", 9.0), ("high", 7.0), ("medium", 4.0), ("low", 0.1), ("info", 0.0))


def read_sarif(document: dict[str, Any]) -> Scanned:
    """Return what the runs of a log found.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: It is no such log.
        TooFewSamplesError: It has no run.
    """
    if document["version"] != "2.1.0":
        raise ValueError(f"it is SARIF {document['version']!r:.20}, not 2.1.0")
    runs = objects(document, "runs")
    if not runs:
        raise TooFewSamplesError("it has no run of the tool")
    if len(runs) > _MOST_RUNS:
        raise ValueError(f"it has {len(runs)} runs; {_MOST_RUNS} are read")
    read = [_Run.of(one) for one in runs]
    ended = [one.finished for one in read if one.finished is not None]
    problems = [problem for one in read for problem in one.problems()]
    if objects(document, "inlineExternalProperties"):
        problems.append(UnsupportedError("results outside of its runs are not read"))
    return Scanned(
        tools=tuple(dict.fromkeys(one.tool for one in read)),
        findings=numbered(finding for one in read for finding in one.findings()),
        looked_at=", ".join(one.looked_at() or "nothing that it tells" for one in read),
        problems=tuple(problems),
        revisions=tuple(one.revisions for one in read),
        finished=min(ended) if len(ended) == len(read) else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One run: ``rules`` of the tool itself first, then of each extension."""

    raw: dict[str, Any]
    tool: str
    rules: list[list[dict[str, Any]]]
    results: list[dict[str, Any]]
    artifacts: list[dict[str, Any]]
    invocations: list[dict[str, Any]]
    revisions: frozenset[str]
    finished: datetime | None

    @classmethod
    def of(cls, raw: dict[str, Any]) -> _Run:
        driver = raw["tool"]["driver"]
        parts = [driver, *objects(raw["tool"], "extensions")]
        invocations = objects(raw, "invocations")
        ended = [moment(text(one, "endTimeUtc")) for one in invocations if "endTimeUtc" in one]
        provenance = objects(raw, "versionControlProvenance")
        return cls(
            raw=raw,
            tool=text(driver, "name"),
            rules=[objects(one, "rules") for one in parts],
            results=objects(raw, "results"),
            artifacts=objects(raw, "artifacts"),
            invocations=invocations,
            revisions=frozenset(
                text(one, "revisionId").lower() for one in provenance if "revisionId" in one
            ),
            finished=min(ended) if ended and len(ended) == len(invocations) else None,
        )

    def looked_at(self) -> str:
        """Return what it says that it looked for and at; empty where that is nothing."""
        lines = self._lines()
        if lines == 0:
            return ""
        found = [(sum(map(len, self.rules)), "rules"), (len(self.artifacts), "files")]
        found.append((lines or 0, "lines"))
        return ", ".join(f"{number} {what}" for number, what in found if number)

    def _lines(self) -> int | None:
        """Return the lines that bandit counts; the format has no place for such a number."""
        properties = self.raw.get("properties") or {}
        totals = (properties.get("metrics") or {}).get("_totals") or {}
        lines = totals.get("loc")
        return lines if isinstance(lines, int) and not isinstance(lines, bool) else None

    def problems(self) -> Iterator[ProbeError]:
        """Yield why the run is not whole."""
        if self.raw.get("results") is None:
            yield TooFewSamplesError(f"{self.tool} has no results, not even none")
        elif not self.looked_at() and not self.results:
            yield TooFewSamplesError(f"{self.tool} names no rule and no file that it looked at")
        if self.raw.get("externalPropertyFileReferences"):
            yield UnsupportedError("results in further files are not read")
        for one in self.invocations:
            if one.get("executionSuccessful") is not True:
                yield RefusedError(f"{self.tool} says that its run did not succeed")
            for key in ("toolExecutionNotifications", "toolConfigurationNotifications"):
                errors = [each for each in objects(one, key) if each.get("level") == "error"]
                if errors:
                    yield RefusedError(
                        f"{self.tool} met {len(errors)} errors, the first at {_place(errors[0])}"
                    )

    def findings(self) -> Iterator[Finding]:
        """Yield what it found, suppressed or not."""
        for result in self.results:
            kind, level = result.get("kind", "fail"), result.get("level")
            if result.get("baselineState") == "absent":
                continue  # no longer there (3.27.24)
            if kind in _PASSING and level in (None, "none"):
                continue
            rule, name = self._rule(result)
            severity, note = self._severity(kind, level, rule)
            notes = [one for one in (note, _suppressed(result)) if one]
            yield Finding(f"{name}:{_place(result)}", severity, ", ".join(notes))

    def _rule(self, result: dict[str, Any]) -> tuple[dict[str, Any], str]:
        reference = result.get("rule") or {}
        component = reference.get("toolComponent") or {}
        name = result.get("ruleId", reference.get("id"))
        index = result.get("ruleIndex", reference.get("index", -1))
        if index >= 0 and (not component or "index" in component):
            part = component["index"] + 1 if component else 0
            if part < 0:
                raise ValueError("a result names a component that is none")
            rule = self.rules[part][index]
        else:
            every = (one for part in self.rules for one in part)
            rule = next((one for one in every if one.get("id") == name), {})
        return rule, text({"ruleId": name if name is not None else rule.get("id")}, "ruleId")

    def _severity(self, kind: str, level: Any, rule: dict[str, Any]) -> tuple[str, str]:
        if level is None:
            level = (rule.get("defaultConfiguration") or {}).get("level", "warning")
            if any(one.get("ruleConfigurationOverrides") for one in self.invocations):
                level = None  # it may be any (3.27.10), and no tool leaves it to that
        severity, note = severity_of(level if kind == "fail" else None, _LEVELS)
        score = (rule.get("properties") or {}).get("security-severity")
        if score is None:
            return severity, note
        by_score, unclear = _of_score(score)
        return worse(severity, by_score), note or unclear


def _of_score(score: Any) -> tuple[str, str]:
    try:
        number = float(score)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number <= 10:
        return severity_of(None, {})
    return next(name for name, least in _SCORES if number >= least), ""


def _suppressed(result: dict[str, Any]) -> str:
    """Return that the file itself suppresses a result, which is for the manifest alone to do."""
    found = objects(result, "suppressions")
    if not found:
        return ""
    kinds = ", ".join(sorted({str(one.get("kind"))[:20] for one in found}))
    return f"suppressed by the tool: {kinds}"


def _place(owner: dict[str, Any]) -> str:
    """Return where something is, as ``src/a.py:12:5``."""
    for location in objects(owner, "locations"):
        physical = location.get("physicalLocation") or {}
        uri = (physical.get("artifactLocation") or {}).get("uri")
        region = physical.get("region") or {}
        if uri is not None:
            parts = [uri, region.get("startLine"), region.get("startColumn")]
            return ":".join(str(one) for one in parts if one is not None)
        for logical in objects(location, "logicalLocations"):
            return str(logical.get("fullyQualifiedName", logical.get("name", "")))
    return "nowhere"
