"""How fast a service must be, how it is sampled, and what its metrics must say.

Part of the model, and read like it. Nothing here asks anybody.
"""

# Annotations are objects here, not texts: see model.py.

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Literal

from pytest_metarelease.manifest.notes import Between, Name, NotEmpty, Refers, Secret
from pytest_metarelease.manifest.scalars import PerSecond, RelativePath, Seconds, Share, Url
from pytest_metarelease.record import record


@record
class ResponseTime:
    """Limits of the response time, seconds from the intended start of the request."""

    mean: Seconds | None = None
    p50: Seconds | None = None
    p90: Seconds | None = None
    p95: Seconds | None = None
    p99: Seconds | None = None


@record
class EarlierLoad:
    """When a service counts as slower than the release before, whose packet the run names.

    Slower is what is so with certainty and by more than both ``rise`` and ``least``.
    """

    rise: Annotated[Share, "The least part more that matters."] = Share(0.2)
    least: Annotated[Seconds, "The least time more that matters."] = Seconds(0.01)
    confidence: Share = Share(0.95)
    min_samples: Annotated[int, "Answered requests that either side needs.", Between(20)] = 200


@record
class Sampling:
    """How a service is sampled for response times and error rate."""

    endpoints: Annotated[
        tuple[str, ...],
        "Endpoints of this service, asked in turn; GET only.",
        Refers("own_endpoint"),
        NotEmpty(),
    ]
    rate: Annotated[PerSecond, "Requests a second, all together."]
    samples: Annotated[int, "How many requests a round takes.", Between(1, 100_000)] = 400
    max_samples: Annotated[
        int, "The most that are taken while the answer is unclear.", Between(1, 1_000_000)
    ] = 1600
    timeout: Annotated[Seconds, "After this a request counts as an error."] = Seconds(5)
    earlier: EarlierLoad | None = None


@record
class Query:
    """A PromQL query whose every series must keep its limits.

    ``$window`` in the texts is the window in seconds, such as ``300s``, cut off at the release's
    ``deployed_at``: what was measured before is not this release's.
    """

    query: Annotated[str, "PromQL that gives a vector or a scalar."]
    about: Annotated[
        Literal["errors", "latency", "saturation", "uptime"], "What it tells of the product."
    ]
    min: Annotated[float | None, "The least that a value may be."] = None
    max: Annotated[float | None, "The most that a value may be."] = None
    source: Annotated[
        str, "The series that it is made of, as a selector, e.g. `http_requests_total`."
    ]
    window: Annotated[Seconds, "How far back it looks."] = Seconds(300)
    min_samples: Annotated[
        int, "How many scrapes every series of the source needs in the window.", Between(1)
    ] = 2
    max_age: Annotated[Seconds, "How old the newest scrape of each may be."] = Seconds(120)


@record
class Prometheus:
    """A server of metrics that speaks Prometheus' HTTP API."""

    url: Annotated[Url, Secret("rpc")]
    credential: Annotated[str | None, "A name under `credentials`.", Refers("credential")] = None
    timeout: Annotated[Seconds, "Limit of one query."] = Seconds(10)
    queries: Annotated[Mapping[str, Query], Name(), NotEmpty()] = field(default_factory=dict)


@record
class LoadTest:
    """A load test that k6 ran against a service, known by the summary that it left."""

    service: Annotated[str, "The service that was tested.", Refers("service")]
    summary: Annotated[RelativePath, "The JSON file that handleSummary wrote."]
    response_time: ResponseTime
    error_rate: Annotated[Share, "The most that may fail."] = Share(0.01)
    confidence: Share = Share(0.95)
    min_requests: Annotated[int, "Fewer say nothing.", Between(1)] = 1000
    max_age: Annotated[Seconds, "How old it may be."] = Seconds(86_400)
