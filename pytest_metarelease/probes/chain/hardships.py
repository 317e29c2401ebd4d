"""What a step of a flow must withstand before it is sent: unkind payees, tokens and chains.

Each question is a simulation and one measurement. Where it cannot be told, the measurement says so
and judges nothing: these are asked beside what the manifest declares, which is judged in any case.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pytest_metarelease.probes.chain.executing import Execution
from pytest_metarelease.probes.chain.measuring import Asking

if TYPE_CHECKING:
    from pytest_metarelease.probes.chain.casting import Act


@dataclass(frozen=True, slots=True)
class Hardships:
    """The questions about steps of one flow under way. ``name`` is where the manifest has it.

    Each raises UnmetError where the step does not withstand, ProbeError where nothing was answered.
    """

    name: str
    asking: Asking
    execution: Execution

    def judge_again(self, act: Act) -> None:
        """Judge that nobody whom the act pays can make it again before it ends."""
        role, measurement = self.asking.ask(
            f"{act.title}, with people who call again when they are paid",
            partial(self.execution.reentered, act),
            show=lambda role: "not told" if role is None else f"paid twice: {role or 'nobody'}",
        )
        if role is None:
            return
        expected = f"{act.title} pays nobody a second time who calls it again from within"
        if role:
            raise self.asking.unmet(
                measurement,
                expected,
                f"{role} is paid twice, though afterwards the same call is refused",
                "let the contract note that it paid before it pays, or guard it (nonReentrant)",
            )
        self.asking.met(measurement, expected, "nobody")

    def judge_forked(self, act: Act) -> None:
        """Judge that a signature of this chain does not count on another one with its history."""
        counts, measurement = self.asking.ask(
            f"{act.title}, where the chain id is another",
            partial(self.execution.counts_after_fork, act),
            show=lambda one: {None: "not told", True: "succeeds", False: "is refused"}[one],
        )
        if counts is None:
            return
        expected = f"{act.title} is refused where the chain id is another than what was signed"
        if counts:
            raise self.asking.unmet(
                measurement,
                expected,
                "it succeeds: the contract verifies with a domain that it kept, and after a fork "
                "of the chain what is signed for one of the two counts on the other",
                "make the domain anew where block.chainid is another; where it must stay, say why "
                "in domains.NAME.kept",
            )
        self.asking.met(measurement, expected, "it is refused")

    def judge_ignored(self, act: Act) -> None:
        """Judge that the act looks at what a token says of its transfer."""
        token, measurement = self.asking.ask(
            f"{act.title}, with tokens whose transfers fail and say false",
            partial(self.execution.ignored, act),
            show=lambda name: "not told" if name is None else f"ignored: {name or 'none'}",
        )
        if token is None:
            return
        expected = f"{act.title} does not go on where the transfer of a token fails and says false"
        if token:
            raise self.asking.unmet(
                measurement,
                expected,
                f"it goes on as if {token} had been moved",
                "look at what transfers return, as SafeERC20 does; or, where the token that is "
                f"used reverts in any case, say so: beside.{token}.token.trusted in {self.name}",
            )
        self.asking.met(measurement, expected, "it does not, or moves no token")
