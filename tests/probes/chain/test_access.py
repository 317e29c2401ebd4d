"""Who may call what, on real nodes: strangers, roles, former accounts, nodes that fail or lie."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import ProbeError, UndeclaredError, UnmetError, UsageError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.contract_code import Proxy
from pytest_metarelease.manifest.model import (
    CallerPolicy,
    Given,
    Pausing,
    Roles,
    Safe,
    SlotExpectation,
    ViewExpectation,
)
from pytest_metarelease.manifest.scalars import Access, Wei
from pytest_metarelease.probes.chain.abi import keccak, read_abi
from pytest_metarelease.probes.chain.codec import call_data
from pytest_metarelease.probes.chain.directory import Directory
from pytest_metarelease.probes.chain.revert import Revert, make_revert
from pytest_metarelease.probes.chain.safes import SafeProbe
from pytest_metarelease.probes.chain.snapshot import pin
from pytest_metarelease.sandbox.accounts import ARBITER, COUNTERPARTY, DEPLOYER, SIGNERS, SPARE
from tests.probes.chain.deployed import (
    AMOUNT,
    Bench,
    artifact,
    bench,
    declared,
    deploy,
    is_,
    state,
    transact,
)
from tests.probes.chain.nodes import chain_at, door

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.probes.chain.rpc import Rpc

NO_OWNER = ("Ownable: caller is not the owner",)
NOT_DEPOSITOR = ("Only the depositor can call this function",)
OFF = CallerPolicy(unchecked="not looked at here")
FRESH = (Given(slot="0", value=0, size=1),)
OWNERS = (tuple(one.address for one in SIGNERS),)
COMPLETE = (Given(slot="0", value=2, size=1),)


def policies(**changes: CallerPolicy | None) -> dict[str, CallerPolicy]:
    own = CallerPolicy(only=("owner",), reverts=NO_OWNER)
    lines: dict[str, CallerPolicy | None] = {
        "deposit": CallerPolicy(
            only=("depositor",), reverts=NOT_DEPOSITOR, value=Wei(AMOUNT), given=FRESH
        ),
        "confirmTrade": CallerPolicy(
            only=("counterparty",),
            reverts=("Only the counterparty can call this function",),
            given=(Given(slot="0", value=1, size=1),),
        ),
        "refund": CallerPolicy(
            only=("arbiter",), reverts=("Only the arbiter can call this function",)
        ),
        "releaseWithSignature": CallerPolicy(anyone="a holder", reverts=("Invalid state",)),
        "executeTrade": CallerPolicy(only=("depositor",), reverts=NOT_DEPOSITOR, given=COMPLETE),
        "submitEvidence": CallerPolicy(
            only=("depositor", "counterparty"), reverts=("Only a party can call this function",)
        ),
        "pause": own,
        "unpause": own,
        "transferOwnership": own,
        **changes,
    }
    return {key: one for key, one in lines.items() if one is not None}


@pytest.fixture(scope="module")
def rpc(either: str) -> Iterator[Rpc]:
    with door(chain_at(either), Access.TRANSACT) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(rpc: Rpc) -> str:
    return deploy(rpc)


@pytest.fixture(scope="module")
def log(rpc: Rpc) -> str:
    """A settlement log whose deployer kept its rights."""
    address = deploy(rpc, "SettlementLog", ())
    for role, account in (("RECORDER_ROLE", ARBITER.address), ("PAUSER_ROLE", SPARE[0].address)):
        _grant(rpc, address, "0x" + keccak(role.encode()).hex(), account)
    return address


def _grant(rpc: Rpc, address: str, role: str, account: str, call: str = "grantRole") -> None:
    entry = artifact("SettlementLog").interface.function(call)
    transact(rpc, DEPLOYER, address, call_data(entry, (role, account)))


def of_escrow(rpc: Rpc, address: str, **changes: Any) -> Bench:
    values: dict[str, Any] = {"access": policies(), **changes}
    return bench(rpc, declared(address, **values))


def of_log(rpc: Rpc, address: str, **changes: Any) -> Bench:
    values: dict[str, Any] = {"constructor": (), "state": {}, **changes}
    return bench(rpc, declared(address, **values), "SettlementLog")


# ---------------------------------------------------------------------- access


def test_nothing_declared_is_a_finding_for_every_function(rpc: Rpc, address: str) -> None:
    found = of_escrow(rpc, address, access={})
    with pytest.raises(UnmetError, match=r"(?s)refund.*add to contracts.escrow.access:  refund"):
        found.probe.access()
    assert [one.judgement for one in found.cited].count(Judgement.UNMET) == 9


def test_no_code_verifies_nothing(rpc: Rpc) -> None:
    # Every call to an empty address succeeds with an empty answer.
    anyone = CallerPolicy(anyone="whoever")
    found = of_escrow(rpc, SPARE[1].address, access=policies(submitEvidence=anyone))
    with pytest.raises(UnmetError, match="bytes of code"):
        found.probe.access()


def test_the_declared_policies_hold(rpc: Rpc, address: str) -> None:
    found = of_escrow(rpc, address)
    found.probe.access()
    assert found.verdicts == {Judgement.MET}
    # Code; strangers, whoever may and what they call; those of owner and three parties who may not;
    # one for anyone.
    assert len(found.cited) == 1 + (8 * 2 + 9 * 2) + (7 * 3 + 2) + 1


def test_who_may_do_other_things_must_be_refused_as_well(rpc: Rpc, address: str) -> None:
    narrow = replace(policies()["submitEvidence"], only=("depositor",))
    with pytest.raises(UnmetError, match=r"submitEvidence\(.*\) from counterparty .* reverts"):
        of_escrow(rpc, address, access=policies(submitEvidence=narrow)).probe.access()
    # Also where only the pause or a role names them; nobody is tried against their own right.
    only = {"submitEvidence": narrow, **dict.fromkeys(policies().keys() - {"submitEvidence"}, OFF)}
    of_escrow(rpc, address, access=only).probe.access()
    pauser = Pausing(by=COUNTERPARTY.address, blocks={"deposit": "x"})
    with pytest.raises(UnmetError, match=rf"from {COUNTERPARTY.address}"):
        of_escrow(rpc, address, access=only, pausing=pauser).probe.access()
    holders = Roles(holders={"X": (COUNTERPARTY.address,)})
    with pytest.raises(UnmetError, match="from role:X"):
        of_escrow(rpc, address, access=only, roles=holders).probe.access()
    both = replace(narrow, only=("depositor", COUNTERPARTY.address.lower()))
    lower = {**only, "submitEvidence": both}
    of_escrow(rpc, address, access=lower, roles=holders, pausing=pauser).probe.access()


def test_another_reason_is_no_refusal(rpc: Rpc, address: str) -> None:
    wrong = policies(pause=CallerPolicy(only=("owner",), reverts=("Pausable: paused",)))
    with pytest.raises(UnmetError, match="Ownable: caller is not the owner"):
        of_escrow(rpc, address, access=wrong).probe.access()


def test_a_part_of_the_reason_is_no_refusal(rpc: Rpc, address: str) -> None:
    wrong = policies(pause=CallerPolicy(only=("owner",), reverts=("Ownable",)))
    with pytest.raises(UnmetError, match="Ownable"):
        of_escrow(rpc, address, access=wrong).probe.access()


def test_a_refund_that_is_open_to_strangers_is_found(rpc: Rpc) -> None:
    address = deploy(rpc, "OpenRefundEscrow")
    refund = policies()["refund"]
    open_to_all = policies(
        refund=replace(refund, given=(Given(slot="0", value=1, size=1),)),
    )
    found = bench(rpc, declared(address, access=open_to_all), "OpenRefundEscrow")
    with pytest.raises(UnmetError, match=r"(?s)refund\(\) from a stranger.*ETH transfer failed"):
        found.probe.access()


def test_the_wrong_caller_is_refused_and_found(rpc: Rpc, address: str) -> None:
    wrong = policies(
        refund=CallerPolicy(
            only=("counterparty",), reverts=("Only the arbiter can call this function",)
        )
    )
    with pytest.raises(UnmetError, match=r"from counterparty .* is not refused"):
        of_escrow(rpc, address, access=wrong).probe.access()


def texting(real: Rpc, text: str) -> Any:
    """Return a node whose contracts refuse everybody with ``text``, and the caller's address."""

    class Texting:
        masked = real.masked

        def batch(self, asks: Any) -> Any:
            return [
                refusal(text.format(ask.params[0]["from"].lower()))
                if ask.method == "eth_call" and "from" in ask.params[0]
                else answer
                for ask, answer in zip(asks, real.batch(asks), strict=True)
            ]

    return Texting()


