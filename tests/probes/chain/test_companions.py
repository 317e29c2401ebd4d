"""Flows with tokens, proxies, clones and time beside their contract, on real nodes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import MetareleaseError, UnmetError, UnsupportedError, UsageError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.contract_code import Proxy
from pytest_metarelease.manifest.scalars import Access, Seconds, Share
from pytest_metarelease.manifest.trials import Action, Beside, Flow, Machine, OwnToken, Step
from pytest_metarelease.probes.chain.artifact import load
from pytest_metarelease.probes.chain.companions import Part
from pytest_metarelease.probes.chain.flows import FlowProbe
from pytest_metarelease.probes.chain.machines import MachineProbe
from pytest_metarelease.probes.chain.snapshot import pin
from tests.probes.chain.deployed import NOBODY, declared, is_
from tests.probes.chain.nodes import chain_at, door
from tests.probes.chain.tills import judged
from tests.sandbox.test_artifacts import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    Perform: TypeAlias = Callable[..., tuple[Notebook, BaseException | None]]

SOURCE = """\
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

interface Token {
    function balanceOf(address who) external view returns (uint256);
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}
contract Locker {
    Token public token;
    uint256 public opens;
    uint8 public stage;
    mapping(address => uint256) public locked;
    event Locked(address who, uint256 value);
    error TooEarly();
    constructor(address token_) {
        // The one behind proxies and clones is nobody's.
        if (token_ == address(0)) stage = 9;
        else initialise(token_);
    }
    function initialise(address token_) public {
        require(stage == 0, "Already initialised");
        (token, opens, stage) = (Token(token_), block.timestamp + 7 days, 1);
    }
    function lock(uint256 value) external {
        require(token.transferFrom(msg.sender, address(this), value), "Not moved");
        noted(value);
    }
    function lockBlindly(uint256 value) external {
        token.transferFrom(msg.sender, address(this), value);
        noted(value);
    }
    function lockSafely(uint256 value) external {
        bytes memory call = abi.encodeCall(Token.transferFrom, (msg.sender, address(this), value));
        (bool done, bytes memory said) = address(token).call(call);
        require(done && (said.length == 0 || abi.decode(said, (bool))), "Not moved");
        noted(value);
    }
    // Goes on in any case, as it says.
    function lockIfPossible(uint256 value) external {
        try token.transferFrom(msg.sender, address(this), value) returns (bool) {} catch {}
    }
    // What counts is what came.
    function lockWhatComes(uint256 value) external {
        uint256 before = token.balanceOf(address(this));
        token.transferFrom(msg.sender, address(this), value);
        uint256 came = token.balanceOf(address(this)) - before;
        require(came > 0, "Nothing came");
        noted(came);
    }
    function open() external {
        if (block.timestamp < opens) revert TooEarly();
        uint256 value = locked[msg.sender];
        locked[msg.sender] = 0;
        stage = 3;
        require(token.transfer(msg.sender, value), "Not moved");
    }
    function noted(uint256 value) private {
        locked[msg.sender] += value;
        stage = 2;
        emit Locked(msg.sender, value);
    }
}
contract Front {
    // keccak256("eip1967.proxy.implementation") - 1
    uint256 private constant SLOT =
        0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;
    constructor(address logic, bytes memory setup) {
        assembly { sstore(SLOT, logic) }
        (bool done, ) = logic.delegatecall(setup);
        require(done, "Setup failed");
    }
    fallback() external payable {
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), sload(SLOT), 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if done { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }
}
"""
GOLD = {"gold": Beside(token=OwnToken())}
MOVES = ("$gold slots",)
APPROVE = Step(to="gold", call="approve", sender="saver", args=("$self", "1000"))
LOCK = Step(
    call="lock",
    sender="saver",
    args=("1000",),
    emits=("Locked",),
    then={
        "locked": replace(is_(1000), args=("$saver",)),
        "gold.balanceOf#self": replace(is_(1000), args=("$self",)),
        "gold.balanceOf(address)": replace(is_(10**30 - 1000), args=("$saver",)),
    },
)


def flow(*steps: Step, **more: Any) -> Flow:
    given = {"beside": GOLD, "constructor": ("$gold",), "changes": MOVES, **more}
    return Flow(contract="locker", roles=("saver", "stranger"), steps=steps, **given)


def quietly(step: Step) -> Step:
    """Without events, which not every node can show without transactions."""
    return replace(step, emits=())


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Part]:
    folder = tmp_path_factory.mktemp("locker")
    (folder / "Locker.sol").write_text(SOURCE)
    built = {}
    for name, artifact in compiled(folder).items():
        (folder / f"{name}.json").write_text(json.dumps(artifact))
        built[name] = load(folder / f"{name}.json")
    plain = declared(NOBODY)
    behind = built["Locker"].interface
    clone = replace(plain, proxy=Proxy(kind="minimal", implementation="locker"))
    front = replace(plain, proxy=Proxy(implementation="locker"))
    return {
        "locker": Part(plain, built["Locker"]),
        "clone": Part(clone, built["Locker"], behind),
        "front": Part(front, built["Front"], behind),
    }


@pytest.fixture
def perform(parts: Mapping[str, Part]) -> Callable[..., tuple[Notebook, BaseException | None]]:
    """Run a flow or a machine on a node; return what was recorded, and how it ended."""

    def run(
        url: str, wanted: Flow | Machine, access: Access = Access.TRANSACT
    ) -> tuple[Notebook, BaseException | None]:
        notebook = Notebook()
        notebook.check = "check"
        chain = chain_at(url)
        kind: Callable[..., Any] = FlowProbe if isinstance(wanted, Flow) else MachineProbe
        with door(chain, access) as rpc:
            given = {"chain": chain, "rpc": rpc, "snapshot": pin(rpc, chain)}
            probe = kind("locking", wanted, parts, recorder=notebook, typed_data={}, **given)
            try:
                probe.run()
            except (MetareleaseError, UnmetError) as problem:
                return notebook, problem
        return notebook, None

    return run


# ---------------------------------------------------------------------- not at all


def test_what_stands_nowhere_cannot_be_called(anvil: str, perform: Perform) -> None:
    _, problem = perform(anvil, flow(replace(APPROVE, to="silver")))
    assert isinstance(problem, UsageError)
    assert "nothing called silver stands beside; declared: gold" in str(problem)


def test_a_clone_of_nothing_is_refused(anvil: str, perform: Perform) -> None:
    _, problem = perform(anvil, replace(flow(APPROVE), contract="clone", constructor=()))
    assert isinstance(problem, UsageError)
    assert "`beside: {logic: {contract: locker}}`" in str(problem)


@pytest.mark.parametrize("access", Access)
def test_what_cannot_be_deployed_beside_it_is_named(
    any_node: str, perform: Perform, access: Access
) -> None:
    beside = {**GOLD, "front": Beside(contract="front", constructor=("$gold", "0x01020304"))}
    notebook, problem = perform(any_node, flow(quietly(LOCK), beside=beside), access)
    assert isinstance(problem, UnmetError)
    assert "Front can be deployed" in str(problem)
    assert Judgement.UNMET in judged(notebook)


# ---------------------------------------------------------------------- tokens


@pytest.mark.parametrize("access", Access)
def test_a_token_is_approved_moved_and_counted(
    any_node: str, perform: Perform, access: Access
) -> None:
    early = replace(LOCK, reverts="ERC20InsufficientAllowance", emits=(), then={})
    notebook, problem = perform(any_node, flow(early, APPROVE, quietly(LOCK)), access)
    assert problem is None
    assert judged(notebook) == {Judgement.MET}


def test_a_count_that_is_not_so_is_found(any_node: str, perform: Perform) -> None:
    wrong = {"gold.balanceOf": replace(is_(999), args=("$self",))}
    _, problem = perform(any_node, flow(APPROVE, replace(LOCK, then=wrong)))
    assert isinstance(problem, UnmetError)
    assert "gold.balanceOf is 1000, not 999" in str(problem)


def test_a_token_that_is_moved_unsaid_is_found(anvil: str, perform: Perform) -> None:
    _, problem = perform(anvil, flow(APPROVE, LOCK, changes=()))
    assert isinstance(problem, UnmetError)
    assert "changes nothing but what the manifest says" in str(problem)


@pytest.mark.parametrize(
    ("call", "token", "ends"),
    [
        ("lock", OwnToken(returns="nothing"), "reverts"),
        ("lockSafely", OwnToken(returns="nothing"), None),
        ("lock", OwnToken(fee=Share(0.01)), "gold.balanceOf#self is 990, not 1000"),
        ("lockSafely", OwnToken(decimals=6), None),
    ],
)
def test_tokens_are_as_they_are_declared(
    either: str, perform: Perform, call: str, token: OwnToken, ends: str | None
) -> None:
    beside = {"gold": Beside(token=token)}
    _, problem = perform(either, flow(APPROVE, replace(LOCK, call=call), beside=beside))
    assert (problem is None) if ends is None else (ends in str(problem))


# ---------------------------------------------------------------------- transfers that fail


def test_a_call_that_ignores_a_failed_transfer_is_found(any_node: str, perform: Perform) -> None:
    _, problem = perform(any_node, flow(APPROVE, replace(LOCK, call="lockBlindly")))
    assert isinstance(problem, UnmetError)
    assert "lockBlindly() as saver does not go on where the transfer" in str(problem)
    assert "it goes on as if gold had been moved" in str(problem)


@pytest.mark.parametrize("call", ["lock", "lockSafely", "lockIfPossible", "lockWhatComes"])
def test_who_looks_or_says_that_it_does_not_is_not_blamed(
    either: str, perform: Perform, call: str
) -> None:
    step = replace(LOCK, call=call, emits=(), then={})
    notebook, problem = perform(either, flow(APPROVE, step))
    assert problem is None
    told = [one.actual for one in notebook.citations["check"]]
    assert "it does not, or moves no token" in told


def test_a_token_may_be_trusted_with_a_reason(anvil: str, perform: Perform) -> None:
    beside = {"gold": Beside(token=OwnToken(trusted="the one token that is taken reverts"))}
    step = replace(LOCK, call="lockBlindly")
    _, problem = perform(anvil, flow(APPROVE, step, beside=beside))
    assert problem is None


# ---------------------------------------------------------------------- proxies and clones


@pytest.mark.parametrize("access", Access)
def test_a_proxy_is_called_by_the_functions_behind_it(
    any_node: str, perform: Perform, access: Access
) -> None:
    beside = {**GOLD, "logic": Beside(contract="locker", constructor=(NOBODY,))}
    setup: dict[str, Any] = {"call": "initialise", "args": ["$gold"]}
    again = Step(
        call="initialise", sender="stranger", args=("$gold",), reverts="Already initialised"
    )
    wanted = replace(
        flow(again, APPROVE, quietly(LOCK), beside=beside, constructor=("$logic", setup)),
        contract="front",
    )
    notebook, problem = perform(any_node, wanted, access)
    assert problem is None
    assert judged(notebook) == {Judgement.MET}


def test_setup_that_is_no_call_is_refused(anvil: str, perform: Perform) -> None:
    beside = {**GOLD, "logic": Beside(contract="locker", constructor=(NOBODY,))}
    setup: dict[str, Any]
    for setup in ({"call": "initialise", "to": "silver"}, {"args": []}):
        wanted = flow(APPROVE, beside=beside, constructor=("$logic", setup))
        _, problem = perform(anvil, replace(wanted, contract="front"))
        assert isinstance(problem, UsageError)
        assert "is no call" in str(problem)


@pytest.mark.parametrize("access", Access)
def test_a_clone_begins_empty(any_node: str, perform: Perform, access: Access) -> None:
    beside = {**GOLD, "logic": Beside(contract="locker", constructor=(NOBODY,))}
    begin = Step(call="initialise", sender="deployer", args=("$gold",), then={"stage": is_(1)})
    wanted = flow(begin, APPROVE, quietly(LOCK), beside=beside, constructor=())
    notebook, problem = perform(any_node, replace(wanted, contract="clone"), access)
    assert problem is None
    assert judged(notebook) == {Judgement.MET}


# ---------------------------------------------------------------------- time


OPEN = Step(call="open", sender="saver", then={"stage": is_(3)}, after=Seconds(7 * 86400))
EARLY = Step(call="open", sender="saver", reverts="TooEarly", after=Seconds(7 * 86400 - 10))


@pytest.mark.parametrize("access", Access)
def test_time_passes_in_a_simulation(anvil: str, perform: Perform, access: Access) -> None:
    late = replace(OPEN, after=Seconds(10))
    notebook, problem = perform(anvil, flow(APPROVE, LOCK, EARLY, late), access)
    assert problem is None
    assert judged(notebook) == {Judgement.MET}
    said = [one.actual for one in notebook.citations["check"]]
    assert said
    assert not [one for one in said if "transaction" in str(one)]


def test_a_door_that_opens_too_early_is_found(anvil: str, perform: Perform) -> None:
    _, problem = perform(anvil, flow(APPROVE, LOCK, replace(EARLY, after=Seconds(7 * 86400 + 10))))
    assert isinstance(problem, UnmetError)
    assert "it does not revert" in str(problem)


@pytest.mark.parametrize("kind", ["embedded", "hardhat"])
def test_where_no_time_passes_it_is_unsupported(
    request: pytest.FixtureRequest, perform: Perform, kind: str
) -> None:
    notebook, problem = perform(request.getfixturevalue(kind), flow(APPROVE, quietly(LOCK), OPEN))
    assert isinstance(problem, UnsupportedError)
    assert judged(notebook) == {Judgement.UNKNOWN}


# ---------------------------------------------------------------------- state machines


@pytest.mark.parametrize("access", Access)
def test_a_machine_begins_with_what_is_prepared(
    any_node: str, perform: Perform, access: Access
) -> None:
    machine = Machine(
        contract="clone",
        roles=("saver",),
        beside={**GOLD, "logic": Beside(contract="locker", constructor=(NOBODY,))},
        prepare=(Step(call="initialise", sender="deployer", args=("$gold",)), APPROVE),
        state="stage",
        states={"empty": 1, "full": 2},
        actions={
            "lock": Action(
                by=("saver",),
                otherwise=("ERC20InsufficientAllowance",),
                moves={"empty": "full"},
                elsewhere=("ERC20InsufficientAllowance",),
                args=("1000",),
            )
        },
        changes=MOVES,
    )
    notebook, problem = perform(any_node, machine, access)
    assert problem is None
    assert judged(notebook) == {Judgement.MET}
    open_to_all = replace(machine.actions["lock"], call="lockIfPossible")
    _, problem = perform(any_node, replace(machine, actions={"lock": open_to_all}), access)
    assert isinstance(problem, UnmetError)
    assert "it does not revert" in str(problem)
