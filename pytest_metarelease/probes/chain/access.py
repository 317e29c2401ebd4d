"""Who may call what changes state: shown by simulated calls from strangers and from the named.

Refuses to take anything for a refusal but a revert with its declared reason, and to take silence
for a policy: a function of which the manifest says nothing is a finding. Sends nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import ProbeError, UnmetError, UsageError
from pytest_metarelease.manifest.model import CallerPolicy
from pytest_metarelease.probes.chain.abi import Entry
from pytest_metarelease.probes.chain.callers import Caller, callers, strangers
from pytest_metarelease.probes.chain.codec import call_data, explain
from pytest_metarelease.probes.chain.directory import NOBODY
from pytest_metarelease.probes.chain.measuring import Tally
from pytest_metarelease.probes.chain.overriding import MONEY, check_witness, patched, witness
from pytest_metarelease.probes.chain.relaying import relaying, told
from pytest_metarelease.probes.chain.revert import Revert
from pytest_metarelease.probes.chain.roles import judge_declared
from pytest_metarelease.probes.chain.rpc import Answer, Ask, settled
from pytest_metarelease.probes.chain.snapshot import read_pinned
from pytest_metarelease.probes.chain.state import lines, unconfirmed
from pytest_metarelease.probes.chain.storage import slot_number, storage_ask, word_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_metarelease.evidence import Measurement
    from pytest_metarelease.probes.chain.contracts import ContractProbe

_SPECIAL = ("receive", "fallback")
# Call data for the fallback function: a selector that no function should have.
NO_FUNCTION = "0xfffffffe"
_OWNERS = frozenset(
    {
        *("owner", "pendingOwner", "admin", "pendingAdmin", "governor", "guardian"),
        *("defaultAdmin", "pendingDefaultAdmin"),  # OpenZeppelin's AccessControlDefaultAdminRules
    }
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy with the function it is about and the call data to try it with."""

    key: str
    entry: Entry
    policy: CallerPolicy
    data: str


@dataclass(frozen=True, slots=True)
class Trial:
    """One call to simulate: whose, and whether the caller may.

    ``through`` a contract of a stranger, whom the caller only called: nobody may so.
    """

    rule: Rule
    caller: Caller
    may: bool
    through: bool = False


def judge_access(contract: ContractProbe) -> None:
    """Judge the policy of every function that changes state, tried in one batch.

    Raises:
        UsageError: A policy names a function, caller or argument that is not there.
        UnmetError: Somebody may who must not, or may not who must; or a function has no policy.
        UndeclaredError, ProbeError: It could not be told.
    """
    tally = Tally()
    rules = _rules(contract)
    with tally:
        contract.code_size().at_least(1, next_step="compare address and deployment")
    # By kind as well: receive and fallback both have the signature "()".
    listed = {(rule.entry.kind, rule.entry.signature) for rule in rules}
    for entry in changing(contract):
        if (entry.kind, entry.signature) not in listed:
            tally.failed(_unlisted(contract, entry))
    with tally:
        judge_declared(contract)
    named = _named(contract, tally)
    trials: list[Trial] = []
    for rule in rules:
        with tally:
            trials += _trials(contract, rule, named)
    with tally:
        _try_all(contract, trials, tally)
    _judge_former(contract, tally)
    tally.settle()


def changing(contract: ContractProbe) -> list[Entry]:
    """Return what can change state: functions, and what answers a call to none of them."""
    interface = contract.interface
    return [one for one in interface.functions if not one.reads] + list(interface.special)


def _rules(contract: ContractProbe) -> list[Rule]:
    special = {one.kind: one for one in contract.interface.special}
    found = []
    for key, policy in contract.declared.access.items():
        name = function_of(key)
        if name in _SPECIAL:
            if name not in special:
                raise UsageError(f"{contract.name}: the ABI has no {name}; remove access.{key}")
            entry = special[name]
            data = "0x" if name == "receive" else NO_FUNCTION
        else:
            entry = contract.interface.function(name)
            if entry.reads:
                raise UsageError(f"{contract.name}: {key} changes nothing; declare it under state")
            tried = policy.unchecked is None
            data = call_data(entry, arguments(entry, policy)) if tried else "0x"
        found.append(Rule(key, entry, policy, data))
    return found


