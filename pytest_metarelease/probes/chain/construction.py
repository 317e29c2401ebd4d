"""The constructor of a declared contract, run without deploying anything.

Refuses to run it without the arguments that it takes, and takes a node's failure for no answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.errors import ProbeError, UndeclaredError
from pytest_metarelease.manifest.contract_code import immutable_word
from pytest_metarelease.probes.chain.abi import Entry
from pytest_metarelease.probes.chain.codec import encode
from pytest_metarelease.probes.chain.revert import RevertedError
from pytest_metarelease.probes.chain.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_metarelease.manifest.model import Contract
    from pytest_metarelease.probes.chain.artifact import Artifact
    from pytest_metarelease.probes.chain.measuring import Asking
    from pytest_metarelease.probes.chain.rpc import Rpc
    from pytest_metarelease.probes.chain.snapshot import Snapshot

_WORD = 32


class Construction:
    """What the artifact's constructor makes of the declared arguments."""

    def __init__(
        self, contract: Contract, artifact: Artifact, rpc: Rpc, snapshot: Snapshot, asking: Asking
    ) -> None:
        self.address = str(contract.address)
        self.artifact = artifact
        self.asking = asking
        self.snapshot = snapshot
        self._contract = contract
        self._rpc = rpc
        self._simulation: Simulation | None = None

    @property
    def simulation(self) -> Simulation:
        """The runs of the constructor.

        Raises:
            UndeclaredError: The manifest does not declare the arguments that it takes.
        """
        if self._simulation is None:
            constructor = self.artifact.interface.constructor
            if constructor.inputs and not self._contract.constructor:
                names = ", ".join(f"{one.type} {one.name}" for one in constructor.inputs)
                raise UndeclaredError(
                    f"{self.asking.subject}: immutables are not compared: the manifest declares "
                    f"no `constructor:` arguments ({names})"
                )
            arguments = encode(constructor, self._contract.constructor)
            creation = self.artifact.creation + arguments
            self._simulation = Simulation(self._rpc, self.snapshot, creation)
        return self._simulation

    def run(self) -> bytes:
        """Return the code that a deployment would store; recorded, unknown where it is none.

        Raises:
            UndeclaredError: No arguments are declared, or with those declared it reverts.
            ProbeError: The node cannot run it.
        """
        code, _ = self.asking.ask(
            f"eth_call constructor of {self.artifact.name}",
            self._run,
            show=lambda code: f"{len(code)} bytes",
            block=self.snapshot.number,
        )
        return code

    def attempt(self) -> bytes | None:
        """Return what ``run`` does, or None where it cannot be run; nothing depends on it."""
        asked = f"eth_call constructor of {self.artifact.name}"
        try:
            code = self._run()
        except ProbeError as problem:
            self.asking.known(asked, f"not simulated: {problem}", block=self.snapshot.number)
            return None
        self.asking.known(asked, f"{len(code)} bytes", block=self.snapshot.number)
        return code

    def whole(self, deployed: bytes) -> bytes:
        """Return the simulated code, at the contract's own address where the node can."""
        code = self.run()
        if len(code) == len(deployed) and code != deployed:
            there = self.simulation.at(self.address)
            if there is not None and len(there) == len(deployed):
                return there
        return code

    def argument(self, immutable: str, written: Sequence[bytes] = ()) -> bytes | None:
        """Return the word that the immutable must hold, where it is an argument as it is.

        ``written`` is what was found: a negative number of a smaller type stands there with its
        sign extended or, by compilers such as 0.7.6, without; either is this number.
        """
        place = self.artifact.arguments.get(immutable)
        values = self._contract.constructor
        inputs = self.artifact.interface.constructor.inputs
        if place is None or len(values) != len(inputs) or not 0 <= place < len(inputs):
            return None
        word = encode(Entry("constructor", "", (inputs[place],)), (values[place],))
        if len(word) != _WORD:
            return None
        narrow = _without_sign(word, inputs[place].type)
        return narrow if written and set(written) == {narrow} else word

    def stated(self, immutable: str) -> bytes | None:
        """Return the word that the manifest itself says under ``immutables``, or None."""
        if immutable not in self._contract.immutables:
            return None
        return immutable_word(self._contract.immutables[immutable])

    def _run(self) -> bytes:
        simulation = self.simulation
        try:
            return simulation.anywhere()
        except RevertedError as problem:
            raise UndeclaredError(
                f"{self.asking.subject}: the constructor reverts with the declared arguments: "
                f"{problem}"
            ) from None


def _without_sign(word: bytes, kind: str) -> bytes:
    """Return the word of an ``intN`` with zeros before its N bits; any other word as it is."""
    bits = kind.removeprefix("int")
    if not kind.startswith("int") or not bits.isdecimal():
        return word
    kept = int(bits) // 8
    return bytes(_WORD - kept) + word[_WORD - kept :]
