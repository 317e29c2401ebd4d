"""The marks of release verification, each in one sentence as ``pytest --markers`` shows it."""

from __future__ import annotations

STAGES = {
    "pre_deploy": "due before the deployment: tests, audit, backups, a rollback plan",
    "deploy": "due while deploying: contracts, configuration, services, migrations are in place",
    "post_deploy": "due after the deployment: what runs is the release and it works",
    "rollback": "due after an undoing: the earlier state is restored",
    "daily": "routine, every day",
    "weekly": "routine, every week",
    "monthly": "routine, every month",
}
SEVERITIES = {
    "P0": "critical: a failure is NO-GO",
    "P1": "high: a failure is NO-GO",
    "P2": "medium: a failure is HOLD",
    "P3": "low: a failure is a note",
}
FACETS = {
    "smoke": "the short list that shows at once whether the release stands",
    "security": "about attacks, access, signatures and secrets",
    "performance": "about response times, rates and load",
    "api": "about the HTTP API",
    "chain": "about contracts and the EVM chain",
    "database": "about the SQL database",
    "frontend": "about the web frontend",
    "external": "about services of others that the product depends on",
}
VERIFIES = "verifies(id, ...)"
FOR_EACH = "for_each(kind, ..., optional=False)"
ALWAYS = {
    VERIFIES: "the checklist items of release.yaml that this test verifies",
    FOR_EACH: "run the test once per declared thing of that kind; the argument has its name; "
    "kinds: service, health, identity, endpoint, described, page, browsed_page, journey, "
    "sampled, compared, contract, with_roles, pausable, safe, account, node, second_node, "
    "final_node, priced_node, accounted, metered, active, flow, signed_request, database, "
    "migrated, invariant, timed_query, pooled, replicated, backed_up, drilled, outage, external, "
    "critical_external, optional_external, agreement, metric, error_metric, latency_metric, "
    "saturation_metric, uptime_metric, load_test, scan, secret_scan, code_scan, dependency_scan, "
    "and what triggers measure: error_rate, failure_rate, unreachable; "
    "optional: a product may declare none, if the item has other checks",
    **{name: f"release stage, {text}" for name, text in STAGES.items()},
    **{name: f"severity, {text}" for name, text in SEVERITIES.items()},
    **{name: f"facet, {text}" for name, text in FACETS.items()},
}

BOUND = "metarelease_bound"
SELECTED = "metarelease_selected"
