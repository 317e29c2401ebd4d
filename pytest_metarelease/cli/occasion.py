"""The release that an approval is written for, as the checkout and its variables say it.

Decides nothing; the gate's own rules say whether an approval would count.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.approvals.moments import EXAMPLE, read_moment, write_moment
from pytest_metarelease.checklist import Checklist
from pytest_metarelease.errors import UsageError
from pytest_metarelease.gate.occasion import Occasion
from pytest_metarelease.manifest import Loaded, find_manifest, load
from pytest_metarelease.manifest.amounts import read_seconds
from pytest_metarelease.manifest.model import Release
from pytest_metarelease.manifest.problems import suggestion

if TYPE_CHECKING:
    from pytest_metarelease.manifest.model import Item


@dataclass(frozen=True, slots=True)
class Checkout:
    """A manifest, the folder it is in, and the release that it names now."""

    loaded: Loaded
    root: Path
    release: Release

    @classmethod
    def here(cls, manifest: str | None) -> Checkout:
        """Return the checkout of the working folder.

        Raises:
            UsageError: There is no manifest, or a variable of its release is missing.
        """
        path = find_manifest(Path.cwd(), manifest)
        if path is None:
            raise UsageError("no release.yaml here; name it with --release-manifest FILE")
        loaded = load(path)
        release = loaded.resolve_release(variables(path.parent))
        return cls(loaded, path.parent, release)

    def item(self, name: str) -> Item:
        """Return an item of the checklist.

        Raises:
            UsageError: There is none of that id.
        """
        by_id = {one.id: one for one in self.loaded.manifest.checklist}
        if name not in by_id:
            raise UsageError(f"the checklist has no item {name}{suggestion(name, by_id)}")
        return by_id[name]

    def occasion(self, environment: str, commit: str, now: datetime) -> Occasion:
        """Return what the gate holds an approval against."""
        checklist = Checklist.of(self.loaded.manifest, environment)
        return Occasion(checklist, self.release.version, commit, now)


def variables(folder: Path) -> dict[str, str]:
    """Return the variables of this process; GIT_COMMIT is the commit checked out, if unset."""
    given = {"GIT_COMMIT": _head(folder), **os.environ}
    return {name: value for name, value in given.items() if value}


def _head(folder: Path) -> str:
    try:
        found = subprocess.run(  # noqa: S603 - a fixed argument list, no shell
            ["git", "-C", str(folder), "rev-parse", "HEAD"],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()


def present() -> datetime:
    """Return the present moment, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def moment(text: str, now: datetime) -> str:
    """Return when an approval ends: a moment as it was written, or a duration from ``now``.

    Raises:
        UsageError: It is neither.
    """
    try:
        return write_moment(now + timedelta(seconds=read_seconds(text)))
    except OverflowError:
        raise UsageError(f"{text} is further away than any date") from None
    except ValueError:
        pass
    try:
        read_moment(text)
    except ValueError:
        why = f"{text!r:.60} is neither a duration such as 14d nor a time such as {EXAMPLE}"
        raise UsageError(why) from None
    return text
