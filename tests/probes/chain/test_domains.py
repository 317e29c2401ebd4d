"""Domains of real contracts: published, declared, signed in; each difference by its field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import MetareleaseError, UndeclaredError, UnmetError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.manifest.model import TypedData
from pytest_metarelease.manifest.scalars import ValuePath
from pytest_metarelease.manifest.trials import Domain, SignedBy
from pytest_metarelease.probes.chain.abi import Interface
from pytest_metarelease.probes.chain.codec import checksum, encode
from pytest_metarelease.probes.chain.contracts import ContractProbe
from pytest_metarelease.probes.chain.directory import Directory
from pytest_metarelease.probes.chain.domains import DomainProbe
from pytest_metarelease.probes.chain.forging import malleated
from pytest_metarelease.probes.chain.signing import fresh_key, sign
from pytest_metarelease.probes.chain.snapshot import pin
from pytest_metarelease.probes.reading import Reading
from pytest_metarelease.sandbox.accounts import ARBITER, COUNTERPARTY, DEPLOYER, DEPOSITOR
from tests.probes.chain import tills
from tests.probes.chain.deployed import transact
from tests.probes.chain.nodes import CHAIN_ID, chain_at, door
from tests.probes.chain.tills import PAY_OUT, declared, judged, till

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.probes.chain.rpc import Rpc

Make = Callable[..., DomainProbe]
SIGNED_BY = SignedBy(
    endpoint="desk.sign",
    contract="till",
    message={"to": ARBITER.address, "amount": "5"},
    message_at=ValuePath("order.message"),
    signature_at=ValuePath("signature"),
    signer="judge",
)


@pytest.fixture
def notebook() -> Notebook:
    found = Notebook()
    found.check = "check"
    return found


@pytest.fixture
def make(anvil: str, notebook: Notebook) -> Iterator[Make]:
    from pytest_metarelease.manifest.scalars import Access

    with door(chain_at(anvil), Access.TRANSACT) as rpc:

        def make(
            defect: int = tills.SOUND,
            *,
            domain: dict[str, Any] | None = None,
            hide: tuple[str, ...] = (),
            flows: tuple[str, ...] = (),
            **changes: Any,
        ) -> DomainProbe:
            probe = _probe(rpc, defect, notebook, hide)
            wanted = Domain(
                typed_data="pay-out", contracts=("till",), signed_by=SIGNED_BY, **changes
            )
            typed = replace(PAY_OUT, domain=PAY_OUT.domain if domain is None else domain)
            return DomainProbe("pay-out", wanted, typed, {"till": probe}, flows)

        yield make


def _probe(rpc: Rpc, defect: int, notebook: Notebook, hide: tuple[str, ...]) -> ContractProbe:
    built = till()
    people = (DEPOSITOR.address, COUNTERPARTY.address, ARBITER.address, defect)
    code = built.creation + encode(built.interface.constructor, people)
    address = checksum(transact(rpc, DEPLOYER, None, "0x" + code.hex()).contract)
    probe = ContractProbe(
        "till", declared(address), built, rpc, pin(rpc, chain_at("http://127.0.0.1:1")), notebook
    )
    probe.directory = Directory(contracts={"till": address})
    kept = [one for one in built.interface.entries if one.name not in hide]
    probe.interface = Interface("Till", [*kept, built.interface.constructor])
    return probe


def problem_of(probe: DomainProbe) -> str:
    with pytest.raises(UnmetError) as raised:
        probe.published()
    return str(raised.value)


# ---------------------------------------------------------------------- published


def test_what_says_nothing_of_its_domain_verifies_nothing(make: Make, notebook: Notebook) -> None:
    hidden = ("eip712Domain", "DOMAIN_SEPARATOR")
    for changes in ({}, {"unpublished": "an old compiler"}):
        with pytest.raises(UndeclaredError):
            make(hide=hidden, **changes).published()
    assert Judgement.UNKNOWN in judged(notebook)


def test_a_flow_may_show_it_instead(make: Make, notebook: Notebook) -> None:
    make(unpublished="an old compiler", flows=("till",)).published()
    assert judged(notebook) == {Judgement.MET}


@pytest.mark.parametrize("hide", [(), ("eip712Domain",), ("DOMAIN_SEPARATOR",)])
def test_the_same_domain_is_met(make: Make, notebook: Notebook, hide: tuple[str, ...]) -> None:
    make(hide=hide).published()
    assert judged(notebook) == {Judgement.MET}


def test_a_declared_separator_is_asked_for(make: Make, notebook: Notebook) -> None:
    make(separator="DOMAIN_SEPARATOR").published()
    assert judged(notebook) == {Judgement.MET}
    assert any("DOMAIN_SEPARATOR" in one.asked for one in notebook.measurements.values())


OTHERS = {
    "name": ("Tills", "name"),
    "version": ("2", "version"),
    "chainId": (1, "chainId"),
    "verifyingContract": (DEPLOYER.address, "verifyingContract"),
}


@pytest.mark.parametrize("field", OTHERS)
@pytest.mark.parametrize("hide", [(), ("eip712Domain",)], ids=["erc-5267", "separator"])
def test_a_difference_is_named_by_its_field(make: Make, field: str, hide: tuple[str, ...]) -> None:
    value, named = OTHERS[field]
    said = problem_of(make(domain={**PAY_OUT.domain, field: value}, hide=hide))
    assert f"{named} " in said or f"{named}: " in said
    others = {one for one in OTHERS if f"actual    {one}" in said}
    assert others <= {field}


def test_a_field_more_or_less_is_named(make: Make) -> None:
    salted = {**PAY_OUT.domain, "salt": "0x" + "00" * 32}
    assert "salt: the contract has none" in problem_of(make(domain=salted))
    less = {key: one for key, one in PAY_OUT.domain.items() if key != "version"}
    assert "version: the contract has 3, the manifest none" in problem_of(make(domain=less))


def test_a_domain_that_binds_no_chain_is_found_though_all_agree(make: Make) -> None:
    less = {key: one for key, one in PAY_OUT.domain.items() if key != "chainId"}
    for hide in ((), ("eip712Domain",)):
        said = problem_of(make(tills.NO_CHAIN, domain=less, hide=hide))
        assert "chainId: there is none, so that a signature is good for every chain" in said


def test_extensions_are_refused(make: Make) -> None:
    assert "extensions: [0], which no wallet here can sign" in problem_of(make(tills.EXTENSIONS))


@pytest.mark.parametrize("hide", [(), ("eip712Domain",)])
def test_another_version_than_the_manifests_is_found(make: Make, hide: tuple[str, ...]) -> None:
    said = problem_of(make(tills.OTHER_VERSION, hide=hide))
    assert "3" in said
    assert "version" in said or "no single field explains it" in said


# ---------------------------------------------------------------------- signed in


def signed(probe: DomainProbe, notebook: Notebook, signature: Any) -> None:
    seen = notebook.measured(
        subject="service:desk",
        probe="http",
        asked="POST /sign",
        at="2026-01-01T00:00:00Z",
        duration=0.0,
        answer="200",
    )
    probe.signed(Reading(signature, "signature", seen, notebook))


def made(probe: DomainProbe, key: str = ARBITER.key, **changes: Any) -> str:
    own = probe.message()
    domain = {
        "name": "Till",
        "version": "3",
        "chainId": CHAIN_ID,
        "verifyingContract": probe._contracts["till"].address,
        **changes,
    }
    return sign(TypedData(domain=domain, primary="PayOut", types=PAY_OUT.types), own, key)


def test_no_signature_is_unmet(make: Make, notebook: Notebook) -> None:
    probe = make()
    for nothing in (None, "", "0x", 7, "0x" + "00" * 65, malleated(made(probe))):
        with pytest.raises(UnmetError):
            signed(probe, notebook, nothing)
    assert Judgement.MET not in judged(notebook)


def test_the_declared_key_in_the_declared_domain_is_met(make: Make, notebook: Notebook) -> None:
    probe = make()
    signed(probe, notebook, made(probe))
    assert judged(notebook) == {Judgement.MET}
    assert probe.body() == {
        "order": {"message": {"to": ARBITER.address, "amount": "5"}},
    }


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"version": "2"}, "version 2 instead of 3"),
        ({"chainId": 1}, "chainId 1 instead of 31337"),
        ({"verifyingContract": "0x" + "00" * 20}, "verifyingContract 0x00000000"),
    ],
)
def test_another_domain_is_named_by_its_field(
    make: Make, notebook: Notebook, changes: dict[str, Any], told: str
) -> None:
    probe = make()
    with pytest.raises(UnmetError, match=f"signed with another domain: {told}"):
        signed(probe, notebook, made(probe, **changes))
    assert judged(notebook) == {Judgement.UNMET}


def test_another_key_is_unmet(make: Make, notebook: Notebook) -> None:
    probe = make()
    with pytest.raises(UnmetError, match="no other value of one field of the domain explains it"):
        signed(probe, notebook, made(probe, key=fresh_key()))


def test_who_signs_must_be_declared(make: Make) -> None:
    probe = make()
    probe.declared = replace(probe.declared, signed_by=None)
    with pytest.raises(MetareleaseError, match="declares no signed_by"):
        probe.body()
