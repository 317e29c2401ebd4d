"""What must hold across the fields of one value of the model, beyond the type of each.

Only values that were read without a problem come here, so that no rule repeats another's finding.
Each rule yields the path below the value and what to write instead; none looks outside the value.
"""

from __future__ import annotations

import keyword
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pytest_metarelease.manifest.amounts import read_wei
from pytest_metarelease.manifest.breaking import PartOutages
from pytest_metarelease.manifest.contract_code import (
    Difference,
    Initialiser,
    Proxy,
    immutable_word,
)
from pytest_metarelease.manifest.interface import Description
from pytest_metarelease.manifest.journey_rules import journey, journey_step
from pytest_metarelease.manifest.journeys import Journey, JourneyStep
from pytest_metarelease.manifest.measuring import Query, ResponseTime, Sampling
from pytest_metarelease.manifest.model import (
    Agreement,
    Attempts,
    CallerPolicy,
    Chain,
    Component,
    Contract,
    Endpoint,
    Environment,
    Expectation,
    Given,
    Health,
    Identity,
    Item,
    Migrations,
    Pausing,
    Release,
    Roles,
    Safe,
    Service,
    SignedRequest,
    SlotExpectation,
    Trigger,
    TypedData,
    ViewExpectation,
)
from pytest_metarelease.manifest.problems import suggestion
from pytest_metarelease.manifest.relations import read_relation
from pytest_metarelease.manifest.rule_parts import (
    Broken,
    is_day,
    of_all_texts,
    repeated,
    stand_ins,
)
from pytest_metarelease.manifest.scalars import Access, Severity, Stage
from pytest_metarelease.manifest.scan_rules import allowed_finding, scan
from pytest_metarelease.manifest.scanning import AllowedFinding, Scan
from pytest_metarelease.manifest.storage import Backups, TimedQuery
from pytest_metarelease.manifest.trial_rules import beside, domain, flow, forged, machine
from pytest_metarelease.manifest.trials import Beside, Domain, Flow, Forged, Machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ITEM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_BYTES = re.compile(r"0x(?:[0-9a-fA-F]{2}){1,64}")
_DOMAIN = ("name", "version", "chainId", "verifyingContract", "salt")
# Marks that pytest itself gives a meaning; a facet of that name would change how tests run.
_MARKS_OF_PYTEST = frozenset(
    {
        "filterwarnings",
        "parametrize",
        "skip",
        "skipif",
        "tryfirst",
        "trylast",
        "usefixtures",
        "verifies",
        "xfail",
    }
)
_RESERVED_FACETS = {*Stage, *Severity}
_STAND_IN = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*")
STAND_INS = ("$signer", "$nonce", "$nonce_number", "$expiry", "$expiry_ms")
"""What stands for something in the message of a signed request."""


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_THEIRS = frozenset(
    {
        "authorization", "connection", "content-length", "content-type", "cookie", "host",
        "transfer-encoding", "upgrade", "x-http-method", "x-http-method-override",
        "x-method-override",
    }
)  # fmt: skip
_ASKED = ("database", "external", "contract", "service", "chain")


def broken_by(value: Any, *, is_open: bool = False) -> Broken:
    """Yield what ``value`` breaks: the path below it, and the text of the problem.

    ``is_open`` where a variable stands for one of its numbers, which then cannot be compared yet.
    """
    rule = _RULES.get(type(value))
    if rule is not None and not (is_open and type(value) in _COMPARES):
        yield from rule(value)


def _release(release: Release) -> Broken:
    if release.kind == "hotfix" and release.severity is None:
        yield ("kind",), "a hotfix needs its severity; write severity: P0, P1, P2 or P3"
    at = release.deployed_at
    if at is not None and "${" not in at and not _is_moment(at):
        yield ("deployed_at",), "is no time with its zone; write for example 2026-01-31T12:00:00Z"


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _expectation(wanted: Expectation) -> Broken:
    yield from _stating(wanted, _compares(wanted))


def _compares(wanted: Expectation) -> bool:
    bounds = (wanted.one_of, wanted.min, wanted.max, wanted.matches, wanted.type, wanted.length)
    return wanted.states_equals or any(bound is not None for bound in bounds)


def _view_expectation(wanted: ViewExpectation) -> Broken:
    compares = _compares(wanted) or bool(wanted.holds)
    for index, text in enumerate(wanted.holds):
        if "${" not in text and (why := _relation_problem(text)) is not None:
            yield ("holds", index), why
    if wanted.reverts is not None and compares:
        yield ("reverts",), "is declared beside a value; a call does one of the two"
    yield from of_all_texts(wanted.reverts, ("reverts",))
    yield from _stating(wanted, compares or wanted.reverts is not None)


