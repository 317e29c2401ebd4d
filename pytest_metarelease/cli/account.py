"""Asking a contract account outside of a run: at the block that a run would pin now.

Refuses to guess: where the environment's variables are not set, nobody was asked.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pytest_metarelease.cli.occasion import variables
from pytest_metarelease.errors import ManifestError, ProbeError
from pytest_metarelease.evidence import Judgement, Notebook
from pytest_metarelease.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_metarelease.approvals.model import Attestation
    from pytest_metarelease.cli.occasion import Checkout
    from pytest_metarelease.manifest.model import Environment
    from pytest_metarelease.probes.chain.attesting import AskAccount


@contextlib.contextmanager
def asking_chain(checkout: Checkout, name: str) -> Iterator[AskAccount]:
    """Yield what asks accounts on the chain of an environment; connected only when it is used."""
    from pytest_metarelease.probes.chain.attesting import attest, attestation
    from pytest_metarelease.probes.chain.rpc import connect
    from pytest_metarelease.probes.chain.snapshot import pin

    redactor = Redactor()
    with contextlib.ExitStack() as open_:

        def ask(account: str, digest: bytes, signature: bytes) -> Attestation:
            own = f"it is not the signature of {account} itself"
            try:
                environment = _environment(checkout, name, redactor)
            except ManifestError as error:
                text = f"{own}, and its chain is not known: {error}"
                return attestation(account, digest, signature, Judgement.UNKNOWN, text)
            if environment.chain is None:
                text = f"{own}, and {name} declares no chain on which it could be a contract"
                return attestation(account, digest, signature, Judgement.UNMET, text)
            rpc = connect(environment.chain, environment.access)
            open_.callback(rpc.close)
            try:
                snapshot = pin(rpc, environment.chain)
            except ProbeError as error:
                text = redactor(f"{own}, and its chain could not be asked: {error}")
                return attestation(account, digest, signature, Judgement.UNKNOWN, text)
            return attest(rpc, snapshot, Notebook(redact=redactor), account, digest, signature)

        yield ask


def _environment(checkout: Checkout, name: str, redactor: Redactor) -> Environment:
    resolved = checkout.loaded.resolve(name, variables(checkout.root))
    redactor.register(*resolved.secrets)
    return resolved.environment
