"""``metarelease adopt``: writes down what is there, for people to confirm or to correct.

Prints and changes no file. What it prints is ``unconfirmed`` line by line, so that pasting it
verifies nothing yet.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.errors import UnmetError, UsageError
from pytest_metarelease.manifest import find_manifest, load

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_metarelease.manifest.loading import Loaded
    from pytest_metarelease.manifest.model import Environment
    from pytest_metarelease.probes.chain.contracts import ContractProbe

_SANDBOX_WITHIN = 90.0
_NO_COMMIT = "0" * 40


def adopt(options: argparse.Namespace) -> int:
    """Print what the named part of the environment says today; return 0.

    Raises:
        UsageError: No manifest, environment, chain or contract of that name.
        ProbeError: No usable answer.
    """
    path = find_manifest(Path.cwd(), options.release_manifest)
    if path is None:
        raise UsageError("no release.yaml here; name it with --release-manifest FILE")
    loaded = load(path)
    name = options.release_env or loaded.manifest.default_environment
    if name is None:
        raise UsageError("say which environment: --release-env NAME")
    with _variables(loaded, name) as variables:
        environment = loaded.resolve(name, variables).environment
        lines = list(_chain(environment, path.parent, options.contract))
    print("\n".join(lines))  # noqa: T201 - a command speaks
    return 0


@contextlib.contextmanager
def _variables(loaded: Loaded, name: str) -> Iterator[Mapping[str, str]]:
    """Yield the process's variables; for a sandbox, those of one that runs for so long."""
    known = {"GIT_COMMIT": _NO_COMMIT, **os.environ}
    declared = loaded.manifest.environments.get(name)
    if declared is None or not declared.sandbox:
        yield known
        return
    from pytest_metarelease.sandbox import Settings, start

    with tempfile.TemporaryDirectory(prefix="metarelease-adopt-") as folder:
        release = loaded.resolve_release(known)
        settings = Settings(release.version, release.commit, (), os.getpid(), Path(folder))
        running = start(settings, deadline=_SANDBOX_WITHIN)
        try:
            yield {**known, **running.variables}
        finally:
            running.stop(10.0)


def _chain(environment: Environment, root: Path, wanted: Sequence[str]) -> Iterator[str]:
    from pytest_metarelease.probes.chain.adopting import adopted

    unknown = sorted(set(wanted) - set(environment.contracts))
    if unknown:
        known = ", ".join(sorted(environment.contracts)) or "none"
        raise UsageError(f"no contract {', '.join(unknown)} is declared; declared: {known}")
    yield "contracts:"
    with _probes(environment, root) as probes:
        for name, probe in probes.items():
            if wanted and name not in wanted:
                continue
            try:
                lines = adopted(probe)
            except UnmetError as problem:
                raise UsageError(str(problem)) from None
            if lines:
                yield f"  {name}:"
                yield from (f"    {line}" for line in lines)
            else:
                sys.stderr.write(f"{name}: every function is declared already\n")


@contextlib.contextmanager
def _probes(environment: Environment, root: Path) -> Iterator[Mapping[str, ContractProbe]]:
    from pytest_metarelease.evidence import Notebook
    from pytest_metarelease.manifest.scalars import Access
    from pytest_metarelease.probes.chain.declared import declared_contracts
    from pytest_metarelease.probes.chain.locating import located
    from pytest_metarelease.probes.chain.rpc import connect
    from pytest_metarelease.probes.chain.snapshot import pin

    if environment.chain is None:
        raise UsageError(f"{environment.name} declares no chain")
    rpc = connect(environment.chain, Access.READ_ONLY)
    try:
        snapshot = pin(rpc, environment.chain)
        environment = located(environment, root)
        yield declared_contracts(
            environment, root, lambda one: root / one.artifact, rpc, snapshot, Notebook()
        )
    finally:
        rpc.close()
