"""Options that would write over what a run leaves, or empty a folder that holds what decides.

Refuses them before anything is written. Other files beside ours, such as ``junit.xml`` in the
packet, are welcome.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

_OURS = ("decision.json", "decision.md", "record.json", "run.lock", "ledger", "history")
# Of pytest and plugins that are often there: the option, and where its value is.
_WRITING = {
    "--junitxml": "xmlpath",
    "--log-file": "log_file",
    "--report-log": "report_log",
    "--html": "htmlpath",
    "--json-report-file": "json_report_file",
}


def refuse_overwriting(config: pytest.Config, packet: Path, root: Path) -> None:
    """Refuse options by which another plugin would destroy the packet or the manifest's folder.

    Raises:
        UsageError: It names the option and what would be lost.
    """
    packet, root = _real(packet), _real(root)
    for option, path in _files(config):
        inside = _real(path).relative_to(packet).parts if _real(path).is_relative_to(packet) else ()
        if _real(path) == packet or (inside[:1] and inside[0] in _OURS):
            raise UsageError(
                f"{option}={path} would be written over what the run itself leaves there; name "
                f"another file, such as {packet.name}/{option.strip('-')}.out"
            )
    for option, folder in _emptied(config):
        for held, what in ((root, "the manifest"), (packet, "the packet")):
            if held.is_relative_to(_real(folder)):
                raise UsageError(
                    f"{option} would empty {folder}, and {what} is in it; name a folder of its own"
                )


def _files(config: pytest.Config) -> Iterator[tuple[str, Path]]:
    for option, name in _WRITING.items():
        given = getattr(config.option, name, None)
        if given is None and name == "log_file":
            with contextlib.suppress(ValueError):  # where pytest's logging is off
                given = config.getini(name)
        if given:
            yield option, Path(given)


def _emptied(config: pytest.Config) -> Iterator[tuple[str, Path]]:
    option = config.option
    results = getattr(option, "allure_report_dir", None)
    if results and getattr(option, "clean_alluredir", False):
        yield f"--alluredir={results} --clean-alluredir", Path(results)
    if option.basetemp:
        yield f"--basetemp={option.basetemp}", Path(option.basetemp)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
