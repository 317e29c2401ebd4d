"""One EIP-712 domain in three places: published, declared, signed in.

A difference is named by its field. Refuses domains with extensions (ERC-5267), which nobody here
can sign in, and such as bind a signature to no chain or to no contract.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_metarelease.errors import UndeclaredError
from pytest_metarelease.probes.chain.callers import callers
from pytest_metarelease.probes.chain.companions import filled
from pytest_metarelease.probes.chain.domain_fields import differences, neighbours, separator_of
from pytest_metarelease.probes.chain.following import judge_following
from pytest_metarelease.probes.chain.measuring import Tally
from pytest_metarelease.probes.chain.signing import digest_of, integer, recover_digest
from pytest_metarelease.probes.reading import Reading, same, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_metarelease.manifest.model import TypedData
    from pytest_metarelease.manifest.trials import Domain, SignedBy
    from pytest_metarelease.probes.chain.contracts import ContractProbe

_VIEW = ("bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]")
_SEPARATOR = "DOMAIN_SEPARATOR"
_BINDING = ("chainId", "verifyingContract")


class DomainProbe:
    """One declared domain. ``flows`` are the flows that try signatures in it."""

    def __init__(
        self,
        name: str,
        declared: Domain,
        typed_data: TypedData,
        contracts: Mapping[str, ContractProbe],
        flows: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.declared = declared
        self._typed_data = typed_data
        self._contracts = contracts
        self._flows = flows

    def published(self) -> None:
        """Judge that each contract has the manifest's domain, with its own address.

        Also that it follows its chain through a fork, by the code.

        Raises:
            UnmetError: It has another, or one that binds too little; each field is named.
            UndeclaredError: It publishes none, and nothing else is declared to show it.
            ProbeError: No usable answer.
        """
        tally = Tally()
        for name in self.declared.contracts:
            with tally:
                self._judge(self._contracts[name])
            if self.declared.kept is None:
                with tally:
                    judge_following(self._contracts[name], self.name)
        tally.settle()

    @property
    def signing(self) -> SignedBy:
        """What is declared of the service that signs.

        Raises:
            UndeclaredError: Nothing is.
        """
        if self.declared.signed_by is None:
            raise UndeclaredError(f"domains.{self.name} declares no signed_by")
        return self.declared.signed_by

    def message(self) -> dict[str, Any]:
        """Return the message that the service is asked to sign."""
        own = {"self": self._contracts[self.signing.contract].address}
        found: dict[str, Any] = filled(dict(self.signing.message), own)
        return found

    def body(self) -> dict[str, Any]:
        """Return the body of the request to the service."""
        body: dict[str, Any] = self.message()
        for key in reversed((self.signing.message_at or "").split(".")):
            body = {key: body} if key else body
        return body

    def signed(self, signature: Reading) -> None:
        """Judge that a service's signature is its declared key's, in this very domain.

        Raises:
            UnmetError: It is not; where another domain explains it, the field is named.
        """
        contract = self._contracts[self.signing.contract]
        signer = callers(contract, self.signing.signer)[0].address
        typed = replace(self._typed_data, domain=self._own(contract))
        found: Any = self._recovered(typed, signature.value)
        if not same(found, signer):
            found = self._explained(contract, typed, signature.value, signer, found)
        Reading(
            found,
            f"who signed in the domain of typed_data.{self.declared.typed_data}",
            signature.measurement,
            signature.recorder,
            signature.where,
        ).expect(
            signer,
            next_step=f"make the service sign as domains.{self.name} says, by the key of {signer}",
        )

    def _judge(self, contract: ContractProbe) -> None:
        wanted = self._own(contract)
        separator = self.declared.separator or self._usual_separator(contract)
        if self.declared.unpublished is not None:
            self._judge_unpublished(contract)
        elif self.declared.separator is None and _has_domain(contract):
            reading = contract.read("eip712Domain")
            self._settle(contract, reading, wanted, list(differences(reading.value, wanted)))
        elif separator is not None:
            reading = contract.read(separator)
            self._settle(contract, reading, wanted, list(_other(contract, reading.value, wanted)))
        else:
            problem = UndeclaredError(
                f"{contract.name}: its ABI has neither eip712Domain() nor {_SEPARATOR}(); declare "
                f"domains.{self.name}.separator, or `unpublished: reason`"
            )
            seen = contract.asking.known(f"EIP-712 domain of {contract.name}", "not asked")
            contract.asking.unknown(seen, problem)
            raise problem

    def _settle(
        self,
        contract: ContractProbe,
        reading: Reading,
        wanted: Mapping[str, Any],
        problems: list[str],
    ) -> None:
        problems += [
            f"{one}: there is none, so that a signature is good for every {what}"
            for one, what in zip(_BINDING, ("chain", "contract"), strict=True)
            if one not in wanted
        ]
        chain = contract.snapshot.chain_id
        if "chainId" in wanted and integer("uint256", wanted["chainId"]) != chain:
            problems.append(
                f"chainId: the manifest says {wanted['chainId']}, this is chain {chain}"
            )
        expected = f"{reading.name} is the domain of typed_data.{self.declared.typed_data}: " + (
            ", ".join(f"{key} {show(value)}" for key, value in wanted.items())
        )
        if problems:
            raise contract.asking.unmet(
                reading.measurement,
                expected,
                "; ".join(dict.fromkeys(problems)),
                "nothing that is signed in one of the two domains counts in the other",
            )
        contract.asking.met(reading.measurement, expected, show(reading.value))

    def _judge_unpublished(self, contract: ContractProbe) -> None:
        """A contract that says nothing of its domain must show it in a flow."""
        if self._flows:
            contract.code_size().at_least(1, next_step="compare address and deployment")
            return
        problem = UndeclaredError(
            f"{contract.name} publishes no domain, and no flow with `forged:` tries signatures of "
            f"typed_data.{self.declared.typed_data}; nothing shows what it accepts"
        )
        seen = contract.asking.known(f"EIP-712 domain of {contract.name}", "not asked")
        contract.asking.unknown(seen, problem)
        raise problem

    def _own(self, contract: ContractProbe) -> dict[str, Any]:
        found: dict[str, Any] = filled(dict(self._typed_data.domain), {"self": contract.address})
        return found

    def _usual_separator(self, contract: ContractProbe) -> str | None:
        usual = any(
            one.name == _SEPARATOR and not one.inputs and one.output_types == ("bytes32",)
            for one in contract.interface.views
        )
        return _SEPARATOR if usual else None

    def _recovered(self, typed: TypedData, signature: Any) -> str:
        try:
            raw = bytes.fromhex(str(signature).removeprefix("0x"))
        except ValueError:
            raw = b""
        # Strict: a high s or a v of 0 is what contracts refuse.
        found = recover_digest(digest_of(typed, self.message()), raw)
        return found or f"nobody: {len(raw)} bytes that are no signature with low s and v 27 or 28"

    def _explained(
        self, contract: ContractProbe, typed: TypedData, signature: Any, signer: str, found: str
    ) -> str:
        """Return the wrong signer with the other domain in which the right one signed, if any."""
        for told, domain in _neighbours(contract, typed.domain):
            if same(self._recovered(replace(typed, domain=domain), signature), signer):
                return f"{found}; {signer} signed with another domain: {told}"
        return f"{found}; no other value of one field of the domain explains it"


def _has_domain(contract: ContractProbe) -> bool:
    return any(
        one.name == "eip712Domain" and not one.inputs and one.output_types == _VIEW
        for one in contract.interface.views
    )


def _other(contract: ContractProbe, value: Any, wanted: Mapping[str, Any]) -> Iterator[str]:
    """Yield why a separator is not the wanted domain's; where one field explains it, which."""
    separator = bytes.fromhex(str(value).removeprefix("0x"))
    if separator == separator_of(wanted):
        return
    for told, domain in _neighbours(contract, wanted):
        if separator_of(domain) == separator:
            yield told
            return
    yield f"{show(value)} is not 0x{separator_of(wanted).hex()}; no single field explains it"


def _neighbours(
    contract: ContractProbe, domain: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return domains that the contract or the service is likely to have instead of this one."""
    nearby = contract.directory.contracts.values()
    artifact = contract.interface.name
    likely: dict[str, list[Any]] = {
        "name": [artifact, contract.name, ""],
        "version": ["1", "2", "3", "1.0", "1.0.0", "2.0", "2.0.0", ""],
        "chainId": [contract.snapshot.chain_id, 1, 11155111, 31337, 1337, 10, 137, 8453, 42161, 0],
        "verifyingContract": [contract.address, *nearby, "0x" + "00" * 20],
        "salt": ["0x" + "00" * 32],
    }
    return neighbours(domain, likely)