def _relation_problem(text: str) -> str | None:
    try:
        read_relation(text)
    except ValueError as error:
        return str(error)
    return None


# Texts that have nothing in common: whoever takes them all takes everything.
_UNLIKE = ("", "0x", "down \u00e9\x01 ~")


def _stating(wanted: Expectation, compares: bool) -> Broken:  # noqa: FBT001 - said by its name
    if wanted.unchecked is not None and compares:
        yield ("unchecked",), "is declared beside a comparison; keep one of the two"
    elif wanted.unchecked is None and not compares:
        yield (), "states nothing that could be compared"
    if wanted.matches is not None:
        try:
            pattern = re.compile(wanted.matches)
        except (re.error, OverflowError, RecursionError) as error:
            yield ("matches",), f"is no regular expression: {error}"
        else:
            if all(map(pattern.fullmatch, _UNLIKE)):
                yield ("matches",), "matches every text; say what it must be, or `type: string`"
    bounds_both = wanted.min is not None and wanted.max is not None
    if bounds_both and _amount(wanted.min) > _amount(wanted.max):
        yield ("min",), "is more than max; nothing can be both"


def _amount(bound: float | str | None) -> float:
    return read_wei(bound) if isinstance(bound, str) else bound or 0


def _given(given: Given) -> Broken:
    if given.offset + given.size > 32:
        yield ("size",), f"reaches beyond the slot's 32 bytes from offset {given.offset}"
    elif given.value >= 1 << (8 * given.size):
        yield ("value",), f"does not fit into {given.size} bytes"
    if not is_slot(given.slot):
        yield ("slot",), _NO_SLOT


def is_slot(text: str) -> bool:
    """Return whether ``text`` is a storage slot: a decimal or 0x number of at most 32 bytes."""
    return re.fullmatch(r"0x[0-9a-fA-F]{1,64}|0|[1-9][0-9]{0,76}", text) is not None


_NO_SLOT = 'is no slot; write a decimal or 0x number, such as "0"'


def _caller_policy(policy: CallerPolicy) -> Broken:
    stated = [
        key for key in ("only", "anyone", "nobody", "unchecked") if getattr(policy, key) is not None
    ]
    if len(stated) != 1:
        also = f", not {' and '.join(stated)}" if stated else ""
        yield (), f"says who may call by one of only, anyone, nobody, unchecked{also}"
    elif stated[0] in ("only", "nobody") and not policy.reverts:
        yield (), "needs `reverts`: a refusal counts only with its declared reason"
    for index, text in enumerate(policy.reverts):
        yield from of_all_texts(text, ("reverts", index))


def _safe(safe: Safe) -> Broken:
    if safe.threshold > len(safe.owners):
        yield ("threshold",), f"{safe.threshold} of {len(safe.owners)} owners can never agree"
    if safe.proxy and safe.singleton is None:
        yield (), "needs its singleton, whose code it runs; or `proxy: false` where it is no proxy"
    yield from repeated(safe.owners, ("owners",))
    yield from repeated(safe.modules, ("modules",))


def _identity(identity: Identity) -> Broken:
    if identity.version is None and identity.commit is None:
        yield (), "says nowhere where version or commit stand in the answer; write at least one"


def _response_time(limits: ResponseTime) -> Broken:
    if not any((limits.mean, limits.p50, limits.p90, limits.p95, limits.p99)):
        yield (), "states no limit; write mean, p50, p90, p95 or p99"


def _query(query: Query) -> Broken:
    if query.min is None and query.max is None:
        yield (), "states no limit; write min or max"
    elif query.min is not None and query.max is not None and query.min > query.max:
        yield ("min",), f"is more than max ({query.max})"


def _health(health: Health) -> Broken:
    for part, subjects in health.agrees.items():
        for index, subject in enumerate(subjects):
            kind, _, name = subject.partition(":")
            if kind not in _ASKED or set(name) & set("*?["):
                why = f"is nothing to ask; name one of {', '.join(_ASKED)}"
                yield ("agrees", part, index), why
    for part in health.outages:
        if part not in health.agrees:
            why = f"is no part of agrees{suggestion(part, health.agrees)}"
            yield ("outages", part), why


def _part_outages(outages: PartOutages) -> Broken:
    if outages.down is None and outages.stalled is None:
        yield (), "says no way to break it; write down or stalled"


