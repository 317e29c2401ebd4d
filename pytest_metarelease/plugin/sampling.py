"""Sampling a service, once per run, until its error rate is clear or the budget is spent."""

from __future__ import annotations

import fcntl
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UsageError
from pytest_metarelease.evidence import Measurement, RateSample
from pytest_metarelease.plugin.baseline import keep, marked, record_of
from pytest_metarelease.probes.hosts import Hosts
from pytest_metarelease.statistics import assess_rate

if TYPE_CHECKING:
    from pytest_metarelease.manifest.measuring import Sampling
    from pytest_metarelease.manifest.model import Trigger
    from pytest_metarelease.plugin.target import Target
    from pytest_metarelease.probes.load_sample import LoadSample


def shared_sample(name: str, target: Target) -> LoadSample:
    """Return the run's one sample of a service: whichever process comes first takes it.

    Two workers sampling at once would ask twice as much as the manifest allows, and would measure
    each other.
    """
    file = target.run.shared / f"load-{name}.json"
    with file.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            taken = take_sample(name, target)
            file.write_text(json.dumps(asdict(replace(taken, recorder=None))), encoding="utf-8")
            return taken
    return _read(json.loads(file.read_text(encoding="utf-8")), target)


def _read(found: dict[str, Any], target: Target) -> LoadSample:
    from pytest_metarelease.probes.load_sample import LoadSample, Trial

    measurement = {**found["measurement"], "sample": RateSample(**found["measurement"]["sample"])}
    return LoadSample(
        **{
            **found,
            "paths": tuple(found["paths"]),
            "trials": tuple(Trial(**trial) for trial in found["trials"]),
            "measurement": Measurement(**measurement),
            "recorder": target.recorder,
        }
    )


def take_sample(name: str, target: Target) -> LoadSample:
    """Return a sample of a service; more is taken while a declared error trigger stays unclear."""
    from pytest_metarelease.probes.load import sample

    service = target.environment.services[name]
    sampling = service.sampling
    if sampling is None:
        raise UsageError(f"service {name} declares no sampling")
    trigger = _error_trigger(name, target)
    taken: LoadSample | None = None
    looks = 0
    while taken is None or (_more(taken, sampling) and _unclear(taken, trigger, looks)):
        looks += 1
        round_ = sample(
            service.url,
            [_path(name, endpoint, target) for endpoint in sampling.endpoints],
            rate=rate_of(name, sampling, target),
            samples=sampling.samples,
            timeout=sampling.timeout,
            hosts=Hosts.of(target.environment),
            headers=[_headers(name, endpoint, target) for endpoint in sampling.endpoints],
        )
        taken = round_ if taken is None else taken.joined(round_)
    record = record_of(name, taken, rate_of(name, sampling, target), target)
    if target.run.gate.on:
        keep(record, target.run.packet)
    return taken.recorded(
        target.recorder, f"service:{name}", f"{name}.error_rate", looks, marked=marked(record)
    )


def _more(taken: LoadSample, sampling: Sampling) -> bool:
    return len(taken) + sampling.samples <= sampling.max_samples


def _unclear(taken: LoadSample, trigger: Trigger | None, looks: int) -> bool:
    if trigger is None or trigger.limit is None:
        return False
    counted = taken.rate_sample("", looks)
    found = assess_rate(counted.bad, counted.total, trigger.limit, trigger.confidence, looks)
    return found.side == "between"


def _error_trigger(name: str, target: Target) -> Trigger | None:
    measure = f"{name}.error_rate"
    return next((one for one in target.run.manifest.triggers if one.measure == measure), None)


def _path(name: str, endpoint: str, target: Target) -> str:
    from urllib.parse import urlencode

    declared = target.environment.services[name].endpoints[endpoint]
    query = f"?{urlencode(declared.query)}" if declared.query else ""
    return f"{declared.target}{query}"


def _headers(name: str, endpoint: str, target: Target) -> dict[str, str]:
    """Return what a right request of the endpoint has: its headers, and the credential."""
    environment = target.environment
    declared = environment.services[name].endpoints[endpoint]
    found = dict(declared.headers)
    if declared.credential is not None:
        credential = environment.credentials[declared.credential]
        found[credential.header] = credential.value
    return found


def rate_of(name: str, sampling: Sampling, target: Target) -> float:
    """Return the declared rate, but at most half of what the product allows one client."""
    endpoints = target.environment.services[name].endpoints
    limits = [endpoints[one].rate_limit for one in sampling.endpoints]
    allowed = [limit / 2 * len(limits) for limit in limits if limit is not None]
    return min([sampling.rate, *allowed])