def refusal(text: str) -> Revert:
    body = text.encode().hex()
    return make_revert(
        f"0x08c379a0{32:064x}{len(text):064x}{body.ljust(-(-len(body) // 64) * 64, '0')}"
    )


@pytest.mark.parametrize(
    ("reverts", "good"),
    [
        ("account {caller} is missing role 0x00", True),
        ("account {caller} is missing role", False),
        ("account caller is missing role 0x00", False),
        (f"account {SPARE[1].address.lower()} is missing role 0x00", False),
    ],
)
def test_a_reason_may_name_the_caller(rpc: Rpc, address: str, reverts: str, good: bool) -> None:
    one = CallerPolicy(nobody="switched off", reverts=(reverts,))
    found = of_escrow(rpc, address, access=dict.fromkeys(policies(), one))
    found.probe.rpc = texting(found.probe.rpc, "account {} is missing role 0x00")
    if good:
        found.probe.access()
        assert found.verdicts == {Judgement.MET}
    else:
        with pytest.raises(UnmetError, match="is missing role"):
            found.probe.access()


def once(given: tuple[Given, ...]) -> dict[str, CallerPolicy]:
    """Policies with a second line about deposits, in the state that is given."""
    refused = (*NOT_DEPOSITOR, "Invalid state")
    more = CallerPolicy(nobody="once", reverts=refused, value=Wei(AMOUNT), given=given)
    return {"deposit#again": more, **policies()}


