"""The samples of a load in the packet, and those of the release before in its packet.

It refuses a packet that did not finish, was changed, refused its release, or is of this very
commit: a release compared with itself is always fast enough.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import PacketError, ProbeError, UndeclaredError, UsageError
from pytest_metarelease.probes.load_record import MOST_BYTES, LoadRecord

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_metarelease.gate.values import Record
    from pytest_metarelease.plugin.target import Target
    from pytest_metarelease.probes.load_sample import LoadSample

_FOLDER = "attachments"
_MOST_FILES = 1000
_REFUSED = ("NO-GO", "ROLLBACK")


def record_of(name: str, sample: LoadSample, rate: float, target: Target) -> LoadRecord:
    """Return the record of a service's load, with every text redacted."""
    return LoadRecord.of(
        sample,
        service=name,
        environment=target.environment.name,
        rate=rate,
        url=target.redact(sample.url),
        paths=tuple(map(target.redact, sample.paths)),
    )


def keep(record: LoadRecord, packet: Path) -> None:
    """Write the samples into the packet, for the release that comes next."""
    from pytest_metarelease.reports.files import write_atomically

    folder = packet / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / f"load-{record.service}.json", record.to_bytes(), durable=False)


def marked(record: LoadRecord) -> str:
    """Return what the measurement says of its samples: their digest, which binds them to it."""
    return f"samples sha256:{record.digest}"


def expect_no_slower(name: str, sample: LoadSample, target: Target, next_step: str) -> None:
    """Judge a service's load against that of the release before, as ``sampling.earlier`` says.

    Raises:
        UnmetError: It is slower.
        ProbeError: There is nothing that it can be compared with, or it is not clear.
    """
    from pytest_metarelease.plugin.sampling import rate_of
    from pytest_metarelease.probes.load_comparison import expect_no_slower as judge

    sampling = target.environment.services[name].sampling
    if sampling is None or sampling.earlier is None:
        raise UsageError(f"service {name} declares no sampling.earlier to compare with")
    now = record_of(name, sample, rate_of(name, sampling, target), target)
    folder = target.run.baseline
    if folder is None:
        raise UndeclaredError(
            "no packet of the release before was named, so nothing was compared; name it with "
            "--release-baseline DIR"
        )
    try:
        record, before = _earlier(folder, name, target)
    except (PacketError, OSError) as error:
        raise ProbeError(f"--release-baseline {folder}: {error}") from None
    which = f"{record.release_version} ({record.release_commit[:12]})"
    judge(sample, now, before, sampling.earlier, which=which, next_step=next_step)


def _earlier(folder: Path, name: str, target: Target) -> tuple[Record, LoadRecord]:
    from pytest_metarelease.gate.record_json import record_from_json
    from pytest_metarelease.reports.packet import read_bounded, read_json

    decision = read_json(folder / "decision.json")
    record = record_from_json(read_json(folder / "record.json"))
    digest = hashlib.sha256(read_bounded(folder / "record.json")).hexdigest()
    if decision.get("state") != "finished" or decision.get("record_digest") != digest:
        raise PacketError("it did not finish, or is not as it was written")
    _refuse_other(decision, record, target)
    known = {
        measurement.answer.rpartition("; ")[2]
        for measurement in record.measurements.values()
        if (measurement.probe, measurement.subject) == ("load", f"service:{name}")
    }
    for path in sorted((folder / _FOLDER).glob(f"load-{name}*.json"))[:_MOST_FILES]:
        if path.stat().st_size > MOST_BYTES:
            raise PacketError(f"{path.name} is larger than {MOST_BYTES} bytes")
        found = LoadRecord.from_bytes(read_bounded(path))
        if found.service == name and marked(found) in known:
            return record, found
    raise PacketError(f"it holds no samples of the load of {name} that its record vouches for")


def _refuse_other(decision: dict[str, Any], record: Record, target: Target) -> None:
    release = decision.get("release")
    product = release.get("name") if isinstance(release, dict) else None
    if product != target.name:
        raise PacketError(f"it is of {product}, not of {target.name}")
    if record.environment != target.environment.name:
        raise PacketError(f"it is of {record.environment}, not of {target.environment.name}")
    if record.release_commit == target.commit:
        raise PacketError("it is of this very commit, not of the release before")
    if decision.get("verdict") in _REFUSED:
        raise PacketError(f"its verdict was {decision['verdict']}: that release was not to be kept")
