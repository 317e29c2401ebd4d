"""The target of a run, prepared once for all processes: sandbox, readiness, identity, block.

The controller of a gated run prepares it before the first test; without a gate the first process
that needs it does. Whoever comes second reads what the first one wrote.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import ProbeError, UnmetError, UsageError, WrongTargetError
from pytest_metarelease.evidence import Judgement, Measurement, Notebook, Recorder
from pytest_metarelease.manifest.model import Environment, Release
from pytest_metarelease.plugin.secret_sources import learn_resolved
from pytest_metarelease.probes.chain.locating import libraries_of, located
from pytest_metarelease.probes.reading import failure

if TYPE_CHECKING:
    from pytest_metarelease.manifest import Resolved
    from pytest_metarelease.manifest.model import Contract
    from pytest_metarelease.plugin.state import Run
    from pytest_metarelease.probes.load_sample import LoadSample
    from pytest_metarelease.redaction import Redactor

_SANDBOX_DEADLINE = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Something that was measured once, before the first test, about one service or the chain."""

    subject: str
    judgement: Judgement
    expected: str
    actual: str
    measurement: Measurement | None = None

    @property
    def met(self) -> bool:
        """True where it was as expected."""
        return self.judgement is Judgement.MET


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What all processes share. ``extra`` are variables beside those of the environment.

    ``digests`` has one for the release and for each part of the environment, as it was resolved.
    """

    extra: Mapping[str, str]
    digests: Mapping[str, str] = field(default_factory=dict)
    readiness: Mapping[str, Seen] = field(default_factory=dict)
    identity: Mapping[str, Seen] = field(default_factory=dict)
    snapshot: Mapping[str, Any] | None = None
    snapshot_error: str = ""


@dataclass(frozen=True, slots=True)
class Prefetched:
    """Something that was measured before the first test, to be judged by a check."""

    seen: Seen
    recorder: Recorder

    def expect(self, *, next_step: str = "") -> None:
        """Judge it on the running check.

        Raises:
            UnmetError: It was otherwise than expected.
            ProbeError: It could not be measured.
        """
        seen = self.seen
        if seen.measurement is None:
            raise ProbeError(f"{seen.subject}: {seen.actual}")
        self.recorder.judge(
            seen.measurement,
            seen.judgement,
            expected=seen.expected,
            actual=seen.actual,
            next_step="" if seen.met else next_step,
        )
        if seen.met:
            return
        text = failure(
            expected=seen.expected,
            actual=seen.actual,
            read=seen.measurement.asked,
            next_step=next_step,
            redact=self.recorder.redact,
        )
        raise UnmetError(text) if seen.judgement is Judgement.UNMET else ProbeError(text)


@dataclass(slots=True)
class Target:
    """The release and the environment, resolved, with what was prepared of them."""

    run: Run
    release: Release
    environment: Environment
    prepared: Prepared
    recorder: Recorder
    redact: Callable[[str], str]

    @property
    def name(self) -> str:
        """The name of the release."""
        return self.release.name

    @property
    def version(self) -> str:
        """The version that is judged."""
        return self.release.version

    @property
    def commit(self) -> str:
        """The commit that is judged."""
        return self.release.commit

    def readiness(self, service: str) -> Prefetched:
        """Return whether a service became healthy within its declared time, as measured."""
        return self._prefetched(self.prepared.readiness, service, "health")

    def identity(self, service: str) -> Prefetched:
        """Return which release a service said it is, over several fresh connections."""
        return self._prefetched(self.prepared.identity, service, "identity")

    def judge_rate(self, measurement: Measurement, because: str = "") -> None:
        """Judge a measured rate against its trigger; see ``judging.judge_rate``."""
        from pytest_metarelease.plugin.judging import judge_rate

        judge_rate(self, measurement, because)

    def judge_reach(self, database: str) -> None:
        """Judge whether a database can be reached; see ``judging.judge_reach``."""
        from pytest_metarelease.plugin.doors import SqlDoor
        from pytest_metarelease.plugin.judging import judge_reach

        door = SqlDoor(self)
        try:
            judge_reach(self, door.database(database))
        finally:
            door.close()

    def expect_no_slower(self, service: str, sample: LoadSample, *, next_step: str = "") -> None:
        """Judge a load against that of the release before; see ``baseline.expect_no_slower``."""
        from pytest_metarelease.plugin.baseline import expect_no_slower

        expect_no_slower(service, sample, self, next_step)

    def place(self, *keys: str) -> str:
        """Return where the manifest says something, as ``release.yaml:41``."""
        return self.run.loaded.place(("environments", self.environment.name, *keys))

    def artifact(self, contract: Contract) -> Path:
        """Return the path of a contract's artifact, as short as it can be written from here."""
        return Path(os.path.relpath(self.run.root / contract.artifact))

    def libraries(self, contract: Contract) -> Mapping[str, str]:
        """Return the addresses of the libraries that a contract's code is linked with."""
        return libraries_of(self.environment, contract, self.run.root)

    def _prefetched(self, seen: Mapping[str, Seen], service: str, what: str) -> Prefetched:
        found = seen.get(service)
        if found is None:
            raise UsageError(f"the manifest declares no {what} for the service {service!r}")
        return Prefetched(found, self.recorder)


