"""Which names each environment declares, read from the nodes without resolving a variable.

Works on what is there, however wrong the rest may be, so that one mistyped key does not turn every
reference to its neighbours into a further problem. It reports nothing.
"""

from __future__ import annotations

from pytest_metarelease.manifest.model import Declared
from pytest_metarelease.manifest.nodes import Mapping, Node, Scalar, Sequence
from pytest_metarelease.manifest.plain import is_null
from pytest_metarelease.manifest.scalars import Access


def child(node: Node | None, *keys: str) -> Node | None:
    """Return the node below ``node`` along ``keys``, or None."""
    for key in keys:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node


def keys(node: Node | None, *path: str) -> tuple[str, ...]:
    """Return the keys of the mapping below ``node`` along ``path``."""
    found = child(node, *path)
    return tuple(found.entries) if isinstance(found, Mapping) else ()


def item_ids(root: Node) -> tuple[str, ...]:
    """Return the ids of the checklist, in its order."""
    return ids(child(root, "checklist"))


def ids(node: Node | None) -> tuple[str, ...]:
    """Return the ids of a list's elements, in its order."""
    found = [child(one, "id") for one in node.items] if isinstance(node, Sequence) else []
    return tuple(one.text for one in found if isinstance(one, Scalar))


def declared(name: str, node: Node) -> Declared:
    """Return the names that one environment declares."""
    services = keys(node, "services")
    access = child(node, "access")
    sandbox = child(node, "sandbox")
    external = keys(node, "external")
    optional = tuple(
        one for one in external if _is(child(node, "external", one, "critical"), "false")
    )

    nodes = tuple(one for one in ("rpc", "second_rpc") if _stands(child(node, "chain", one)))

    def having(*path: str) -> tuple[str, ...]:
        return tuple(one for one in services if child(node, "services", one, *path) is not None)

    endpoints = {
        f"{service}.{endpoint}": child(node, "services", service, "endpoints", endpoint)
        for service in services
        for endpoint in keys(node, "services", service, "endpoints")
    }

    def with_key(*names: str) -> tuple[str, ...]:
        return tuple(
            one
            for one, declared in endpoints.items()
            if any(_is_there(child(declared, name)) for name in names)
        )

    queries = {
        f"{server}.{query}": child(node, "prometheus", server, "queries", query)
        for server in keys(node, "prometheus")
        for query in keys(node, "prometheus", server, "queries")
    }

    def about(word: str) -> tuple[str, ...]:
        return tuple(one for one, query in queries.items() if _is(child(query, "about"), word))

    def scanning(word: str) -> tuple[str, ...]:
        return tuple(
            one for one in keys(node, "scans") if _is(child(node, "scans", one, "about"), word)
        )

    return Declared(
        name=name,
        sandbox=_is(sandbox, "true"),
        access=_access(access),
        services=services,
        endpoints=tuple(endpoints),
        described=tuple(
            one for one in services if _stands(child(node, "services", one, "openapi"))
        ),
        pages=having("page"),
        browsed=having("page", "browser"),
        journeys=tuple(
            f"{service}.{one}"
            for service in services
            for one in keys(node, "services", service, "page", "browser", "journeys")
            if _stands(child(node, "services", service, "page", "browser", "journeys", one))
        ),
        bodied=with_key("body"),
        parametrised=with_key("parameters"),
        queried=with_key("query"),
        protected=tuple(one for one, declared in endpoints.items() if _is_protected(declared)),
        paying=tuple(
            one
            for one, declared in endpoints.items()
            if _is(child(declared, "signs"), "true") or _is(child(declared, "moves_funds"), "true")
        ),
        limited=with_key("rate_limit"),
        paged=with_key("paged"),
        creating=with_key("created"),
        storing=tuple(
            one
            for one, declared in endpoints.items()
            if _is_there(child(declared, "created", "database"))
        ),
        idempotent=tuple(
            one for one, declared in endpoints.items() if _is(child(declared, "idempotent"), "true")
        ),
        reporting=with_key("transaction"),
        health=having("health"),
        identities=having("identity"),
        sampled=having("sampling"),
        compared=tuple(
            one
            for one in services
            if _is_there(child(node, "services", one, "sampling", "earlier"))
        ),
        contracts=keys(node, "contracts"),
        proxied=_having(node, "contracts", "proxy"),
        explored=_texts(child(node, "explorer", "contracts")),
        with_roles=_having(node, "contracts", "roles"),
        pausable=_having(node, "contracts", "pausing"),
        safes=keys(node, "safes"),
        accounts=keys(node, "chain", "accounts"),
        nodes=nodes,
        second_nodes=tuple(one for one in nodes if one == "second_rpc"),
        final=nodes if _stands(child(node, "chain", "finality")) else (),
        priced=nodes if _stands(child(node, "chain", "gas_price")) else (),
        accounted=_having(node, "contracts", "accounting"),
        metered=_having(node, "contracts", "gas"),
        active=_having(node, "contracts", "activity"),
        signed_requests=keys(node, "signed_requests"),
        domains=keys(node, "domains"),
        signing_domains=_having(node, "domains", "signed_by"),
        flows=keys(node, "flows"),
        signed_flows=tuple(one for one in keys(node, "flows") if _is_forged(node, one)),
        machines=keys(node, "machines"),
        databases=keys(node, "databases"),
        migrated=tuple(
            one
            for one in keys(node, "databases")
            if child(node, "databases", one, "migrations") is not None
        ),
        invariants=_members(node, "databases", "invariants"),
        timed_queries=_members(node, "databases", "queries"),
        pooled=_standing(node, "databases", "connections"),
        replicated=_standing(node, "databases", "replication"),
        backed_up=_standing(node, "databases", "backups"),
        drilled=_standing(node, "databases", "restore_drill"),
        outages=_outages(node),
        external=external,
        critical_external=tuple(one for one in external if one not in optional),
        optional_external=optional,
        agreements=tuple(
            one
            for one in keys(node, "agreements")
            if not _stands(child(node, "agreements", one, "chain"))
        ),
        chain_agreements=_standing(node, "agreements", "chain"),
        prometheus=keys(node, "prometheus"),
        metrics=tuple(queries),
        error_metrics=about("errors"),
        latency_metrics=about("latency"),
        saturation_metrics=about("saturation"),
        uptime_metrics=about("uptime"),
        load_tests=keys(node, "load_tests"),
        scans=keys(node, "scans"),
        secret_scans=scanning("secrets"),
        code_scans=scanning("code"),
        dependency_scans=scanning("dependencies"),
    )


