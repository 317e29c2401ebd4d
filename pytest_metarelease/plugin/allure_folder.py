"""Where Allure writes: settled once by the process that controls the run, followed by its workers.

Writes nothing but the entry that says INCOMPLETE; what Allure is told at the end is ``reports``'.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

    from pytest_metarelease.plugin.state import Run


def settle(config: pytest.Config, run: Run) -> None:
    """Name the folder where the user named none, empty it if asked, and say INCOMPLETE there."""
    option: Any = config.option
    if getattr(option, "allure_report_dir", "absent") is None:
        option.allure_report_dir = str(run.packet / "allure-results")
    if not folder_of(config):
        return
    from pytest_metarelease.reports.allure import write_incomplete

    if option.clean_alluredir:
        shutil.rmtree(option.allure_report_dir, ignore_errors=True)
        option.clean_alluredir = False
    write_incomplete(Path(option.allure_report_dir), run.run_id, run.manifest.release.name)


def folder_of(config: pytest.Config) -> str | None:
    """Return the absolute folder of Allure's results, for workers; None without Allure."""
    given = getattr(config.option, "allure_report_dir", None)
    return str(Path(given).absolute()) if given else None


def follow(config: pytest.Config, folder: str | None) -> None:
    """Let a worker write where the controller said, and never empty that folder.

    A worker reads the command line again, so it neither knows the folder that we named nor that
    ``--clean-alluredir`` is done: the replacement of a crashed worker would delete what the others
    wrote.
    """
    option: Any = config.option
    if folder and hasattr(option, "allure_report_dir"):
        option.allure_report_dir = folder
        option.clean_alluredir = False