def acquire(run: Run, notebook: Notebook, redactor: Redactor) -> Target:
    """Return the target, preparing it if no process of this run has done so yet.

    Raises:
        UsageError: A variable of the environment is missing.
        SandboxError: The sandbox could not be started.
        WrongTargetError: This process has other variables than the one that prepared the target.
    """
    run.shared.mkdir(parents=True, exist_ok=True)
    file = run.shared / "prepared.json"
    with (run.shared / "prepared.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            prepared = _Preparation(run, notebook, redactor).carry_out()
            partial = file.with_suffix(".partial")
            partial.write_text(json.dumps(asdict(prepared)), encoding="utf-8")
            partial.rename(file)
    prepared = _read(json.loads(file.read_text(encoding="utf-8")))
    variables = _variables(run, prepared.extra)
    resolved = run.loaded.resolve(run.environment, variables)
    learn_resolved(redactor, resolved.secrets, variables)
    _refuse_another(prepared.digests, _digests(resolved), run.environment)
    environment = located(resolved.environment, run.root)
    return Target(run, resolved.release, environment, prepared, notebook, notebook.redact)


def _digests(resolved: Resolved) -> dict[str, str]:
    """Return what tells one resolved environment from another; values may be secrets."""
    made = resolved.environment
    parts = {one.name: getattr(made, one.name) for one in fields(made)}
    return {
        name: hashlib.sha256(repr(value).encode()).hexdigest()
        for name, value in {"release": resolved.release, **parts}.items()
    }


def _refuse_another(prepared: Mapping[str, str], here: Mapping[str, str], name: str) -> None:
    """Refuse to measure another target than the one that was found to be the release."""
    differing = sorted(part for part, digest in here.items() if prepared.get(part) != digest)
    if differing:
        raise WrongTargetError(
            f"{', '.join(differing)} of {name}: resolved in process {os.getpid()} otherwise than "
            "where the run was prepared, so what it measured would be of something else\n"
            "next      give all processes the same variables; look for a test, conftest or plugin "
            "that changes os.environ"
        )


def _variables(run: Run, extra: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **extra} if run.declared.sandbox else {**extra, **os.environ}


def _read(found: dict[str, Any]) -> Prepared:
    return Prepared(
        extra=found["extra"],
        digests=found["digests"],
        readiness={name: _seen(one) for name, one in found["readiness"].items()},
        identity={name: _seen(one) for name, one in found["identity"].items()},
        snapshot=found["snapshot"],
        snapshot_error=found["snapshot_error"],
    )


def _seen(found: dict[str, Any]) -> Seen:
    measurement = found["measurement"]
    return Seen(
        subject=found["subject"],
        judgement=Judgement(found["judgement"]),
        expected=found["expected"],
        actual=found["actual"],
        measurement=Measurement(**measurement) if measurement else None,
    )


class _Preparation:
    """Starts what must run and asks what must be known before the first test."""

    def __init__(self, run: Run, notebook: Notebook, redactor: Redactor) -> None:
        self.run = run
        self.notebook = notebook
        self.redactor = redactor

    def carry_out(self) -> Prepared:
        extra = {"GIT_COMMIT": head_commit(self.run.root)}
        if self.run.declared.sandbox:
            extra |= self._start_sandbox(extra)
        variables = _variables(self.run, extra)
        resolved = self.run.loaded.resolve(self.run.environment, variables)
        learn_resolved(self.redactor, resolved.secrets, variables)
        environment, release = resolved.environment, resolved.release
        readiness = self._readiness(environment)
        identity = self._identity(environment, release)
        snapshot, problem = self._pin(environment)
        return Prepared(
            extra=extra,
            digests=_digests(resolved),
            readiness=readiness,
            identity=identity,
            snapshot=snapshot,
            snapshot_error=problem,
        )

    def _start_sandbox(self, variables: Mapping[str, str]) -> dict[str, str]:
        from pytest_metarelease import sandbox

        release = self.run.loaded.resolve_release({**os.environ, **variables})
        folder = self.run.shared / "sandbox"
        folder.mkdir()
        with _meanwhile(_import_probes):
            running = sandbox.start(
                sandbox.Settings(
                    version=release.version,
                    commit=release.commit,
                    faults=self.run.faults,
                    owner_pid=self.run.owner_pid,
                    folder=folder,
                    release_name=release.name,
                ),
                deadline=_SANDBOX_DEADLINE,
            )
        self.run.kept.append(running)
        return dict(running.variables)

    def _readiness(self, environment: Environment) -> dict[str, Seen]:
        from pytest_metarelease.plugin.doors import readiness_of

        # What took its time before, such as starting a sandbox, is not the service's.
        started = time.monotonic()
        return {
            name: readiness_of(name, environment, self.notebook, started)
            for name, service in environment.services.items()
            if service.health is not None
        }

    def _identity(self, environment: Environment, release: Release) -> dict[str, Seen]:
        from pytest_metarelease.plugin.doors import identity_of

        return {
            name: identity_of(name, environment, release, self.notebook)
            for name, service in environment.services.items()
            if service.identity is not None
        }

    def _pin(self, environment: Environment) -> tuple[dict[str, Any] | None, str]:
        if environment.chain is None:
            return None, "the manifest declares no chain"
        from pytest_metarelease.plugin.doors import pin_chain

        try:
            return pin_chain(environment, self.notebook, self.run.block), ""
        except ProbeError as error:
            return None, f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def _meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """Do something in a thread while the block waits for other processes."""
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _import_probes() -> None:
    """Load what the first questions need, and the wire libraries with it: half a second."""
    for name in ("http", "sql", "chain.rpc"):
        # What is missing is missed, with its reason, by whoever needs it.
        with contextlib.suppress(ImportError):
            importlib.import_module(f"pytest_metarelease.probes.{name}")


def head_commit(folder: Path) -> str:
    """Return the commit that is checked out in ``folder``, or 40 zeros where there is none."""
    try:
        found = subprocess.run(  # noqa: S603 - a fixed argument list, no shell
            ["git", "-C", str(folder), "rev-parse", "HEAD"],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "0" * 40
    return found.stdout.strip()
