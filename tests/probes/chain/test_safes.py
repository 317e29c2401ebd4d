"""Real Safes, from the artifacts that their makers publish, on real nodes."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import ProbeError, UnmetError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.model import Safe, ViewExpectation
from pytest_metarelease.manifest.scalars import Access
from pytest_metarelease.probes.chain.artifact import Artifact, load
from pytest_metarelease.probes.chain.codec import call_data, checksum, encode
from pytest_metarelease.probes.chain.dispatcher import dispatch_of
from pytest_metarelease.probes.chain.safes import SafeProbe
from pytest_metarelease.probes.chain.snapshot import pin
from pytest_metarelease.sandbox.accounts import DEPLOYER, SIGNERS, SPARE
from tests.probes.chain.deployed import NOBODY, transact
from tests.probes.chain.nodes import chain_at, door

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.probes.chain.rpc import Rpc

BUILD = (
    Path(__file__).parents[3]
    / ".tools/node_modules/@safe-global/safe-smart-account/build/artifacts/contracts"
)
HANDLER = SPARE[0].address


@functools.cache
def artifact(path: str) -> Artifact:
    file = BUILD / path
    if not file.exists():
        raise RuntimeError(f"{file} is needed: scripts/test installs it (scripts/npm-tools)")
    return load(file)


@pytest.fixture(scope="module")
def rpc(either: str) -> Iterator[Rpc]:
    with door(chain_at(either), Access.TRANSACT) as opened:
        yield opened


def put(rpc: Rpc, built: Artifact, *args: Any) -> str:
    data = built.creation + encode(built.interface.constructor, args)
    # The singleton is larger than the gas of the usual set-up transaction allows.
    return checksum(transact(rpc, DEPLOYER, None, "0x" + data.hex(), gas=6_000_000).contract)


@pytest.fixture(scope="module")
def singleton(rpc: Rpc) -> str:
    return put(rpc, artifact("Safe.sol/Safe.json"))


@pytest.fixture
def account(rpc: Rpc, singleton: str) -> str:
    """A Safe of three, set up by a proxy; one is enough to act."""
    proxy = put(rpc, artifact("proxies/SafeProxy.sol/SafeProxy.json"), singleton)
    owners = [one.address for one in SIGNERS]
    nothing = (NOBODY, "0x", HANDLER, NOBODY, 0, NOBODY)
    _call(rpc, proxy, "setup", owners, 1, *nothing, sender=DEPLOYER)
    return proxy


def _call(rpc: Rpc, proxy: str, function: str, *args: Any, sender: Any) -> None:
    entry = artifact("Safe.sol/Safe.json").interface.function(function)
    transact(rpc, sender, proxy, call_data(entry, args))


def act(rpc: Rpc, proxy: str, function: str, *args: Any) -> None:
    """Let the first owner alone do something in the name of the Safe to itself."""
    entry = artifact("Safe.sol/Safe.json").interface.function(function)
    # v = 1: the sender itself is the owner who agrees (Safe's contract signatures).
    agreed = "0x" + SIGNERS[0].address[2:].rjust(64, "0") + "00" * 32 + "01"
    inner = (proxy, 0, call_data(entry, args), 0, 0, 0, 0, NOBODY, NOBODY, agreed)
    _call(rpc, proxy, "execTransaction", *inner, sender=SIGNERS[0])


def judge(rpc: Rpc, address: str, singleton: str, **changes: Any) -> Notebook:
    values: dict[str, Any] = {
        "address": address,
        "version": "1.5.0",
        "owners": tuple(one.address for one in SIGNERS),
        "threshold": 1,
        "fallback_handler": HANDLER,
        "singleton": singleton,
        "nonce": ViewExpectation(equals=0, states_equals=True),
        **changes,
    }
    notebook = Notebook()
    notebook.check = "check"
    snapshot = pin(rpc, chain_at("http://127.0.0.1:1"))
    SafeProbe("treasury", Safe(**values), rpc, snapshot, notebook, page=2).judge()
    return notebook


def test_nothing_at_the_address_is_no_safe(rpc: Rpc, singleton: str) -> None:
    with pytest.raises(UnmetError, match="no code"):
        judge(rpc, SPARE[1].address, singleton)


def test_a_safe_is_as_declared(rpc: Rpc, account: str, singleton: str) -> None:
    cited = judge(rpc, account, singleton).citations["check"]
    judged = [one.judgement for one in cited if one.judgement is not Judgement.NONE]
    assert judged == [Judgement.MET] * 9


def test_a_module_is_found(rpc: Rpc, account: str, singleton: str) -> None:
    act(rpc, account, "enableModule", SPARE[1].address)
    with pytest.raises(UnmetError, match=rf"modules of treasury: none(?s:.*){SPARE[1].address}"):
        judge(rpc, account, singleton)
    nonce = ViewExpectation(equals=1, states_equals=True)
    judge(rpc, account, singleton, modules=(SPARE[1].address,), nonce=nonce)


def test_more_modules_than_a_page_are_all_read(rpc: Rpc, account: str, singleton: str) -> None:
    modules = [f"0x{0xABCDE0000 + number:040x}" for number in range(5)]
    for one in modules:
        act(rpc, account, "enableModule", one)
    unchecked = ViewExpectation(unchecked="grows")
    judge(rpc, account, singleton, modules=tuple(modules), nonce=unchecked)
    with pytest.raises(UnmetError, match="modules of treasury"):
        judge(rpc, account, singleton, modules=tuple(modules[:-1]), nonce=unchecked)


def test_a_lowered_threshold_and_a_swapped_owner_are_found(
    rpc: Rpc, account: str, singleton: str
) -> None:
    with pytest.raises(UnmetError, match="threshold of treasury: 2"):
        judge(rpc, account, singleton, threshold=2)
    sentinel = "0x" + "00" * 19 + "01"
    act(rpc, account, "swapOwner", sentinel, SIGNERS[0].address, SPARE[1].address)
    with pytest.raises(UnmetError, match="owners of treasury"):
        judge(rpc, account, singleton, nonce=ViewExpectation(unchecked="grows"))


def test_another_singleton_is_found(rpc: Rpc, account: str) -> None:
    with pytest.raises(UnmetError, match="singleton of treasury"):
        judge(rpc, account, SPARE[1].address)


def test_a_node_that_is_down_is_unknown(rpc: Rpc, account: str, singleton: str) -> None:
    with door(chain_at("http://127.0.0.1:9", timeout=1.0)) as dead:
        notebook = Notebook()
        notebook.check = "check"
        snapshot = pin(rpc, chain_at("http://127.0.0.1:1"))
        declared = Safe(
            address=account,  # type: ignore[arg-type]
            version="1.5.0",
            owners=(SIGNERS[0].address,),  # type: ignore[arg-type]
            threshold=1,
            proxy=False,
        )
        with pytest.raises(ProbeError, match="no connection"):
            SafeProbe("treasury", declared, dead, snapshot, notebook).judge()
    judged = {one.judgement for one in notebook.citations["check"]} - {Judgement.NONE}
    assert judged == {Judgement.UNKNOWN}


def test_the_dispatcher_of_a_safe_is_its_abi() -> None:
    built = artifact("Safe.sol/Safe.json")
    found = dispatch_of(built.runtime)
    assert set(found.selectors) == {one.selector for one in built.interface.functions}
    assert found.open_end == ""