def test_a_function_may_be_tried_in_several_states(rpc: Rpc, address: str) -> None:
    found = of_escrow(rpc, address, access=once((Given(slot="0", value=1, size=1),)))
    found.probe.access()
    assert found.verdicts == {Judgement.MET}
    with pytest.raises(UnmetError, match=r"deposit\(\)#again with \d+ wei from depositor"):
        of_escrow(rpc, address, access=once(FRESH)).probe.access()


def test_a_label_names_no_other_function(rpc: Rpc, address: str) -> None:
    one = CallerPolicy(nobody="x", reverts=("0x",))
    with pytest.raises(UsageError, match="deposits"):
        of_escrow(rpc, address, access=policies() | {"deposits#x": one}).probe.access()
    with pytest.raises(UsageError, match="the ABI has no receive"):
        of_escrow(rpc, address, access=policies() | {"receive#x": one}).probe.access()


def test_lines_in_several_states_do_not_mislead_the_pause(rpc: Rpc, address: str) -> None:
    found = of_escrow(
        rpc,
        address,
        access=once(FRESH),
        pausing=Pausing(by="owner", blocks={"deposit": "Pausable: paused"}),
    )
    found.probe.pausing()
    assert found.verdicts == {Judgement.MET}
    assert any("deposit() by depositor reverts" in one.expected for one in found.cited)


def test_an_unknown_caller_is_a_usage_error(rpc: Rpc, address: str) -> None:
    wrong = policies(pause=CallerPolicy(only=("ownr",), reverts=NO_OWNER))
    with pytest.raises(UsageError, match="ownr"):
        of_escrow(rpc, address, access=wrong).probe.access()


def test_a_former_account_that_still_owns_is_found(rpc: Rpc, address: str) -> None:
    found = of_escrow(rpc, address, no_rights=(DEPLOYER.address,))
    with pytest.raises(UnmetError, match=r"(?s)owner\(\) is not .*must have no rights"):
        found.probe.access()


def test_what_nobody_confirmed_is_unknown(rpc: Rpc, address: str) -> None:
    pause = replace(policies()["pause"], unconfirmed="adopted at block 1")
    found = of_escrow(rpc, address, access=policies(pause=pause))
    with pytest.raises(UndeclaredError, match="nobody confirmed"):
        found.probe.access()
    assert Judgement.UNMET not in found.verdicts