def _is_there(node: Node | None) -> bool:
    """Whether something is declared; what an environment extends may be taken back by null."""
    return node is not None and not (isinstance(node, Scalar) and is_null(node.text))


def _is_protected(endpoint: Node | None) -> bool:
    kind = child(endpoint, "authentication")
    if isinstance(kind, Scalar):
        return kind.text in ("bearer", "api-key", "header")
    return child(endpoint, "credential") is not None


def _texts(node: Node | None) -> tuple[str, ...]:
    items = node.items if isinstance(node, Sequence) else []
    return tuple(one.text for one in items if isinstance(one, Scalar))


def _having(node: Node, kind: str, key: str) -> tuple[str, ...]:
    return tuple(one for one in keys(node, kind) if child(node, kind, one, key) is not None)


def _standing(node: Node, kind: str, key: str) -> tuple[str, ...]:
    """Return what declares ``key``, and does not take it back by null."""
    return tuple(one for one in keys(node, kind) if _stands(child(node, kind, one, key)))


def _members(node: Node, kind: str, key: str) -> tuple[str, ...]:
    """Return ``owner.member`` for each member of ``key`` of each of ``kind``."""
    return tuple(
        f"{owner}.{one}"
        for owner in keys(node, kind)
        for one in keys(node, kind, owner, key)
        if _stands(child(node, kind, owner, key, one))
    )


def _outages(node: Node) -> tuple[str, ...]:
    """Return ``service.part`` for each part whose outage may be caused and health tells of.

    Where nothing says how, each part of which health tells stays to be verified, and is not.
    """
    if not _is(child(node, "outages"), "allowed"):
        return ()
    said = [] if _is(child(node, "sandbox"), "true") else _health_members(node, "outages")
    return tuple(said or _health_members(node, "agrees"))


def _health_members(node: Node, key: str) -> list[str]:
    return [
        f"{service}.{part}"
        for service in keys(node, "services")
        for part in keys(node, "services", service, "health", key)
        if _stands(child(node, "services", service, "health", key, part))
    ]


def _is_forged(node: Node, flow: str) -> bool:
    """Return whether a step of the flow says how forgeries of its signature are refused."""
    steps = child(node, "flows", flow, "steps")
    items = steps.items if isinstance(steps, Sequence) else []
    return any(child(one, "sign", "forged") is not None for one in items)


def _stands(node: Node | None) -> bool:
    """Return whether something is written there: `null` takes away what was inherited."""
    return node is not None and not (
        isinstance(node, Scalar) and node.text.lower() in ("", "~", "null")
    )


def _is(node: Node | None, word: str) -> bool:
    return isinstance(node, Scalar) and node.text.lower() == word


def _access(node: Node | None) -> Access:
    """The access that is written; the lesser one where it is not readable."""
    allowed = isinstance(node, Scalar) and node.text == Access.TRANSACT.value
    return Access.TRANSACT if allowed else Access.READ_ONLY