def _sampling(sampling: Sampling) -> Broken:
    if sampling.max_samples < sampling.samples:
        yield ("max_samples",), f"is less than samples ({sampling.samples})"


def _service(service: Service) -> Broken:
    for index, name in enumerate(service.sampling.endpoints if service.sampling else ()):
        endpoint = service.endpoints.get(name)
        if endpoint is not None and endpoint.method != "GET":
            yield (
                ("sampling", "endpoints", index),
                f"{name} is {endpoint.method}; only GET is sampled",
            )
        elif endpoint is not None and not endpoint.is_fixed:
            why = f"the path of {name} is known only after what comes first; sample a known one"
            yield ("sampling", "endpoints", index), why
    for name in service.endpoints:
        if name in _before(service, name):
            yield (
                ("endpoints", name, "first", "endpoint"),
                "comes before itself in the end; drop one `first`",
            )


def _before(service: Service, name: str) -> set[str]:
    """Return what is asked before an endpoint, and before that."""
    found: set[str] = set()
    endpoint = service.endpoints.get(name)
    while endpoint is not None and endpoint.first is not None:
        before = endpoint.first.endpoint
        if before in found:
            break
        found.add(before)
        endpoint = service.endpoints.get(before)
    return found


def _description(description: Description) -> Broken:
    if (description.document is None) == (description.file is None):
        yield (), "needs one of document and file"


def _chain(chain: Chain) -> Broken:
    if chain.second_rpc is not None and chain.second_rpc == chain.rpc:
        yield ("second_rpc",), "is the same as rpc; a node always agrees with itself"


def _contract(contract: Contract) -> Broken:
    if not contract.address and contract.deployment is None:
        yield (), "says nowhere where it is; write address, or deployment with the tool's record"
    elif contract.address and contract.deployment is not None:
        yield ("deployment",), "stands beside an address; keep one of the two"
    if contract.deployed_as is not None and contract.deployment is None:
        yield ("deployed_as",), "names nothing here; write deployment with the tool's record"
    for name, value in contract.immutables.items():
        later = isinstance(value, str) and "${" in value
        if not later and immutable_word(value) is None:
            yield ("immutables", name), "is no address, number, true, false or 0x and 64 digits"
    if contract.facets and contract.proxy is not None:
        yield ("facets",), "stands beside proxy; a diamond is none, keep one of the two"
    yield from repeated(contract.facets, ("facets",))
    for slot in contract.storage:
        if not is_slot(slot):
            yield ("storage", slot), _NO_SLOT
    for selector in contract.hidden_selectors:
        if not re.fullmatch(r"0x[0-9a-f]{8}", selector):
            yield ("hidden_selectors", selector), "is no selector; write 0x and 8 digits"


def _difference(difference: Difference) -> Broken:
    needs = {"metadata": (), "immutable": ("name",), "bytes": ("offset", "actual")}
    for key in ("name", "offset", "actual"):
        stands = getattr(difference, key) is not None
        if stands and key not in needs[difference.facet]:
            yield (key,), f"means nothing for {difference.facet}"
        elif not stands and key in needs[difference.facet]:
            yield (), f"facet {difference.facet} needs {key}"
    if difference.actual is not None and not _BYTES.fullmatch(difference.actual):
        yield ("actual",), "expected 1 to 64 bytes as 0x hexadecimal"
    if not is_day(difference.expires):
        yield ("expires",), "is no day; write for example 2027-01-31"


def _proxy(proxy: Proxy) -> Broken:
    if proxy.admin is not None and proxy.admin_account is not None:
        yield ("admin_account",), "stands beside admin; keep one of the two"
    if (proxy.kind == "beacon") != (proxy.beacon is not None):
        yield (), "kind: beacon and beacon: NAME belong together"


def _initialiser(once: Initialiser) -> Broken:
    yield from of_all_texts(once.reverts, ("reverts",))


def _pausing(pausing: Pausing) -> Broken:
    for function, text in pausing.blocks.items():
        yield from of_all_texts(text, ("blocks", function))
    for function, reason in (pausing.stays_open or {}).items():
        if function in pausing.blocks:
            yield ("stays_open", function), "is under blocks as well; it is one or the other"
        if not reason.strip():
            yield ("stays_open", function), "needs a reason"


def _roles(roles: Roles) -> Broken:
    for name, reason in roles.unchecked.items():
        if name in roles.holders:
            yield ("unchecked", name), "is under holders as well; it is one or the other"
        if not reason.strip():
            yield ("unchecked", name), "needs a reason"