def test_a_node_that_is_down_is_never_a_refusal(rpc: Rpc, address: str) -> None:
    found = of_escrow(rpc, address)
    with door(chain_at("http://127.0.0.1:9", timeout=1.0)) as dead:
        found.probe.rpc = dead
        with pytest.raises(ProbeError, match="no connection"):
            found.probe.access()
    assert found.verdicts == {Judgement.UNKNOWN}


def test_an_error_of_the_node_for_one_call_is_unknown(rpc: Rpc, address: str) -> None:
    """Also where its text has the declared reason in it."""
    found = of_escrow(rpc, address)
    real = found.probe.rpc
    refused = ProbeError("header not found: Ownable: caller is not the owner")

    class Failing:
        masked = real.masked

        def batch(self, asks: Any) -> Any:
            answers = real.batch(asks)
            return [
                refused if ask.method == "eth_call" and "from" in ask.params[0] else answer
                for ask, answer in zip(asks, answers, strict=True)
            ]

    found.probe.rpc = Failing()  # type: ignore[assignment]
    with pytest.raises(ProbeError, match="header not found"):
        found.probe.access()
    assert Judgement.UNMET not in found.verdicts


def test_a_node_that_ignores_overrides_is_unsupported_not_wrong(rpc: Rpc, address: str) -> None:
    found = of_escrow(rpc, address)
    real = found.probe.rpc

    class Ignoring:
        masked = real.masked

        def batch(self, asks: Any) -> Any:
            return real.batch(
                [
                    replace(one, params=one.params[:2]) if one.method == "eth_call" else one
                    for one in asks
                ]
            )

    found.probe.rpc = Ignoring()  # type: ignore[assignment]
    with pytest.raises(ProbeError, match="state overrides"):
        found.probe.access()
    assert Judgement.UNMET not in found.verdicts
    assert {Judgement.MET, Judgement.UNKNOWN} == found.verdicts


def test_an_overload_is_a_function_of_its_own(rpc: Rpc, address: str) -> None:
    found = of_escrow(rpc, address)
    entry = {"type": "function", "name": "refund", "stateMutability": "nonpayable"}
    view = {"type": "function", "name": "owner", "stateMutability": "view", "outputs": []}
    argument = {"inputs": [{"name": "to", "type": "address"}]}
    more = read_abi("Escrow", [{**entry, **argument}, {**view, **argument}]).functions
    found.probe.interface.functions += more
    with pytest.raises(UsageError, match=r"refund is overloaded; write refund\(\)"):
        found.probe.access()
    named = {key: one for key, one in policies().items() if key != "refund"}
    found = of_escrow(rpc, address, access={**named, "refund()": policies()["refund"]})
    found.probe.interface.functions += more
    with pytest.raises(UnmetError, match=r"refund\(address\).*has a caller policy"):
        found.probe.access()
    lines = state(owner=None) | {"owner()": is_(DEPLOYER.address)}
    found = of_escrow(rpc, address, state=lines)
    found.probe.interface.functions += more
    with pytest.raises(UnmetError, match=r"owner\(address\).*is compared or unchecked"):
        found.probe.state()


@pytest.mark.parametrize(("named", "missing"), [("receive", "fallback"), ("fallback", "receive")])
def test_receive_and_fallback_are_two(rpc: Rpc, address: str, named: str, missing: str) -> None:
    refused = CallerPolicy(anyone="nobody sends", reverts=("0x",))
    found = of_escrow(rpc, address, access=policies(**{named: refused}))
    more = [{"type": one, "stateMutability": "payable"} for one in ("receive", "fallback")]
    found.probe.interface.special = read_abi("Escrow", more).special
    with pytest.raises(UnmetError, match=rf"escrow\.{missing} has a caller policy"):
        found.probe.access()


# ---------------------------------------------------------------------- hidden selectors


def test_the_code_answers_only_its_abi(rpc: Rpc, address: str) -> None:
    found = of_escrow(rpc, address)
    found.probe.hidden_selectors()
    assert found.verdicts == {Judgement.MET}


def test_a_hidden_selector_is_found_and_may_be_declared(rpc: Rpc) -> None:
    address = deploy(rpc, "HiddenSettlementLog", ())
    found = of_log(rpc, address)
    with pytest.raises(UnmetError, match="0x5a17b0de"):
        found.probe.hidden_selectors()
    of_log(rpc, address, hidden_selectors={"0x5a17b0de": "why"}).probe.hidden_selectors()