def function_of(key: str) -> str:
    """Return the function that a line of ``access`` is about: what stands before a ``#label``."""
    return key.partition("#")[0]


def arguments(entry: Entry, policy: CallerPolicy | None) -> Sequence[Any]:
    """Return the declared arguments, or zeros: who may call is asked before what with.

    Raises:
        UsageError: None are declared, and a type has no zero that is known.
    """
    if policy is not None and policy.args:
        return policy.args
    try:
        return [_zero(one.type) for one in entry.inputs]
    except UsageError as problem:
        raise UsageError(f"{entry.signature}: {problem}") from None


def _zero(kind: str) -> Any:
    if kind.endswith("]"):
        size = kind[kind.rindex("[") + 1 : -1]
        return [_zero(kind[: kind.rindex("[")])] * int(size or 0)
    if kind.startswith("("):
        return [_zero(one) for one in _members(kind)]
    if kind.startswith(("uint", "int")):
        return 0
    if kind == "address":
        return NOBODY
    if kind == "bool":
        return False
    if kind == "string":
        return ""
    size = kind.removeprefix("bytes")
    if not kind.startswith("bytes") or not (size.isdecimal() or not size):
        raise UsageError(f"no zero is known of the type {kind}; declare args: [...]")
    return "0x" + "00" * int(size or 0)


def _members(kind: str) -> list[str]:
    """Return the types of a struct written as ``(a,(b,c)[],d)``."""
    found, depth, start = [], 0, 1
    for at, char in enumerate(kind):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if (char == "," and depth == 1) or (char == ")" and depth == 0):
            found.append(kind[start:at])
            start = at + 1
    return [one for one in found if one]


def _named(contract: ContractProbe, tally: Tally) -> dict[str, tuple[Caller, ...]]:
    """Return every caller to whom the manifest gives any right here, by how it is written."""
    declared = contract.declared
    texts = [text for policy in declared.access.values() for text in policy.only or ()]
    holders = declared.roles.holders if declared.roles else {}
    texts += [f"role:{name}" for name, held in holders.items() if held]
    texts += [declared.pausing.by] if declared.pausing is not None else []
    found: dict[str, tuple[Caller, ...]] = {}
    for text in dict.fromkeys(texts):
        with tally:
            found[text] = callers(contract, text)
    return found


def _outsiders(
    contract: ContractProbe, own: Sequence[Caller], named: Mapping[str, tuple[Caller, ...]]
) -> list[Caller]:
    """Return who must be refused: strangers, and whoever has rights, but not this one."""
    found = list(strangers(contract))
    known = {one.address.lower() for one in (*own, *found)}
    for one in (caller for several in named.values() for caller in several):
        if one.address.lower() not in known:
            known.add(one.address.lower())
            found.append(one)
    return found


def _trials(
    contract: ContractProbe, rule: Rule, named: Mapping[str, tuple[Caller, ...]]
) -> list[Trial]:
    policy = rule.policy
    if policy.unchecked is not None:
        if policy.unconfirmed is not None:
            seen = contract.asking.known(f"{contract.name}.{rule.key}", "not tried")
            raise unconfirmed(contract, seen, rule.key, policy.unconfirmed)
        return []
    if policy.anyone is not None:
        return [Trial(rule, strangers(contract)[0], may=True)]
    # A caller that could not be told is on the tally already.
    own = [one for text in policy.only or () for one in named.get(text, ())]
    outsiders = _outsiders(contract, own, named)
    if policy.nobody is not None and _is_given_up(contract):
        outsiders = [one for one in outsiders if one.address != NOBODY]
    return [
        *(Trial(rule, one, may=False) for one in outsiders),
        *(Trial(rule, one, may=True) for one in own),
        *(Trial(rule, one, may=False, through=True) for one in own if one.address != NOBODY),
    ]


def _is_given_up(contract: ContractProbe) -> bool:
    """Whether the manifest says that a right belongs to the zero address, so to nobody.

    An ownership that was renounced or never taken, a transfer that is not pending, the parties of
    the code behind a proxy: code that compares the caller with such a view takes the zero address
    for the right one, and nobody can send from there. What the view says is judged with the state.
    """
    return any(
        line.entry.output_types[:1] == ("address",)
        and not line.entry.inputs
        and _first(line.wanted.equals) == NOBODY
        for line in lines(contract)
    )


