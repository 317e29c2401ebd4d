"""Whether manifest and lock are those of the commit that is released, asked of git.

Approvals are left out: they are given after the commit that they are about, and no digest that
they sign covers them.
"""

from __future__ import annotations

import subprocess
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pytest_metarelease.approvals import FOLDER
from pytest_metarelease.gate.values import Finding, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_metarelease.checklist import Lock
    from pytest_metarelease.plugin.state import Run
    from pytest_metarelease.plugin.target import Target


# What `git ls-files -v` puts before a file that `git status` says nothing of.
_UNSEEN = {
    "?": "is not tracked by git",
    "h": "is marked assume-unchanged",
    "S": "is marked skip-worktree",
    "s": "is marked skip-worktree and assume-unchanged",
}
_SETTINGS = ("conftest.py", "pytest.ini", "pytest.toml", "tox.ini", "setup.cfg", "pyproject.toml")


def tree_findings(run: Run, target: Target, lock: Lock) -> Sequence[Finding]:
    """Return why the working tree cannot vouch for the release; a sandbox needs no vouching.

    The files of ``lock`` are looked at one by one: git can be told to say nothing of a change.
    """
    if run.declared.sandbox:
        return ()
    try:
        status = ("status", "--porcelain", "--untracked-files=no")
        changed = _git(run, *status, "--", ":/", f":(exclude){FOLDER}").splitlines()
        judged = ("checks.lock", run.loaded.manifest_path.name)
        differs = _git(run, "diff", "--name-only", target.commit, "--", *judged).splitlines()
        files = sorted({*judged, *_files(lock)})
        listed = _git(run, "--literal-pathspecs", "ls-files", "-vcoz", "--", *files)
    except (OSError, subprocess.SubprocessError) as error:
        detail = getattr(error, "stderr", "") or str(error)
        return (_hold("tree-unknown", f"git does not know the release commit: {detail.strip()}"),)
    findings = []
    if changed:
        findings.append(_hold("tree-dirty", f"{len(changed)} tracked files differ from HEAD"))
    findings.extend(
        _hold("manifest-differs", f"{name} is not the one of commit {target.commit[:12]}")
        for name in differs
    )
    findings.extend(
        _hold("tree-unseen", f"{one[2:]} {_UNSEEN[one[0]]}, so nobody sees what it changes")
        for one in listed.split("\0")
        if one[:1] in _UNSEEN
    )
    return findings


def _files(lock: Lock) -> Iterator[str]:
    """Yield what decides about the locked checks: their files, and the settings around them."""
    named = {
        nodeid.partition("::")[0]
        for item in lock.items.values()
        for nodeids in item.checks.values()
        for nodeid in nodeids
    }
    for name in named:
        file = PurePosixPath(name)
        if file.is_absolute() or ".." in file.parts:
            continue  # of a suite that is installed: another commit vouches for it
        yield name
        yield from (str(folder / one) for folder in file.parents for one in _SETTINGS)


def _hold(code: str, text: str) -> Finding:
    step = "check out the release commit in a clean tree and run it there"
    return Finding(Verdict.HOLD, Reason(code, text, step))


def _git(run: Run, *arguments: str) -> str:
    return subprocess.run(  # noqa: S603 - an argument list, no shell
        ["git", "-C", str(run.root), *arguments],  # noqa: S607 - the user's own git
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    ).stdout