def test_no_code_has_no_selectors_and_is_a_finding(rpc: Rpc) -> None:
    with pytest.raises(UnmetError, match="no code"):
        of_escrow(rpc, SPARE[1].address).probe.hidden_selectors()


# ---------------------------------------------------------------------- roles


def roles(**holders: tuple[str, ...]) -> Roles:
    usual = {
        "DEFAULT_ADMIN_ROLE": (DEPLOYER.address,),
        "RECORDER_ROLE": (ARBITER.address,),
        "PAUSER_ROLE": (SPARE[0].address,),
    }
    return Roles(holders={**usual, **holders}, chunk=2)


def test_holders_are_exactly_the_declared(rpc: Rpc, log: str) -> None:
    found = of_log(rpc, log, roles=roles())
    found.probe.roles()
    assert [one.judgement for one in found.cited] == [Judgement.MET] * 6  # and who gives each


def test_a_declared_holder_who_holds_nothing_is_found(rpc: Rpc, log: str) -> None:
    more = roles(RECORDER_ROLE=(ARBITER.address, COUNTERPARTY.address))
    with pytest.raises(UnmetError, match="RECORDER_ROLE"):
        of_log(rpc, log, roles=more).probe.roles()


def test_one_role_by_two_names_is_a_usage_error(rpc: Rpc, log: str) -> None:
    admin = {"0x" + "00" * 32: (COUNTERPARTY.address,)}
    with pytest.raises(UsageError, match="DEFAULT_ADMIN_ROLE and 0x0000"):
        of_log(rpc, log, roles=roles(**admin)).probe.roles()


def test_a_role_that_nobody_holds_is_no_caller(rpc: Rpc, log: str) -> None:
    empty = roles(PAUSER_ROLE=())
    pausing = Pausing(by="role:PAUSER_ROLE", blocks={"record": "EnforcedPause"})
    with pytest.raises(UsageError, match="declare `nobody`"):
        of_log(rpc, log, roles=empty, pausing=pausing).probe.pausing()
    only = CallerPolicy(only=("role:PAUSER_ROLE",), reverts=("x",))
    with pytest.raises(UsageError, match="declare `nobody`"):
        of_log(rpc, log, roles=empty, access={"pause": only}).probe.access()
    # A role that only stands under roles may be empty.
    nobody = CallerPolicy(nobody="x", reverts=("AccessControlUnauthorizedAccount",))
    with pytest.raises(UnmetError, match="unpause"):
        of_log(rpc, log, roles=empty, access={"pause": nobody}).probe.access()


def test_a_role_that_nobody_declared_is_found(rpc: Rpc, log: str) -> None:
    without = {key: one for key, one in roles().holders.items() if key != "PAUSER_ROLE"}
    with pytest.raises(UnmetError, match=r"roles\.holders:  \"0x65d7"):
        of_log(rpc, log, roles=Roles(holders=without)).probe.roles()


def test_roles_of_which_the_manifest_says_nothing_are_a_finding(rpc: Rpc, log: str) -> None:
    silent = of_log(rpc, log, access={})
    with pytest.raises(UnmetError, match=r"add to contracts\.escrow:  roles: {holders: {DEFAULT"):
        silent.probe.access()
    # Code behind a proxy keeps none itself: they are declared where they are kept.
    proxy = of_log(rpc, log, proxy=Proxy(implementation=silent.probe.name), roles=roles())
    silent.probe.directory = Directory(probes={"proxy": proxy.probe})
    with pytest.raises(UnmetError) as found:
        silent.probe.access()
    assert "roles: {holders" not in str(found.value)
    # A contract without roles has nothing to say.
    with pytest.raises(UnmetError) as found:
        of_escrow(rpc, log, access={}).probe.access()
    assert "roles: {holders" not in str(found.value)


