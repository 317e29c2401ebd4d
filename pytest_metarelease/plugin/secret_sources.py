"""Which values are secret before a manifest is resolved: by their names, or as parts of URLs.

Reads the environment that it is given, and asks nothing of the manifest but its names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_metarelease.redaction import Redactor

_ASKED = re.compile(rb"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_RPC = re.compile(r"RPC|NODE_URL|PROVIDER", re.IGNORECASE)


def learn(redactor: Redactor, variables: Mapping[str, str], manifest: bytes = b"") -> None:
    """Register what the variables of this process hold: each value under its variable's name."""
    for name, value in _secrets(variables, manifest):
        redactor.register(value, name=name)


def learn_resolved(
    redactor: Redactor, secrets: tuple[str, ...], variables: Mapping[str, str]
) -> None:
    """Register the secrets of a resolved environment, under the variables that hold them."""
    for secret in secrets:
        name = next((one for one, value in variables.items() if secret in value), "")
        redactor.register(secret, name=name or "a value of the environment")


def _secrets(variables: Mapping[str, str], manifest: bytes) -> Iterator[tuple[str, str]]:
    from pytest_metarelease.manifest import variables as texts

    for name, value in variables.items():
        if value and next(texts.secret_variables({name: value}), None):
            yield name, value
        if "://" in value:
            asked = _RPC.search(name) is not None
            for one in texts.secrets_of_url(value, key_in_path=asked):
                yield name, one
    # A URL that the manifest asks for under a name that says nothing: its password is found
    # above, and the key of an RPC when the environment is resolved.
    for found in set(_ASKED.findall(manifest)):
        name = found.decode("ascii")
        if _RPC.search(name) and "://" not in variables.get(name, "://"):
            yield name, variables[name]