def _migrations(migrations: Migrations) -> Broken:
    if migrations.tool == "table":
        for key in ("table", "column"):
            if getattr(migrations, key) is None:
                yield (), f"tool: table needs {key}"


def _timed_query(timed: TimedQuery) -> Broken:
    if timed.p50 is None and timed.p95 is None and timed.p99 is None:
        yield (), "states no limit; write p50, p95 or p99"


def _backups(backups: Backups) -> Broken:
    if (backups.folder is None) == (backups.query is None):
        yield (), "needs one of folder and query"


def _typed_data(typed: TypedData) -> Broken:
    for key in typed.domain:
        if key not in _DOMAIN:
            yield ("domain", key), f"unknown key{suggestion(key, _DOMAIN)}"
    if not typed.domain:
        yield ("domain",), "is empty; a signature must be for something"
    if typed.primary not in typed.types:
        yield ("primary",), f"{typed.primary} is no type{suggestion(typed.primary, typed.types)}"


def _signed_request(request: SignedRequest) -> Broken:
    yield from stand_ins(request.message, set(STAND_INS), ("message",))
    both = sorted(set(request.accepted) & set(request.refused), key=str)
    if both:
        yield ("refused",), f"{both[0]} is accepted and refused; keep one of the two"


def _agreement(agreement: Agreement) -> Broken:
    in_database = agreement.database is not None and agreement.query is not None
    if in_database == (agreement.chain is not None):
        yield (), "needs the other side: database and query, or chain; one of the two"
    if agreement.chain is not None and "${" not in agreement.chain:
        why = _relation_problem(f"== {agreement.chain}")
        if why is not None or "(" not in agreement.chain:
            yield ("chain",), "is nothing to ask; write `balance(NAME)` or `contract.view()`"
    if agreement.unit is not None and agreement.chain is None:
        yield ("unit",), "is of amounts on the chain; write chain"


def _endpoint(endpoint: Endpoint) -> Broken:
    for name, value in endpoint.headers.items():
        if not _TOKEN.fullmatch(name) or any(one in value for one in "\r\n\0"):
            yield ("headers", name), "is no header of HTTP (RFC 9110 section 5)"
        elif name.lower() in _NOT_THEIRS:
            yield ("headers", name), "says whom or how much is asked; leave it out"
    first = endpoint.first
    if first is None:
        return
    for name in first.take:
        if not _STAND_IN.fullmatch(name):
            yield ("first", "take", name), "is no stand-in; write for example $signature"
        elif not _holds(endpoint.body, name) and name not in endpoint.parameters.values():
            yield ("first", "take", name), "stands nowhere in the body or the path's parameters"


def _holds(value: Any, wanted: str) -> bool:
    if isinstance(value, dict):
        return any(_holds(one, wanted) for one in value.values())
    if isinstance(value, list | tuple):
        return any(_holds(one, wanted) for one in value)
    return bool(value == wanted)


def _environment(environment: Environment) -> Broken:
    for path in _wallets(environment):
        if environment.chain is None:
            yield path, "is on the declared chain, but none is declared"
    for key in ("contracts", "domains", "flows", "machines", "safes"):
        if getattr(environment, key) and environment.chain is None:
            yield (key,), "are declared, but no chain to find them on"
            return
    for name, agreement in environment.agreements.items():
        service, _, endpoint_name = agreement.endpoint.partition(".")
        endpoint = environment.services[service].endpoints.get(endpoint_name)
        if endpoint is not None and endpoint.first is not None:
            why = f"{agreement.endpoint} needs what comes first; compare one that reads by itself"
            yield ("agreements", name, "endpoint"), why
    if environment.outages == "allowed" and environment.access is not Access.TRANSACT:
        yield ("outages",), "are caused only where access is transact; write outages: refused"


def _wallets(environment: Environment) -> Iterator[tuple[str, ...]]:
    for name, service in environment.services.items():
        browser = service.page.browser if service.page else None
        for journey_name, one in browser.journeys.items() if browser else ():
            if one.wallet is not None:
                below = ("page", "browser", "journeys", journey_name, "wallet")
                yield ("services", name, *below)


def _attempts(attempts: Attempts) -> Broken:
    if attempts.passes > attempts.of:
        yield ("pass",), f"{attempts.passes} of {attempts.of} can never pass"