def test_a_role_may_be_unchecked_with_a_reason(rpc: Rpc, log: str) -> None:
    holders = {key: one for key, one in roles().holders.items() if key != "PAUSER_ROLE"}
    some = Roles(holders=holders, unchecked={"PAUSER_ROLE": "one per customer"})
    found = of_log(rpc, log, roles=some)
    found.probe.roles()
    assert [one.judgement for one in found.cited] == [Judgement.MET] * 5  # and who gives each
    with pytest.raises(UnmetError, match="RECORDER_ROLE"):
        of_log(
            rpc, log, roles=replace(some, holders={**holders, "RECORDER_ROLE": ()})
        ).probe.roles()


def test_what_was_revoked_is_not_held(rpc: Rpc) -> None:
    address = deploy(rpc, "SettlementLog", ())
    role = "0x" + keccak(b"RECORDER_ROLE").hex()
    _grant(rpc, address, role, SPARE[1].address)
    _grant(rpc, address, role, SPARE[1].address, "revokeRole")
    wanted = Roles(holders={"DEFAULT_ADMIN_ROLE": (DEPLOYER.address,), "RECORDER_ROLE": ()})
    of_log(rpc, address, roles=wanted).probe.roles()


def test_events_that_begin_too_late_are_unknown(rpc: Rpc, log: str) -> None:
    late = replace(roles(), since=of_log(rpc, log).probe.snapshot.number)
    with pytest.raises(UndeclaredError, match="was there before block"):
        of_log(rpc, log, roles=late).probe.roles()


def test_roles_are_callers(rpc: Rpc, log: str) -> None:
    refused = ("AccessControlUnauthorizedAccount",)
    access = {
        "record": CallerPolicy(only=("role:RECORDER_ROLE",), reverts=refused),
        "pause": CallerPolicy(only=("role:PAUSER_ROLE",), reverts=refused),
        "unpause": CallerPolicy(only=("role:PAUSER_ROLE",), reverts=("0xe2517d3f",)),
        "grantRole": CallerPolicy(only=("role:DEFAULT_ADMIN_ROLE",), reverts=refused),
        "revokeRole": CallerPolicy(only=("role:DEFAULT_ADMIN_ROLE",), reverts=refused),
        "renounceRole": CallerPolicy(anyone="own", reverts=("AccessControlBadConfirmation",)),
    }
    found = of_log(rpc, log, roles=roles(), access=access)
    with pytest.raises(UnmetError, match="renounceRole"):
        # With zeros for arguments the zero address is confirmed by a stranger: refused, as told.
        of_log(
            rpc,
            log,
            roles=roles(),
            access={**access, "renounceRole": CallerPolicy(anyone="own")},
        ).probe.access()
    found.probe.access()
    assert found.verdicts == {Judgement.MET}
    role = "0x" + keccak(b"RECORDER_ROLE").hex()
    exact = (f"AccessControlUnauthorizedAccount({{caller}}, {role})",)
    record = replace(access["record"], reverts=exact)
    of_log(rpc, log, roles=roles(), access={**access, "record": record}).probe.access()


# ---------------------------------------------------------------------- the pause


def test_the_pause_is_shown_without_sending_anything(rpc: Rpc, address: str) -> None:
    blocks = dict.fromkeys(
        ("deposit", "confirmTrade", "refund", "releaseWithSignature", "executeTrade"),
        "Pausable: paused",
    )
    stays_open = {**OWNERSHIP, "submitEvidence": "x"}
    pausing = Pausing(by="owner", blocks=blocks, stays_open=stays_open)
    found = of_escrow(rpc, address, pausing=pausing)
    found.probe.pausing()
    assert [one.judgement for one in found.cited] == [Judgement.MET] * 7
    assert found.probe.read("paused").value is False


def test_a_function_that_the_pause_says_nothing_of_is_found(rpc: Rpc, address: str) -> None:
    pausing = Pausing(by="owner", blocks={"deposit": "Pausable: paused"}, stays_open=OWNERSHIP)
    with pytest.raises(UnmetError, match=r"pausing\.stays_open:  refund: why"):
        of_escrow(rpc, address, pausing=pausing).probe.pausing()


def test_without_stays_open_nothing_is_claimed_of_other_functions(rpc: Rpc, address: str) -> None:
    pausing = Pausing(by="owner", blocks={"deposit": "Pausable: paused"})
    of_escrow(rpc, address, pausing=pausing).probe.pausing()


