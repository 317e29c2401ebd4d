"""Is there a manifest, is the gate on, for which environment: settled before anything else runs.

Refuses what would make a run not a run (FALSE_GREENS, rule 7) and names that nobody registered.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import UsageError
from pytest_metarelease.plugin import marks, shards
from pytest_metarelease.plugin.state import Gate, Role, Run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_metarelease.manifest import Loaded
    from pytest_metarelease.manifest.model import Manifest

_WORDS = re.compile(r"[\w:+\-.\[\]\\/]+")
_OPERATORS = {"and", "or", "not", "True", "False", "None"}


def prepare(config: pytest.Config) -> Run | None:
    """Return this process's view of the run, or None where the repository has no manifest.

    Raises:
        pytest.UsageError: Manifest, environment, ``-m`` or another option is wrong.
    """
    if config.option.help or config.option.version:
        return None
    try:
        loaded = _load(config)
        return None if loaded is None else _prepare(config, loaded)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


def names_in(expression: str) -> frozenset[str]:
    """Return the mark names in a ``-m`` expression; keyword arguments of marks are none."""
    without_arguments = re.sub(r"\([^()]*=[^()]*\)", " ", expression)
    return frozenset(_WORDS.findall(without_arguments)) - _OPERATORS


def setting(config: pytest.Config, name: str) -> str | None:
    """Return an option of ours: the command line wins over the ini file."""
    return config.getoption(name) or str(config.getini(name)) or None


def _load(config: pytest.Config) -> Loaded | None:
    from pytest_metarelease.manifest import find_manifest

    given = setting(config, "release_manifest")
    path = find_manifest(config.rootpath, given)
    if path is None:
        _refuse_options_without_manifest(config)
        return None
    # Only now: the model of a manifest takes longer to import than all else of ours.
    from pytest_metarelease.manifest import load

    # Shown in every message: as the user would type it.
    path = Path(os.path.relpath(path)) if path.is_relative_to(Path.cwd()) else path
    try:
        return load(path)
    except UsageError:
        # `release.yaml` is a common name. A file of that name that is not ours must not break a
        # run that asks nothing of us; a run that does ask gets every error.
        if given or _asks_for_verdict(config) or looks_like_ours(path):
            raise
        return None


def _refuse_options_without_manifest(config: pytest.Config) -> None:
    """Refuse to pass over a request for a verdict only because no manifest was found."""
    option = config.option
    asked = {
        "--release-env": option.release_env,
        "--release-evidence": option.release_evidence,
        "--release-fault": option.release_fault,
        "--release-gate=on": option.release_gate == "on",
        "--release-advisory": option.release_advisory,
        "--release-shard": option.release_shard,
        "--release-carry": option.release_carry,
    }
    given = [name for name, value in asked.items() if value]
    if given:
        raise UsageError(
            f"{', '.join(given)}: there is no release.yaml or verification/release.yaml under "
            f"{config.rootpath}; name it with --release-manifest FILE. If that is not your root "
            "folder, write options with = (--release-evidence=DIR): pytest takes a folder that "
            "stands alone for one of its paths"
        )


def looks_like_ours(path: Path) -> bool:
    """Return whether a file called ``release.yaml`` has a checklist."""
    text = path.read_bytes()[:1_000_000]
    return re.search(rb"^checklist\s*:", text, re.MULTILINE) is not None


def _asks_for_verdict(config: pytest.Config) -> bool:
    ours = {*marks.STAGES, *marks.FACETS}
    return mode_of(config) == "on" or bool(ours & names_in(config.option.markexpr))


def mode_of(config: pytest.Config) -> str:
    """Return auto, on or off, as the command line or the ini file says."""
    mode = setting(config, "release_gate") or "auto"
    if mode not in {"auto", "on", "off"}:
        raise UsageError(f"release_gate is {mode!r}; write auto, on or off")
    return mode


def _prepare(config: pytest.Config, loaded: Loaded) -> Run:
    facets = _register_facets(config, loaded.manifest)
    expression = str(config.option.markexpr or "")
    environment = _environment(config, loaded.manifest)
    gate = _gate(config, expression, facets)
    # Imported here, like all that a session without a manifest has no use for.
    import uuid

    shared: dict[str, Any] = getattr(config, "workerinput", {}).get("metarelease", {})
    role = _role(config)
    run = Run(
        run_id=shared.get("run_id") or os.environ.get("RELEASE_RUN_ID") or str(uuid.uuid4()),
        role=role,
        process=getattr(config, "workerinput", {}).get("workerid", "main"),
        loaded=loaded,
        environment=environment,
        gate=gate,
        expression=expression,
        packet=Path(shared.get("packet") or _packet_folder(config)).absolute(),
        shared=Path(shared.get("shared") or _shared_folder(config)),
        owner_pid=int(shared.get("owner_pid") or os.getpid()),
        faults=tuple(config.option.release_fault),
        root=loaded.manifest_path.parent.absolute(),
        started_at=shared.get("started_at") or now(),
        shard=shards.asked(config.option.release_shard),
        block=shards.block(config.option.release_block, os.environ),
        baseline=_baseline(config, shared),
    )
    if run.controls:
        _refuse_unknown_marks(config, expression, facets)
        _refuse_faults(run)
        shards.refuse(run)
        if gate.on:
            _refuse_not_a_run(config)
            from pytest_metarelease.plugin.overwriting import refuse_overwriting

            refuse_overwriting(config, run.packet, run.root)
    return run


def now() -> str:
    """Return the present time, UTC, RFC 3339."""
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shared_folder(config: pytest.Config) -> str:
    import tempfile

    folder = tempfile.mkdtemp(prefix="metarelease-")
    # Also where the run is refused before it starts, and nobody else would remove it.
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    return folder


def _packet_folder(config: pytest.Config) -> Path:
    given = setting(config, "release_evidence") or os.environ.get("RELEASE_EVIDENCE")
    return config.invocation_params.dir / (given or "release-evidence")


def _baseline(config: pytest.Config, shared: dict[str, Any]) -> Path | None:
    given = shared.get("baseline") or setting(config, "release_baseline")
    return (config.invocation_params.dir / given).absolute() if given else None


def _role(config: pytest.Config) -> Role:
    if hasattr(config, "workerinput"):
        return "worker"
    return "controller" if distributes(config) else "single"


def distributes(config: pytest.Config) -> bool:
    """Return whether xdist spreads this session over workers."""
    option = config.option
    return bool(getattr(option, "tx", None) or getattr(option, "numprocesses", None))


def _register_facets(config: pytest.Config, manifest: Manifest) -> frozenset[str]:
    declared = {facet for item in manifest.checklist for facet in item.facets}
    for name in sorted(declared - marks.FACETS.keys()):
        config.addinivalue_line("markers", f"{name}: facet of {Path(manifest.file).name}")
    return frozenset(declared | marks.FACETS.keys())


def _environment(config: pytest.Config, manifest: Manifest) -> str:
    given = setting(config, "release_env")
    sandboxes = [name for name, one in manifest.environments.items() if one.sandbox]
    if given is None and config.option.release_fault and sandboxes:
        # Faults exist in the sandbox only, so asking for one names it.
        given = sandboxes[0]
    if given is None:
        given = _default_environment(config, manifest)
    if given not in manifest.environments:
        raise UsageError(
            f"--release-env {given}: {manifest.file} declares no such environment"
            + suggestion(given, manifest.environments)
        )
    return given


def _default_environment(config: pytest.Config, manifest: Manifest) -> str:
    real = [name for name, one in manifest.environments.items() if not one.sandbox]
    if os.environ.get("CI") and real and _asks_for_verdict(config):
        raise UsageError(
            f"CI is set and {manifest.file} declares {', '.join(real)}: name the environment to "
            f"verify, for example --release-env {real[-1]}"
        )
    name = manifest.default_environment or next(iter(manifest.environments), None)
    if name is None:
        raise UsageError(f"{manifest.file} declares no environment; add one under environments:")
    return name


def _gate(config: pytest.Config, expression: str, facets: frozenset[str]) -> Gate:
    mode = mode_of(config)
    advisory = bool(config.option.release_advisory)
    if mode == "off":
        return Gate(on=False, why="--release-gate=off")
    if mode == "on":
        return Gate(on=True, why="--release-gate=on", advisory=advisory)
    named = names_in(expression) & (facets | marks.STAGES.keys())
    if named:
        return Gate(on=True, why=f"-m names {', '.join(sorted(named))}", advisory=advisory)
    return Gate(on=False, why="-m names no stage or facet of the manifest")


def _refuse_unknown_marks(config: pytest.Config, expression: str, facets: frozenset[str]) -> None:
    known = {re.split(r"[(:]", line, maxsplit=1)[0].strip() for line in config.getini("markers")}
    known |= facets | marks.STAGES.keys() | marks.SEVERITIES.keys() | _PYTEST_MARKS
    for name in sorted(names_in(expression) - known):
        raise UsageError(f"-m {expression}: no mark is called {name!r}" + suggestion(name, known))


# Marks that pytest and its plugins register later than this hook runs.
_PYTEST_MARKS = {
    "parametrize", "skip", "skipif", "xfail", "usefixtures", "filterwarnings", "tryfirst",
    "trylast", "xdist_group", "allure_label", "allure_link", "flaky", "timeout", "anyio",
    "asyncio", "no_cover",
}  # fmt: skip


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean X?`` or the list of what there is."""
    import difflib

    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there are {', '.join(names)}" if len(names) <= 12 else ""


def _refuse_faults(run: Run) -> None:
    if not run.faults:
        return
    if not run.declared.sandbox:
        raise UsageError(
            f"--release-fault works on a sandbox only, and {run.environment} is none; "
            "leave --release-env out or name the sandbox"
        )
    from pytest_metarelease.sandbox import check_faults

    check_faults(run.faults)


def _refuse_not_a_run(config: pytest.Config) -> None:
    """Refuse options with which nothing is measured although a verdict is asked for."""
    refused = {
        "--collect-only": config.option.collectonly,
        "--setup-plan": getattr(config.option, "setupplan", False),
        "--setup-only": getattr(config.option, "setuponly", False),
        "--lf": getattr(config.option, "lf", False),
        "--sw": getattr(config.option, "stepwise", False),
        "python -O": sys.flags.optimize > 0,
    }
    for name, given in refused.items():
        if given:
            raise UsageError(
                f"{name} leaves checks out or does not run them, so no verdict can be made with "
                "it; drop it, or add --release-gate=off to look around"
            )