def _first(value: Any) -> Any:
    """Return a value, or of several the first: who, and from when on."""
    return value[0] if isinstance(value, list | tuple) and value else value


def _try_all(contract: ContractProbe, trials: Sequence[Trial], tally: Tally) -> None:
    if not trials:
        return
    started = time.perf_counter()
    try:
        slots = _current_slots(contract, trials)
        asks = [_ask(contract, one, slots) for one in trials]
        sure, *answers = read_pinned(
            contract.rpc, contract.snapshot, [witness(contract.snapshot.tag), *asks]
        )
    except ProbeError as problem:
        seen = contract.asking.known(f"{contract.name}: access", f"no answer: {problem}")
        contract.asking.unknown(seen, problem)
        raise
    duration = time.perf_counter() - started
    for trial, ask, answer in zip(trials, asks, answers, strict=True):
        with tally:
            tried, told_of = _seen(contract, trial, _believed(contract, ask, answer, sure))
            _judge(contract, tried, told_of, duration)


def _seen(contract: ContractProbe, trial: Trial, answer: Answer) -> tuple[Trial, Answer]:
    """Return the trial with who called indeed, where that was a contract, and what it was told."""
    if not trial.through:
        return trial, answer
    title = f"a contract of a stranger, which {trial.caller.title} {trial.caller.address} calls,"
    try:
        found = told(answer, contract.rpc.masked)
    except ProbeError as problem:
        return replace(trial, caller=Caller(title, "in between")), problem
    return replace(trial, caller=Caller(title, found.caller)), found.answer


def _believed(contract: ContractProbe, ask: Ask, answer: Answer, sure: Answer) -> Answer:
    """Return the answer, or why it says nothing: it needed overrides that the node ignores."""
    if len(ask.params) < 3:
        return answer
    try:
        check_witness(sure, contract.rpc.masked)
    except ProbeError as problem:
        return problem
    return answer


def _current_slots(contract: ContractProbe, trials: Sequence[Trial]) -> dict[str, bytes]:
    names = {slot_number(one.slot) for trial in trials for one in trial.rule.policy.given}
    slots = sorted(names)
    answers = (
        read_pinned(
            contract.rpc, contract.snapshot, [storage_ask(contract, slot) for slot in slots]
        )
        if slots
        else []
    )
    return {
        slot: word_of(settled(answer, f"slot {slot}"), f"slot {slot}")
        for slot, answer in zip(slots, answers, strict=True)
    }


def _ask(contract: ContractProbe, trial: Trial, slots: dict[str, bytes]) -> Ask:
    policy, caller = trial.rule.policy, trial.caller.address
    request = {"from": caller}
    if trial.through:
        request["data"] = relaying(contract.address, trial.rule.data)
    else:
        request |= {"to": contract.address, "data": trial.rule.data}
    overrides: dict[str, Any] = {}
    if policy.value:
        request["value"] = hex(policy.value)
        overrides[caller] = {"balance": hex(policy.value + MONEY)}
    if policy.given:
        overrides.setdefault(contract.address, {})["stateDiff"] = patched(slots, policy.given)
    tag = contract.snapshot.tag
    return Ask("eth_call", (request, tag, overrides) if overrides else (request, tag))


def _judge(contract: ContractProbe, trial: Trial, answer: Answer, duration: float) -> None:
    policy, asking = trial.rule.policy, contract.asking
    caller = f"{trial.caller.title} {trial.caller.address}"
    asked = f"{contract.name}.{_called(trial.rule)} from {caller}"
    seen = asking.known(
        asked, _shown(contract, answer), block=contract.snapshot.number, duration=duration
    )
    if isinstance(answer, ProbeError):
        asking.unknown(seen, answer)
        raise answer
    revert = explain(answer, contract.interface) if isinstance(answer, Revert) else None
    reasons = [text for one in policy.reverts for text in _reasons(one, trial.caller.address)]
    declared = " or ".join(policy.reverts)
    refused = revert is not None and any(map(revert.is_declared_as, reasons))
    actual = "it succeeds" if revert is None else f"reverts: {_reason(revert)}"
    if policy.anyone is not None:
        good = refused if policy.reverts else revert is None
        expected = f"{asked} reverts: {declared}" if policy.reverts else f"{asked} succeeds"
    elif trial.may:
        good = not refused and trial.caller.address != NOBODY
        expected = f"{asked} is not refused: {declared}"
    else:
        good, expected = refused, f"{asked} reverts: {declared}"
    if not good:
        raise asking.unmet(seen, expected, actual, _next_step(trial))
    if policy.unconfirmed is not None:
        raise unconfirmed(contract, seen, trial.rule.key, policy.unconfirmed)
    asking.met(seen, expected, actual)


