"""JUnit XML that does not lie by omission: the verdict, the items of each test, and what never ran.

Writes only what the decision holds, into the file that pytest writes for ``--junitxml``; whatever
goes wrong here changes no verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

import pytest

from pytest_metarelease.gate.values import State, Verdict
from pytest_metarelease.reports.text import one_line

if TYPE_CHECKING:
    from _pytest.junitxml import LogXML

    from pytest_metarelease.gate.values import Decision, ItemDecision
    from pytest_metarelease.plugin.collection import Collection
    from pytest_metarelease.plugin.state import Run

_LONGEST = 2_000
_MOST_FINDINGS = 50


def begin(config: pytest.Config, run: Run, collection: Collection) -> None:
    """Note the items of each test while it is reported, where ``--junitxml`` is given."""
    if getattr(config.option, "xmlpath", None):
        config.pluginmanager.register(_Items(config, run, collection), "metarelease: junit")


def finish(config: pytest.Config, decision: Decision) -> str:
    """Write the file again with the verdict in it; return why that was not possible, or nothing.

    pytest writes it before the end of the session, at which the verdict is made.
    """
    xml = writer(config)
    if xml is None:
        return ""
    try:
        for name, value in _properties(decision).items():
            xml.add_global_property(name, value)
        for item in decision.items:
            # Also what was carried: its tests alone would not say from where.
            if item.state in (State.FAILED, State.NOT_VERIFIED, State.CARRIED):
                _add_testcase(xml, item)
        for number, finding in enumerate(decision.findings[:_MOST_FINDINGS]):
            text = finding.reason.text
            reporter = _testcase(xml, f"run/{number}", "run", finding.reason.code)
            reporter.append(
                _element("error", f"{finding.verdict}: {text}", finding.reason.next_step)
            )
        xml.pytest_sessionfinish()
    except Exception as error:  # noqa: BLE001 - a report must not change what it reports
        return one_line(f"{xml.logfile}: the verdict is not in it: {error!r}", 500)
    return ""


def take_back(xml: LogXML | None, why: str) -> None:
    """Write the file once more without the GO that it holds."""
    if xml is None:
        return
    verdict = Verdict.HOLD
    changed = {"release.verdict": verdict.value, "release.exit_code": str(verdict.exit_code)}
    changed["release.title"] = _text(f"{verdict}: {why}")
    xml.global_properties[:] = [
        (name, changed.get(name, value)) for name, value in xml.global_properties
    ]
    reporter = _testcase(xml, "run/taken-back", "run", "overtaken")
    reporter.append(_element("error", f"{verdict}: {why}", "see the end of pytest's output"))
    xml.pytest_sessionfinish()


def writer(config: pytest.Config) -> LogXML | None:
    """Return what writes the file of ``--junitxml``; None without it, and after unconfigure."""
    # pytest's own fixture `record_testsuite_property` finds its writer in the same way.
    from _pytest.junitxml import xml_key

    return config.stash.get(xml_key, None)


def _properties(decision: Decision) -> dict[str, str]:
    record = decision.record
    return {
        "release.verdict": decision.verdict.value,
        "release.title": decision.title,
        "release.exit_code": str(decision.exit_code),
        "release.run_id": record.run_id,
        "release.version": record.release_version,
        "release.commit": record.release_commit,
        "release.environment": record.environment,
    }


def _add_testcase(xml: LogXML, item: ItemDecision) -> None:
    """Add one testcase for an item that is not verified, whatever its tests say.

    One that weighs nothing (P3, or carried) is skipped: a red line without a reason against GO
    misleads.
    """
    reporter = _testcase(xml, item.id, item.stage, f"{item.id} {item.title}")
    reporter.add_property("release.items", item.id)
    message = "; ".join(one.text for one in item.reasons) or item.state.value
    if item.verdict is Verdict.GO:
        kind = "skipped"
    else:
        kind = "failure" if item.state is State.FAILED else "error"
    steps = dict.fromkeys(one.next_step for one in item.reasons if one.next_step)
    reporter.append(_element(kind, f"{item.state}: {message}", "; ".join(steps)))


def _testcase(xml: LogXML, key: str, group: str, name: str) -> Any:
    reporter = xml.node_reporter(f"checklist::{key}")
    reporter.attrs = {"classname": f"checklist.{group}", "name": _text(name)}
    return reporter


def _element(kind: str, message: str, text: str) -> Element:
    element = Element(kind, message=_text(message))
    element.text = _text(text)
    return element


def _text(text: str) -> str:
    return one_line(text, _LONGEST)


class _Items:
    """Puts ``release.items`` on the testcase of each check, in the process that writes the file."""

    def __init__(self, config: pytest.Config, run: Run, collection: Collection) -> None:
        from pytest_metarelease.lockfile import read_lock

        self._config = config
        self._collection = collection
        self._items: dict[str, list[str]] = {}
        lock = read_lock(run.root / "checks.lock")
        for item in run.manifest.checklist:
            for nodeid in lock.checks(item.id, run.environment):
                self._items.setdefault(nodeid, []).append(item.id)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the items at the teardown, before pytest closes the testcase."""
        if report.when != "teardown":
            return
        nodeid = self._collection.nodeid_of(str(report.nodeid))
        items = self._items.get(nodeid) or self._collection.bindings.get(nodeid)
        xml = writer(self._config)
        if items and xml is not None:
            reporter: Any = xml.node_reporter(report)
            reporter.add_property("release.items", ", ".join(items))
