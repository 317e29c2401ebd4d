"""Judging a measured sample against the manifest's trigger, the way the gate will read it.

The same function of ``statistics`` serves both, so that a check and the gate cannot differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.errors import ProbeError, TooFewSamplesError, UnmetError, UsageError
from pytest_metarelease.evidence import Judgement, Measurement, RateSample, ReachSample
from pytest_metarelease.probes.reading import failure
from pytest_metarelease.statistics import assess_rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_metarelease.manifest.model import Trigger
    from pytest_metarelease.plugin.target import Target
    from pytest_metarelease.probes.sql import DatabaseProbe

_LOOKED_LONG_ENOUGH = "take more samples: raise the budget, or wait for more traffic"


def judge_rate(target: Target, measurement: Measurement, because: str = "") -> None:
    """Judge a rate against its trigger: met below the limit, unmet beyond, else unknown.

    ``because`` are the reasons of what went wrong, in words, for whoever reads of it.

    Raises:
        UnmetError: The rate is certainly beyond the limit.
        TooFewSamplesError: The sample cannot tell.
    """
    sample = measurement.sample
    if not isinstance(sample, RateSample):
        raise UsageError(f"{measurement.asked} carries no sample of a rate")
    trigger = trigger_of(target, sample.measure)
    limit = trigger.limit or 0.0
    found = assess_rate(sample.bad, sample.total, limit, trigger.confidence, sample.looks)
    expected = f"{sample.measure} at most {limit:.1%}"
    actual = f"{sample.bad} of {sample.total} [{found.interval.low:.1%}, {found.interval.high:.1%}]"
    if because:
        actual += f"; {because}"
    if sample.total < trigger.min_samples:
        _too_few(target, measurement, expected, actual, trigger)
    elif found.side == "below":
        _record(target, measurement, Judgement.MET, expected, actual)
    elif found.side == "above":
        step = f"undo {', '.join(trigger.undo) or 'the release'}: the limit is certainly breached"
        _record(target, measurement, Judgement.UNMET, expected, actual, step)
        raise UnmetError(_text(target, measurement, expected, actual, step))
    else:
        _unknown(target, measurement, expected, actual)


def judge_reach(target: Target, database: DatabaseProbe) -> None:
    """Judge whether a database can be reached at all; several attempts, with a witness.

    Raises:
        UnmetError: No attempt succeeded while another declared target answered.
        ProbeError: Some attempts failed, or nothing at all answered.
    """
    from pytest_metarelease.probes.reach import reach

    measurement = reach(database, witness=_witness(target)).measurement
    sample = measurement.sample
    if not isinstance(sample, ReachSample):
        raise UsageError(f"{measurement.asked} carries no sample of attempts")
    expected = f"{database.name} can be connected to"
    actual = f"{sample.failed} of {sample.attempts} attempts failed"
    step = "look at the database server, its network and its connection limit"
    if sample.attempts and sample.failed == 0:
        _record(target, measurement, Judgement.MET, expected, actual)
        return
    certain = sample.failed == sample.attempts and sample.witness is not None
    judgement = Judgement.UNMET if certain else Judgement.UNKNOWN
    _record(target, measurement, judgement, expected, actual, step)
    text = _text(target, measurement, expected, actual, step)
    raise UnmetError(text) if certain else ProbeError(text)


def trigger_of(target: Target, measure: str) -> Trigger:
    """Return the declared trigger of a measure.

    Raises:
        UsageError: The manifest declares none.
    """
    for trigger in target.run.manifest.triggers:
        if trigger.measure == measure:
            return trigger
    raise UsageError(f"the manifest declares no trigger for {measure}")


def _witness(target: Target) -> Callable[[], str | None]:
    """Return a question whether anything else that is declared answers us now."""

    def witness() -> str | None:
        from pytest_metarelease.plugin.doors import service_probe

        for name, service in target.environment.services.items():
            probe = service_probe(name, target.environment, target.recorder)
            path = service.health.path if service.health else "/"
            mark = target.recorder.mark()
            try:
                probe.get(path, may_be_cached=True, timeout=5.0)
            except ProbeError:
                target.recorder.supersede(mark)
                continue
            finally:
                probe.close()
            return f"service:{name}"
        return None

    return witness


def _too_few(
    target: Target, measurement: Measurement, expected: str, actual: str, trigger: Trigger
) -> None:
    if trigger.when_idle == "note":
        text = f"no traffic yet, n = {getattr(measurement.sample, 'total', 0)}"
        _record(target, measurement, Judgement.MET, f"{expected}, once there is traffic", text)
        return
    _unknown(target, measurement, f"{expected}, over {trigger.min_samples} or more", actual)


def _unknown(target: Target, measurement: Measurement, expected: str, actual: str) -> None:
    _record(target, measurement, Judgement.UNKNOWN, expected, actual, _LOOKED_LONG_ENOUGH)
    raise TooFewSamplesError(_text(target, measurement, expected, actual, _LOOKED_LONG_ENOUGH))


def _record(
    target: Target,
    measurement: Measurement,
    judgement: Judgement,
    expected: str,
    actual: str,
    next_step: str = "",
) -> None:
    target.recorder.judge(
        measurement, judgement, expected=expected, actual=actual, next_step=next_step
    )


def _text(
    target: Target, measurement: Measurement, expected: str, actual: str, next_step: str
) -> str:
    return failure(
        expected=expected,
        actual=actual,
        read=measurement.asked,
        next_step=next_step,
        redact=target.redact,
    )