def _reasons(declared: str, caller: str) -> tuple[str, ...]:
    """Return the reason with ``{caller}`` filled in: texts write addresses in lower case.

    In the values of a custom error an address has its checksum.
    """
    return tuple(declared.replace("{caller}", one) for one in (caller.lower(), caller))


def _next_step(trial: Trial) -> str:
    key = trial.rule.key
    if trial.caller.address == NOBODY and trial.may:
        return f"nobody holds this right any more; declare access.{key} as `nobody`"
    if trial.may:
        return f"find out why the caller is refused, or correct access.{key}"
    if trial.through:
        return (
            f"every contract that is called by whoever may {key} may do so as well: ask for "
            "msg.sender, not for tx.origin; where contracts are refused with a reason of their "
            f"own, add it to access.{key}.reverts"
        )
    if trial.caller.address == NOBODY:
        return (
            "nobody can send from the zero address, but a right that is compared with an empty "
            "value is open to mistakes; where it was given up for good, or nothing is pending, "
            f'declare the view that is empty (`state: {{owner: "{NOBODY}"}}`) and access.{key} '
            "as `nobody`; where only the arguments were refused, as `anyone` with `reverts`"
        )
    return f"find out who may call {key}; pause the contract if a stranger may"


def _called(rule: Rule) -> str:
    paid = f" with {rule.policy.value} wei" if rule.policy.value else ""
    name, sign, label = rule.key.partition("#")
    return (rule.entry.signature if rule.entry.kind == "function" else name) + sign + label + paid


def _shown(contract: ContractProbe, answer: Answer) -> str:
    if isinstance(answer, Revert):
        return f"reverted: {_reason(explain(answer, contract.interface))}"
    return f"no answer: {answer}" if isinstance(answer, ProbeError) else f"returned {answer!s:.100}"


def _reason(revert: Revert) -> str:
    return revert.reason or revert.data


def _unlisted(contract: ContractProbe, entry: Entry) -> UnmetError:
    plain = entry.kind == "function"
    key = contract.interface.key_of(entry) if plain else entry.kind
    name = f"{entry.signature} ({entry.selector})" if plain else entry.kind
    seen = contract.asking.known(f"{contract.name}.{name}", "not tried")
    return contract.asking.unmet(
        seen,
        f"{contract.name}.{name} has a caller policy",
        "the manifest says nothing of it",
        f"add to contracts.{contract.name}.access:  {key}: {{only: owner, reverts: ...}}  or  "
        f"{key}: {{anyone: reason}}",
    )


def _judge_former(contract: ContractProbe, tally: Tally) -> None:
    """Judge that no account without rights is what the contract calls its owner or the like."""
    named = {text for one in contract.declared.access.values() for text in one.only or ()}
    views = [
        one
        for one in contract.interface.views
        if not one.inputs and one.output_types == ("address",) and one.name in named | _OWNERS
    ]
    for former in contract.declared.no_rights:
        for view in views:
            with tally:
                _is_not(contract, view, str(former))


def _is_not(contract: ContractProbe, view: Entry, former: str) -> None:
    reading = contract.read(view.signature)
    seen: Measurement = reading.measurement
    expected = f"{contract.name}.{view.name}() is not {former}, which must have no rights"
    if str(reading.value).lower() == former.lower():
        raise contract.asking.unmet(
            seen, expected, former, f"hand over what {view.name} may do, and verify again"
        )
    contract.asking.met(seen, expected, str(reading.value))
