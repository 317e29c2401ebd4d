"""Where secrets could leave a pytest process, and are masked: reports, logs, warnings, ids, Allure.

Decides nothing. What a test writes past pytest (`-s`, its own files) is not here; the search of
``leaks`` finds what reached an artifact all the same.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import MetareleaseError
from pytest_metarelease.plugin.secret_sources import learn
from pytest_metarelease.plugin.state import RUN
from pytest_metarelease.redaction import MASK, Redactor

if TYPE_CHECKING:
    import warnings
    from collections.abc import Callable, Generator

NAME = "metarelease: secrecy"
REDACTOR: pytest.StashKey[Redactor] = pytest.StashKey()
_TestReport = pytest.TestReport


class Secrecy:
    """Masks in one process, with or without a verdict; active from configure to unconfigure."""

    def __init__(self, redactor: Redactor, manifest: Path) -> None:
        from pytest_metarelease.plugin.secret_logging import MaskedRecords

        self.redactor = redactor
        learn(redactor, os.environ, manifest.read_bytes())
        self._records = MaskedRecords(redactor.mask)
        self._allure: Any = None
        self._reporter: object = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Put Allure's writer behind the mask, and learn what the controller prepared."""
        _learn_in_worker(session.config)
        if getattr(session.config.option, "allure_report_dir", None):
            from pytest_metarelease.reports.allure_masking import MaskedWriter

            folder = Path(session.config.option.allure_report_dir)
            self._allure = MaskedWriter(self.redactor, folder, _measured(session.config))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_header(self) -> Generator[None, list[Any], list[Any]]:
        """Mask what any plugin says before the first test; name what is too short to mask."""
        from pytest_metarelease.plugin.cleansing import masked_value

        lines: list[Any] = masked_value(self.redactor.mask, (yield))
        if self.redactor.short:
            names = ", ".join(sorted(self.redactor.short))
            # The last one is printed first.
            said = "under 8 characters or a common default, masked only beside a key or in a URL"
            lines = [*lines, f"secrets: {names}: {said}"]
        return lines

    def pytest_make_parametrize_id(self, val: object) -> str | None:
        """Make no id of a secret value: ids are names, and go everywhere."""
        if isinstance(val, bytes):
            val = val.decode("latin-1")
        return MASK if isinstance(val, str) and self.redactor.holds_registered(val) else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Refuse an id that was written by hand and holds a secret: it cannot be masked.

        Raises:
            pytest.UsageError: Where no collection of ours gathers what is wrong.
        """
        start = item.name.find("[")
        if start < 0 or not self.redactor.holds_registered(item.name[start:]):
            return
        problem = (
            f"{self.redactor.mask(item.nodeid)}: the id of this test holds a secret, and ids are "
            "printed everywhere; give the case an id of its own: pytest.param(value, id='name')"
        )
        collection: Any = item.config.pluginmanager.get_plugin("metarelease: collection")
        if collection is None:
            raise pytest.UsageError(problem)
        # A worker cannot raise a usage error; the collection tells the controller.
        collection.problems.append(problem)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_make_collect_report(
        self,
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Mask why a file could not be collected."""
        report = yield
        if report.outcome != "passed" or report.sections:
            self._cleanse(report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Mask it again, where another process or plugin made the report."""
        if report.outcome != "passed" or report.sections:
            self._cleanse(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Mask a report before anybody writes it; one that passed in silence has no text."""
        found = report.__dict__
        if (
            found["outcome"] == "passed"
            and not found["sections"]
            and not found["user_properties"]
            and type(report) is _TestReport
            and "wasxfail" not in found
        ):
            return
        self._cleanse(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Mask the text of a warning; those of threads and destructors hold whole tracebacks."""
        from pytest_metarelease.plugin.cleansing import cleanse_warning

        cleanse_warning(self.redactor.mask, warning_message)

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: object) -> None:
        """Mask the traceback of an error of pytest or a plugin."""
        from pytest_metarelease.plugin.cleansing import cleanse_repr

        cleanse_repr(self.redactor.mask, excrepr)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_keyboard_interrupt(
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> Generator[None, None, None]:
        """Mask what the terminal keeps to say why the run was ended."""
        from pytest_metarelease.plugin.cleansing import cleanse_repr

        error = excinfo.value
        if isinstance(error, pytest.exit.Exception):
            error.msg = self.redactor.mask(str(error.msg))
            error.args = (error.msg,)
        yield
        cleanse_repr(self.redactor.mask, getattr(self._reporter, "_keyboardinterrupt_memo", None))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Mask what JUnit was told about the whole run, which comes to it past every report."""
        from pytest_metarelease.plugin.cleansing import masked_value

        for plugin in session.config.pluginmanager.get_plugins():
            if type(plugin).__name__ == "LogXML":
                told: Any = plugin
                told.global_properties = masked_value(self.redactor.mask, told.global_properties)
        return (yield)

    def pytest_configure(self, config: pytest.Config) -> None:
        """Remember who prints."""
        self._reporter = config.pluginmanager.get_plugin("terminalreporter")

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self) -> None:
        """Leave logging and Allure as they were."""
        self._records.stop()
        if self._allure is not None:
            self._allure.stop()
            self._allure = None

    def _cleanse(self, report: object) -> None:
        from pytest_metarelease.plugin.cleansing import cleanse

        cleanse(self.redactor.mask, report)


def redactor_of(config: pytest.Config) -> Redactor:
    """Return the redactor of this process; it learns more when the environment is resolved."""
    return config.stash.setdefault(REDACTOR, Redactor())


def begin(config: pytest.Config, manifest: Path) -> None:
    """Mask from now on; once per process, whoever asks first."""
    if not config.pluginmanager.has_plugin(NAME):
        config.pluginmanager.register(Secrecy(redactor_of(config), manifest), NAME)


def _measured(config: pytest.Config) -> Callable[[], bool]:
    """Return whether the running test measured anything; one outside a gated run need not."""
    from pytest_metarelease.plugin.session_target import NOTEBOOK

    def measured() -> bool:
        notebook = config.stash.get(NOTEBOOK, None)
        return notebook is None or notebook.check is None or notebook.met()

    return measured


def _learn_in_worker(config: pytest.Config) -> None:
    """Resolve the environment before the first test: Allure writes in workers, too."""
    if not hasattr(config, "workerinput") or not config.stash[RUN].gate.on:
        return
    from pytest_metarelease.plugin.session_target import target_of

    # What is wrong with the target, the check that needs it says.
    with contextlib.suppress(MetareleaseError):
        target_of(config)