def test_only_what_changes_something_stays_open(rpc: Rpc, address: str) -> None:
    pausing = Pausing(by="owner", blocks={"deposit": "x"}, stays_open={"owner": "x"})
    with pytest.raises(UsageError, match=r"remove pausing\.stays_open\.owner"):
        of_escrow(rpc, address, pausing=pausing).probe.pausing()


OWNERSHIP = {"transferOwnership": "x"}
RIGHTS = {"grantRole": "x", "revokeRole": "x", "renounceRole": "x"}


def test_what_goes_on_while_paused_is_found(rpc: Rpc, address: str) -> None:
    pausing = Pausing(by="owner", blocks={"transferOwnership": "Pausable: paused"})
    with pytest.raises(UnmetError, match="goes on while paused"):
        of_escrow(rpc, address, pausing=pausing).probe.pausing()


def test_a_pauser_who_may_not_pause_is_found(rpc: Rpc, address: str) -> None:
    pausing = Pausing(by="depositor", blocks={"deposit": "Pausable: paused"})
    with pytest.raises(UnmetError, match=r"pause\(\) itself reverts"):
        of_escrow(rpc, address, pausing=pausing).probe.pausing()


def test_a_role_pauses(rpc: Rpc, log: str) -> None:
    pausing = Pausing(by="role:PAUSER_ROLE", blocks={"record": "EnforcedPause"}, stays_open=RIGHTS)
    access = {
        "record": CallerPolicy(
            only=("role:RECORDER_ROLE",), reverts=("AccessControlUnauthorizedAccount",)
        )
    }
    of_log(rpc, log, roles=roles(), pausing=pausing, access=access).probe.pausing()


def test_who_ends_the_pause_may_be_somebody_else(rpc: Rpc) -> None:
    log = deploy(rpc, "SettlementLog", ())
    role = "0x" + keccak(b"PAUSER_ROLE").hex()
    for account in (SPARE[0].address, SPARE[1].address):
        _grant(rpc, log, role, account)
    blocks = {"pause": "EnforcedPause"}
    for ender in ("0x00000000000000000000000000000000C0dE0009", "self"):
        wrong = Pausing(by=SPARE[0].address, unpause_by=ender, blocks=blocks)
        with pytest.raises(UnmetError, match="name who ends the pause"):
            of_log(rpc, log, pausing=wrong).probe.pausing()
    right = Pausing(
        by=SPARE[0].address,
        unpause_by=SPARE[1].address,
        blocks=blocks,
        stays_open={**RIGHTS, "record": "x"},
    )
    of_log(rpc, log, pausing=right).probe.pausing()


# ---------------------------------------------------------------------- state, deeper


def test_relations_hold_at_the_same_block(rpc: Rpc, address: str) -> None:
    lines = state(
        amount=ViewExpectation(holds=(">= 0.1 ether", "> balance(self)")),
        owner=ViewExpectation(holds=("== address(account:boss)", "!= arbiter()")),
        depositor=ViewExpectation(holds=("== escrow.depositor()",)),
    )
    found = of_escrow(rpc, address, state=lines)
    found.probe.directory = Directory(
        {"escrow": address}, {}, {"boss": DEPLOYER.address}, {"escrow": found.probe}
    )
    found.probe.state()
    assert found.verdicts == {Judgement.MET}


@pytest.mark.parametrize("relation", ["< 0.1 ether", "== balance(self)", "<= owner()"])
def test_a_relation_that_does_not_hold_is_unmet(rpc: Rpc, address: str, relation: str) -> None:
    found = of_escrow(rpc, address, state=state(amount=ViewExpectation(holds=(relation,))))
    with pytest.raises(UnmetError, match="amount"):
        found.probe.state()


def test_several_calls_of_one_view_are_told_apart(rpc: Rpc, log: str) -> None:
    admin, nobody = "0x" + "00" * 32, SPARE[1].address
    asked = of_log(
        rpc,
        log,
        state={
            "hasRole#admin": ViewExpectation(
                args=(admin, DEPLOYER.address), equals=True, states_equals=True
            ),
            "hasRole#nobody": ViewExpectation(
                args=(admin, nobody), equals=False, states_equals=True
            ),
        },
    )
    asked.probe.expect_state("hasRole")
    assert [one.judgement for one in asked.cited] == [Judgement.MET] * 2


