"""What stands behind a proxy: its implementation, admin and beacon, and initialisers that are shut.

Reads the slots of EIP-1967, EIP-1822 and ZeppelinOS. Refuses an admin, a beacon or an
implementation that the manifest does not declare, and an ordinary account where a contract is
declared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from pytest_metarelease.errors import ProbeError, UnmetError, UsageError
from pytest_metarelease.probes.chain.diamonds import judge_facets, judge_no_diamond
from pytest_metarelease.probes.chain.measuring import Tally
from pytest_metarelease.probes.chain.minimal import read_minimal
from pytest_metarelease.probes.chain.quantities import payload
from pytest_metarelease.probes.chain.rpc import Ask, settled
from pytest_metarelease.probes.chain.snapshot import read_pinned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_metarelease.manifest.contract_code import Initialiser, Proxy
    from pytest_metarelease.probes.chain.contracts import ContractProbe

Contracts: TypeAlias = "Mapping[str, ContractProbe]"

IMPLEMENTATION = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"
ADMIN = "0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103"
BEACON = "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50"
PROXIABLE = "0xc5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7"
"""EIP-1967: keccak256("eip1967.proxy.implementation") - 1 and so on; EIP-1822: of "PROXIABLE"."""

OLDER = "0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3"
_OLDER_ADMIN = "0x10d6a54a4754c8869d6886b5f5d7fbfa5b4522237ea5c60d11bc4e7a1ff9390b"
"""ZeppelinOS, before EIP-1967: keccak256("org.zeppelinos.proxy.implementation") and so on."""

_SLOTS = {
    "implementation": IMPLEMENTATION,
    "admin": ADMIN,
    "beacon": BEACON,
    "logic": PROXIABLE,
    "ZeppelinOS's implementation": OLDER,
    "ZeppelinOS's admin": _OLDER_ADMIN,
}
_KINDS = {"eip-1822": "logic", "zeppelinos": "ZeppelinOS's implementation"}
_GUARDS = {
    # OpenZeppelin 4: the first slot, uint8 and bool. OpenZeppelin 5: ERC-7201, uint64 and bool.
    "openzeppelin-v4": ("0x" + "00" * 32, 1),
    "openzeppelin-v5": ("0xf0c57e16840df040f15088dc2f81fe391c3923bec73e23a9662efc9c229c6a00", 8),
}
_IMPLEMENTATION_CALL = "0x5c60da1b"
_STRANGER = "0x00000000000000000000000000000000c0de0003"
_ZERO = "0x" + "00" * 20
_UPGRADED = "find the transaction that changed it, and whether the release means it"


def judge_proxy(contracts: Contracts, name: str) -> None:
    """Judge the declared proxy ``name``: slots, the code behind it, initialisers.

    Raises:
        UsageError: The manifest declares no proxy of that name.
        UnmetError: Something else stands there; all of it is named.
        ProbeError: Something could not be asked.
    """
    probe = contracts[name]
    proxy = probe.declared.proxy
    if proxy is None:
        raise UsageError(f"contracts.{name} declares no `proxy:`")
    tally = Tally()
    steps: list[Callable[[], None]] = [
        lambda: _judge_slots(contracts, probe, proxy, tally),
        lambda: _judge_behind(contracts, probe, proxy, tally),
    ]
    if proxy.initialiser is not None:
        once = proxy.initialiser
        behind = contracts[proxy.implementation]
        steps.append(lambda: _judge_initialiser(behind, once, tally, locked=True))
        steps.append(lambda: _judge_initialiser(probe, once, tally, locked=False))
    for step in steps:
        try:
            step()
        except UnmetError as problem:
            tally.failed(problem)
        except ProbeError as problem:
            tally.unclear(problem)
    tally.settle()


def judge_no_proxy(probe: ContractProbe) -> None:
    """Judge that a contract without a declared proxy is none: its proxy slots are empty.

    What a diamond (EIP-2535) delegates to stands in no slot; its facets are asked for.

    Raises:
        UnmetError: A slot holds an address, or it has other facets than declared.
        ProbeError: The node does not say.
    """
    tally = Tally()
    for what, found in _read_slots(probe).items():
        _judge_address(probe, what, found, _ZERO, "declare `proxy:`, or find out why", tally)
    with tally:
        if probe.declared.facets:
            judge_facets(probe, probe.declared.facets, tally)
        else:
            judge_no_diamond(probe, tally)
    tally.settle()


def _read_slots(probe: ContractProbe) -> dict[str, str]:
    return dict(zip(_SLOTS, _words(probe, *_SLOTS.values()), strict=True))


def _words(probe: ContractProbe, *slots: str) -> list[str]:
    """Return storage words at the pinned block, 0x hex of 32 bytes."""
    tag = probe.snapshot.tag

    def question() -> list[str]:
        asks = [Ask("eth_getStorageAt", (probe.address, slot, tag)) for slot in slots]
        answers = read_pinned(probe.rpc, probe.snapshot, asks)
        words = [payload(settled(one, "eth_getStorageAt"), "storage") for one in answers]
        return ["0x" + one.rjust(32, b"\0").hex() for one in words]

    found, _ = probe.asking.ask(
        f"eth_getStorageAt {probe.address}",
        question,
        show=lambda words: ", ".join(words),
        block=probe.snapshot.number,
    )
    return found


def _judge_slots(contracts: Contracts, probe: ContractProbe, proxy: Proxy, tally: Tally) -> None:
    implementation = contracts[proxy.implementation].address
    if proxy.kind == "minimal":
        code = payload(_code(probe, probe.address), "code")
        minimal = read_minimal(code)
        target = _ZERO if minimal is None else minimal.implementation
        _judge_address(probe, "implementation", _word(target), implementation, _UPGRADED, tally)
        return
    wanted = dict.fromkeys(_SLOTS, _ZERO)
    if proxy.kind == "beacon" and proxy.beacon is not None:
        wanted["beacon"] = contracts[proxy.beacon].address
    else:
        wanted[_KINDS.get(proxy.kind, "implementation")] = implementation
    admin = "ZeppelinOS's admin" if proxy.kind == "zeppelinos" else "admin"
    if proxy.admin is not None:
        wanted[admin] = contracts[proxy.admin].address
    elif proxy.admin_account is not None:
        wanted[admin] = proxy.admin_account
    for what, found in _read_slots(probe).items():
        _judge_address(probe, what, found, wanted[what], _UPGRADED, tally)


def _judge_address(
    probe: ContractProbe, what: str, word: str, wanted: str, hint: str, tally: Tally
) -> None:
    asking = probe.asking
    shown = _shown(word)
    seen = asking.known(f"{what} slot of {probe.address}", shown, block=probe.snapshot.number)
    expected = f"{what} {wanted if wanted != _ZERO else 'none'}"
    if word == _word(wanted):
        asking.met(seen, expected, shown)
        return
    actual = shown if word == _word(_ZERO) else f"{shown}, {_kind(probe, word)}"
    tally.failed(asking.unmet(seen, expected, actual, hint))


def _kind(probe: ContractProbe, word: str) -> str:
    """Say in words what stands at the address in a slot; only for the text of a failure."""
    try:
        code = payload(_code(probe, "0x" + word[-40:]), "code")
    except ProbeError:
        return "of which the node does not say what it is"
    return f"a contract of {len(code)} bytes" if code else "an ordinary account without code"


def _judge_behind(contracts: Contracts, probe: ContractProbe, proxy: Proxy, tally: Tally) -> None:
    """Judge the code of what the manifest declares behind the proxy, and what a beacon says."""
    for name in filter(None, (proxy.implementation, proxy.admin, proxy.beacon)):
        try:
            contracts[name].code()
        except UnmetError as problem:
            tally.failed(problem)
    if proxy.beacon is not None:
        beacon = contracts[proxy.beacon]
        request = {"to": beacon.address, "data": _IMPLEMENTATION_CALL}
        ask = Ask("eth_call", (request, probe.snapshot.tag))
        answer, _ = beacon.asking.ask(
            f"{proxy.beacon}.implementation()",
            lambda: settled(read_pinned(probe.rpc, probe.snapshot, [ask])[0], "implementation()"),
            block=probe.snapshot.number,
        )
        wanted = contracts[proxy.implementation].address
        _judge_address(beacon, "implementation", str(answer).lower(), wanted, _UPGRADED, tally)


def _judge_initialiser(
    probe: ContractProbe, once: Initialiser, tally: Tally, *, locked: bool
) -> None:
    """Judge that nobody can initialise: by calling it, and by what the guard's storage says."""
    hint = "initialise it now, before somebody else does; then find out who could have"
    try:
        probe.expect_revert(
            once.call, once.args, sender=_STRANGER, reverts=once.reverts, next_step=hint
        )
    except UnmetError as problem:
        tally.failed(problem)
    if once.guard is None:
        return
    slot, size = _GUARDS[once.guard]
    word = bytes.fromhex(_words(probe, slot)[0][2:])
    version, running = int.from_bytes(word[-size:], "big"), word[-size - 1]
    wanted = 256**size - 1 if locked else once.version
    seen = probe.asking.known(
        f"initialised version of {probe.address}", str(version), block=probe.snapshot.number
    )
    expected = f"initialised version {wanted}{' (locked)' if locked else ''}"
    if version == wanted and running == 0:
        probe.asking.met(seen, expected, str(version))
    else:
        actual = f"{version}{', and initialising' if running else ''}"
        tally.failed(probe.asking.unmet(seen, expected, actual, hint))


def _code(probe: ContractProbe, address: str) -> object:
    ask = Ask("eth_getCode", (address, probe.snapshot.tag))
    return settled(read_pinned(probe.rpc, probe.snapshot, [ask])[0], ask.method)


def _word(address: str) -> str:
    return "0x" + "00" * 12 + address[2:].lower()


def _shown(word: str) -> str:
    if word == _word(_ZERO):
        return "none"
    return "0x" + word[-40:] if word.startswith("0x" + "00" * 12) else word
