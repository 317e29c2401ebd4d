"""Whether manifest and lock are those of the commit that is released, asked of git.

Approvals are left out: they are given after the commit that they are about, and no digest that
they sign covers them.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from pytest_metarelease.approvals import FOLDER
from pytest_metarelease.gate.values import Finding, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.plugin.state import Run
    from pytest_metarelease.plugin.target import Target


def tree_findings(run: Run, target: Target) -> Sequence[Finding]:
    """Return why the working tree cannot vouch for the release; a sandbox needs no vouching."""
    if run.declared.sandbox:
        return ()
    try:
        status = ("status", "--porcelain", "--untracked-files=no")
        changed = _git(run, *status, "--", ":/", f":(exclude){FOLDER}").splitlines()
        judged = ("checks.lock", run.loaded.manifest_path.name)
        differs = _git(run, "diff", "--name-only", target.commit, "--", *judged).splitlines()
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
    return findings


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