def _item(item: Item) -> Broken:
    if not ITEM_ID.fullmatch(item.id):
        yield ("id",), "use letters, digits, dots, - and _ only"
    for index, facet in enumerate(item.facets):
        if (why := _facet_problem(facet)) is not None:
            yield ("facets", index), why
    if item.on_failure is not None and item.stage not in {Stage.DEPLOY, Stage.POST_DEPLOY}:
        yield ("on_failure",), f"nothing is deployed in {item.stage} that could be rolled back"
    yield from repeated(item.facets, ("facets",))
    yield from repeated(item.signers, ("signers",))
    yield from repeated(item.environments or (), ("environments",))
    yield from _signing(item)
    yield from _carrying(item)


def _carrying(item: Item) -> Broken:
    accepted = item.accept_from
    if accepted is None:
        return
    if item.verified_by != "checks":
        yield ("accept_from",), f"carries what checks verified, not verified_by: {item.verified_by}"
    there = accepted.environment
    if item.environments is not None and there not in item.environments:
        yield (
            ("accept_from", "environment"),
            f"the item does not apply to {there}; see environments",
        )
    elif item.environments is not None and set(item.environments) == {there}:
        yield ("accept_from",), f"the item applies to {there} only: nowhere is it carried to"


def _signing(item: Item) -> Broken:
    if item.verified_by != "sign_off":
        if item.signers:
            yield ("signers",), "sign nothing here; write verified_by: sign_off"
        elif item.threshold != 1:
            yield ("threshold",), "counts nothing here; write verified_by: sign_off"
    elif not item.signers:
        yield ("verified_by",), "sign_off needs signers; name at least one"
    elif item.threshold > len(item.signers):
        yield ("threshold",), f"{item.threshold} of {len(item.signers)} signers can never sign"


def _facet_problem(facet: str) -> str | None:
    if facet in _RESERVED_FACETS:
        return f"{facet} is a stage or a severity; choose another word"
    if not facet.isidentifier() or not facet.isascii() or keyword.iskeyword(facet):
        return "-m needs a word of letters, digits and _"
    if facet in _MARKS_OF_PYTEST:
        return f"pytest gives the mark {facet} a meaning of its own; choose another word"
    return None


def _trigger(trigger: Trigger) -> Broken:
    if trigger.measure is None and not trigger.items:
        yield (), "names neither a measure nor items; write one of them"
    elif trigger.measure is not None and trigger.items:
        yield ("items",), "stand beside a measure; keep one of the two, or make two triggers"
    is_rate = trigger.measure is not None and trigger.measure.endswith("_rate")
    if is_rate and trigger.limit is None:
        yield ("measure",), "a rate needs its limit; write for example limit: 5%"
    elif not is_rate and trigger.limit is not None:
        yield ("limit",), "limits nothing here; only rates have a limit"
    elif trigger.limit is not None and trigger.limit >= 1:
        yield ("limit",), "is reached by no rate, so nothing could ever breach it"
    if not 0.5 <= trigger.confidence < 1:
        yield ("confidence",), "must be at least 50% and less than 100%"
    yield from repeated(trigger.items, ("items",))
    yield from repeated(trigger.undo, ("undo",))


def _component(component: Component) -> Broken:
    yield from repeated(component.verify, ("verify",))


_RULES: Mapping[type, Callable[[Any], Broken]] = {
    Agreement: _agreement,
    AllowedFinding: allowed_finding,
    Attempts: _attempts,
    Beside: beside,
    Backups: _backups,
    CallerPolicy: _caller_policy,
    Chain: _chain,
    Component: _component,
    Contract: _contract,
    Description: _description,
    Difference: _difference,
    Domain: domain,
    Endpoint: _endpoint,
    Environment: _environment,
    Expectation: _expectation,
    Flow: flow,
    Forged: forged,
    Given: _given,
    Health: _health,
    Identity: _identity,
    Initialiser: _initialiser,
    Item: _item,
    Journey: journey,
    JourneyStep: journey_step,
    Machine: machine,
    Migrations: _migrations,
    PartOutages: _part_outages,
    Pausing: _pausing,
    Roles: _roles,
    Proxy: _proxy,
    Query: _query,
    Release: _release,
    ResponseTime: _response_time,
    Safe: _safe,
    Sampling: _sampling,
    Scan: scan,
    Service: _service,
    SignedRequest: _signed_request,
    SlotExpectation: _view_expectation,
    TimedQuery: _timed_query,
    Trigger: _trigger,
    TypedData: _typed_data,
    ViewExpectation: _view_expectation,
}
_COMPARES = frozenset({Expectation, Given, Query, Safe, Sampling, SlotExpectation, ViewExpectation})