def test_an_adopted_value_verifies_nothing_until_confirmed(rpc: Rpc, address: str) -> None:
    lines = state(
        owner=ViewExpectation(
            equals=DEPLOYER.address, states_equals=True, unconfirmed="adopted at block 1"
        )
    )
    found = of_escrow(rpc, address, state=lines)
    with pytest.raises(UndeclaredError, match="nobody confirmed"):
        found.probe.state()
    assert Judgement.UNKNOWN in found.verdicts


def test_storage_is_compared_as_it_is_read(rpc: Rpc, address: str) -> None:
    word = "0x" + DEPLOYER.address[2:].lower().rjust(62, "0") + "00"
    good = {"0": SlotExpectation(equals=word, states_equals=True)}
    of_escrow(rpc, address, storage=good).probe.state()
    wrong = {"0x0": SlotExpectation(read_as="bool", equals=False, states_equals=True)}
    with pytest.raises(UnmetError, match="neither 0 nor 1"):
        of_escrow(rpc, address, storage=wrong).probe.state()


def test_a_view_must_revert_as_declared_and_not_by_a_dead_node(rpc: Rpc) -> None:
    address = deploy(rpc, "MultiSigOwner", OWNERS)
    line = ViewExpectation(args=(9,), reverts="0x")
    found = bench(
        rpc, declared(address, constructor=(), state={"proposals": line}), "MultiSigOwner"
    )
    found.probe.expect_state("proposals")
    other = replace(line, reverts="No such proposal")
    wrong = bench(
        rpc, declared(address, constructor=(), state={"proposals": other}), "MultiSigOwner"
    )
    with pytest.raises(UnmetError, match="No such proposal"):
        wrong.probe.expect_state("proposals")
    with door(chain_at("http://127.0.0.1:9", timeout=1.0)) as dead:
        found.probe.rpc = dead
        with pytest.raises(ProbeError, match="no connection"):
            found.probe.expect_state("proposals")


# ---------------------------------------------------------------------- the multisig


def safe(address: str, **changes: Any) -> Safe:
    values: dict[str, Any] = {
        "address": address,
        "version": "1.4.1",
        "owners": tuple(one.address for one in reversed(SIGNERS)),
        "threshold": 2,
        "proxy": False,
        **changes,
    }
    return Safe(**values)


def judged(rpc: Rpc, declared_safe: Safe) -> Notebook:
    notebook = Notebook()
    notebook.check = "check"
    snapshot = pin(rpc, chain_at("http://127.0.0.1:1"))
    SafeProbe("owner", declared_safe, rpc, snapshot, notebook).judge()
    return notebook


@pytest.fixture(scope="module")
def multisig(rpc: Rpc) -> str:
    return deploy(rpc, "MultiSigOwner", OWNERS)


def test_a_multisig_that_is_not_there_is_found(rpc: Rpc) -> None:
    with pytest.raises(UnmetError, match="no code"):
        judged(rpc, safe(SPARE[1].address))


def test_a_multisig_is_as_declared_whatever_the_order(rpc: Rpc, multisig: str) -> None:
    notebook = judged(rpc, safe(multisig, nonce=is_(0)))
    cited = [one for one in notebook.citations["check"] if one.judgement is not Judgement.NONE]
    assert [one.judgement for one in cited] == [Judgement.MET] * 8
    assert {one.subject for one in cited} == {"safe:owner"}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"threshold": 1}, "threshold"),
        ({"version": "1.3.0"}, "version"),
        ({"owners": (SIGNERS[0].address, SIGNERS[1].address)}, "owners"),
        ({"modules": (SPARE[0].address,)}, "modules"),
        ({"guard": SPARE[0].address}, "guard"),
        ({"fallback_handler": SPARE[0].address}, "fallback handler"),
        ({"proxy": True, "singleton": SPARE[0].address}, "singleton"),
        ({"nonce": is_(1)}, "nonce"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_part_of_a_multisig_is_compared(
    rpc: Rpc, multisig: str, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(UnmetError, match=f"expected  {named} of owner"):
        judged(rpc, safe(multisig, **changes))
