"""``${NAME}`` in texts of the manifest: replaced in parsed values, never in the file's text.

There are no defaults and no nesting: what a variable holds is not read again. ``$${`` stands for
the two characters themselves.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from pytest_metarelease.manifest.checksum import ADDRESS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PLACE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|\$\{[^}]*\}?")
_SECRET_NAME = re.compile(r".*_KEY|.*APIKEY|.*(?:TOKEN|SECRET|PASSWORD|PASSWD|MNEMONIC).*")
_SECRET_HEADER = re.compile(r".*(?:auth|key|token|secret|cookie|password).*", re.IGNORECASE)
_SHORTEST_SEGMENT = 8


def names_in(text: str) -> tuple[str, ...]:
    """Return the names of the variables that a text asks for."""
    return tuple(found["name"] for found in _PLACE.finditer(text) if found["name"])


def malformed(text: str) -> str | None:
    """Return what is wrong with a ``${`` of a text, or None."""
    for found in _PLACE.finditer(text):
        if found["name"] is None and found[0] != "$${":
            return (
                f"{found[0]} is no variable; write ${{NAME}} (there are no defaults), "
                "or $${ for the characters themselves"
            )
    return None


def is_one_variable(text: str) -> bool:
    """Return whether a text is one variable and nothing else."""
    found = _PLACE.fullmatch(text)
    return found is not None and found["name"] is not None


def absent(text: str, variables: Mapping[str, str]) -> Iterator[str]:
    """Yield why each variable that cannot be used cannot: not set, or set to nothing."""
    for name in dict.fromkeys(names_in(text)):
        if name not in variables:
            yield f"variable {name} is not set"
        elif not variables[name].strip():
            yield f"variable {name} is set to nothing"


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Return a text with its variables replaced; all of them must be there."""
    return _PLACE.sub(lambda found: variables[found["name"]] if found["name"] else "${", text)


def secret_variables(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield the values of variables whose names say that they are secret.

    Addresses of accounts and contracts are public, whatever the name (``TOKEN_ADDRESS``).
    """
    for name, value in variables.items():
        if _SECRET_NAME.fullmatch(name.upper()) and not ADDRESS.fullmatch(value):
            yield value


def is_secret_header(name: str) -> bool:
    """Return whether the value of a request header authenticates."""
    return _SECRET_HEADER.fullmatch(name) is not None


def secrets_of_credential(value: str) -> Iterator[str]:
    """Yield a header's value, and without its scheme where it has one (RFC 9110, 11.4)."""
    yield value
    scheme, space, rest = value.partition(" ")
    if space and scheme.isalpha():
        yield rest.strip()


def secrets_of_url(url: str, *, key_in_path: bool) -> Iterator[str]:
    """Yield the password of a URL as written and decoded, and for an RPC what may be its key."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)
    if key_in_path:
        if parts.username and not password:
            yield unquote(parts.username)
        segments = parts.path.split("/")
        values = [value for _, value in parse_qsl(parts.query)]
        yield from (one for one in (*segments, *values) if len(one) >= _SHORTEST_SEGMENT)
