"""One declared scan: whether it is of this release, and whether what it found may be there.

It runs no scanner. A scan of another commit, tool or age says nothing; one that is not whole may
fail, but never verifies.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pytest_metarelease.errors import ProbeError, UnmetError, WrongTargetError
from pytest_metarelease.evidence import Judgement, Recorder
from pytest_metarelease.manifest.scanning import Scan
from pytest_metarelease.probes.clock import utc_now
from pytest_metarelease.probes.reading import failure
from pytest_metarelease.probes.scans.findings import SEVERITIES, Finding, Scanned
from pytest_metarelease.probes.scans.reading import Stamp, content_of, read_scan, read_stamp

if TYPE_CHECKING:
    from pytest_metarelease.evidence import Measurement

_AHEAD = 300.0
_MOST_OF_A_STAMP = 2**16
_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """The findings that count, are allowed, are too light; and permits of nothing, or over."""

    counted: tuple[Finding, ...]
    allowed: tuple[Finding, ...]
    lighter: int
    unused: tuple[str, ...]
    over: tuple[str, ...]

    @classmethod
    def of(cls, scanned: Scanned, declared: Scan, today: date) -> Sorted:
        """Return what counts on a day."""
        least = SEVERITIES.index(declared.fails_at)
        heavy = [one for one in scanned.findings if SEVERITIES.index(one.severity) >= least]
        valid = {
            one.id for one in declared.allow if today <= date.fromisoformat(one.expires)
        }  # the whole last day, in UTC
        return cls(
            counted=tuple(one for one in heavy if one.id not in valid),
            allowed=tuple(one for one in heavy if one.id in valid),
            lighter=len(scanned.findings) - len(heavy),
            unused=tuple(sorted(valid - {one.id for one in scanned.findings})),
            over=tuple(one.id for one in declared.allow if one.id not in valid),
        )

    def __str__(self) -> str:
        worst = sorted(self.counted, key=lambda one: -SEVERITIES.index(one.severity))
        said = [f"{len(worst)} count", *map(str, worst[:_SHOWN])]
        if len(worst) > _SHOWN:
            said.append(f"and {len(worst) - _SHOWN} more")
        if self.allowed:
            said.append("allowed: " + ", ".join(map(str, self.allowed[:_SHOWN])))
        if self.lighter:
            said.append(f"{self.lighter} lighter ones")
        if self.unused:
            said.append("allowed, but not found: " + ", ".join(self.unused[:_SHOWN]))
        if self.over:
            said.append("allowed until a day that is over: " + ", ".join(self.over[:_SHOWN]))
        return "; ".join(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanProbe:
    """One declared scan of the release whose commit is ``commit``, seen at ``now``."""

    name: str
    declared: Scan
    root: Path
    commit: str
    now: datetime
    recorder: Recorder

    def expect(self, *, next_step: str = "") -> None:
        """Judge that the scan is of this release and found nothing that counts.

        Raises:
            UnmetError: It found what is not allowed.
            ProbeError: It says nothing about this release, or is not whole.
        """
        problem: ProbeError | None
        try:
            content = content_of(self.root / self.declared.file, self.declared.file)
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            scanned = read_scan(content, self.declared.format)
            problem = self._refused(scanned, self._stamp(content))
        except ProbeError as error:
            self._unknown(self._measured(f"{error}"), error)
        found = Sorted.of(scanned, self.declared, self.now.astimezone(UTC).date())
        measurement = self._measured(f"{found}; of {scanned.looked_at}; {digest}")
        if problem is None and not found.counted and scanned.problems:
            problem = scanned.problems[0]
        if problem is not None:
            self._unknown(measurement, problem)
        self._judge(measurement, found, next_step)

    def _measured(self, answer: str) -> Measurement:
        tool = self.declared.tool or self.declared.format
        return self.recorder.measured(
            subject=f"scan:{self.name}",
            probe="scan",
            asked=f"{self.declared.about} as {tool} left them in {self.declared.file}",
            at=utc_now(),
            duration=0.0,
            answer=answer,
        )

    def _stamp(self, content: bytes) -> Stamp | None:
        name = self.declared.stamp
        if name is None:
            return None
        return read_stamp(content_of(self.root / name, name, _MOST_OF_A_STAMP), content)

    def _refused(self, scanned: Scanned, stamp: Stamp | None) -> ProbeError | None:
        """Return why the scan says nothing about this release, or None."""
        wanted = (self.declared.tool or "").casefold()
        others = [one for one in scanned.tools if one.casefold() != wanted]
        if others:
            return WrongTargetError(f"it is of {others[0][:60]}, not of {self.declared.tool}")
        return self._of_another_commit(scanned, stamp) or self._of_another_time(scanned, stamp)

    def _of_another_commit(self, scanned: Scanned, stamp: Stamp | None) -> ProbeError | None:
        commit = self.commit.lower()
        if stamp is not None and stamp.commit != commit:
            return WrongTargetError(f"it is of {stamp.commit[:12]}, not of {commit[:12]}")
        for one in scanned.revisions:
            if one and commit not in one:
                return WrongTargetError(f"it is of {min(one)[:12]}, not of {commit[:12]}")
        if stamp is None and not (scanned.revisions and all(scanned.revisions)):
            return WrongTargetError("nothing says of which commit it is; declare its stamp")
        return None

    def _of_another_time(self, scanned: Scanned, stamp: Stamp | None) -> ProbeError | None:
        told = [scanned.finished, None if stamp is None else stamp.finished]
        moments = [one for one in told if one is not None]
        if not moments:
            return WrongTargetError("nothing says when it was made; declare its stamp")
        for one in moments:
            age = (self.now - one).total_seconds()
            if age < -_AHEAD:
                return WrongTargetError(f"it is from the future, by {-age:.0f} s")
            if age > self.declared.max_age:
                return WrongTargetError(f"it is {age:.0f} s old, at most {self.declared.max_age:g}")
        return None

    def _expected(self) -> str:
        return f"no finding of {self.declared.fails_at} or worse that is not allowed"

    def _judge(self, measurement: Measurement, found: Sorted, next_step: str) -> None:
        unmet = bool(found.counted)
        self.recorder.judge(
            measurement,
            Judgement.UNMET if unmet else Judgement.MET,
            expected=self._expected(),
            actual=f"{found}",
            where=self.declared.file,
            next_step=next_step if unmet else "",
        )
        if unmet:
            raise UnmetError(
                failure(
                    expected=self._expected(),
                    actual=f"{found}",
                    read=measurement.asked,
                    next_step=next_step,
                    redact=self.recorder.redact,
                )
            )

    def _unknown(self, measurement: Measurement, error: ProbeError) -> NoReturn:
        self.recorder.judge(
            measurement,
            Judgement.UNKNOWN,
            expected=f"a scan of this commit, with {self._expected()}",
            actual=f"{error}",
            where=self.declared.file,
            next_step="scan this commit again and leave what docs/scans.md asks for",
        )
        raise type(error)(self.recorder.redact(f"{self.declared.file}: {error}"))
