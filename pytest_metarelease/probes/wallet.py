"""A wallet for a page: answers what EIP-1193 asks, and signs on our side of the browser.

What only reads the chain it passes on to the declared node, as wallets do. It refuses to sign
anything but declared EIP-712 types of declared domains, anything before the page was connected, and
all of it where nothing may be written. The key never leaves this object.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_metarelease.errors import ProbeError, UsageError
from pytest_metarelease.manifest.model import TypedData, TypedField
from pytest_metarelease.probes.chain.methods import READS
from pytest_metarelease.probes.chain.revert import RevertedError

_LONGEST = 256 * 1024
_MOST, _MOST_READS = 100, 2_000
_BYTES = (42, 66)  # characters of an address and of 32 bytes
# EIP-1193, section "Provider Errors", and EIP-1474 for invalid parameters.
_REJECTED, _UNAUTHORISED, _UNSUPPORTED, _INVALID = 4001, 4100, 4200, -32602
_UNKNOWN_CHAIN = 4902  # EIP-3326
_REVERTED, _INTERNAL = 3, -32603  # as geth has it; EIP-1474
# What a person would be asked to confirm; nothing of it can be shown to be meant.
_ASKS_A_PERSON = frozenset(
    {
        "eth_sendTransaction",
        "eth_sign",
        "eth_signTransaction",
        "eth_signTypedData",
        "eth_signTypedData_v3",
        "personal_sign",
    }
)


class _RefusedError(Exception):
    """What the page is told: a code and a text, and of a revert its data."""

    def __init__(self, code: int, text: str, data: str = "") -> None:
        super().__init__(text)
        self.told: dict[str, Any] = {"code": code, "message": text}
        if data:
            self.told["data"] = data


@dataclass(slots=True)
class Wallet:
    """One account on one chain. ``key`` is 0x hexadecimal; ``declared`` may be signed.

    ``read`` asks the node: it is given a method and parameters, and returns what the node answers.
    ``signed`` are the typed data that were signed, in order; ``wrong`` what the page must not have
    asked for; ``unsupported`` what we cannot do; ``held`` what was not signed since nothing may
    be written.
    """

    key: str = field(repr=False)
    chain_id: int
    declared: Mapping[str, TypedData]
    may_sign: bool
    read: Callable[[str, Sequence[Any]], Any] | None = None
    signed: list[Mapping[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    _address: str = ""
    _connected: bool = False
    _reads: int = 0

    @property
    def address(self) -> str:
        """The account's address, EIP-55."""
        if not self._address:
            from pytest_metarelease.probes.chain.signing import address_of

            self._address = address_of(self.key)
        return self._address

    def answer(self, text: str) -> str:
        """Return the JSON answer, ``result`` or ``error``, to a JSON request of a page."""
        try:
            return json.dumps({"result": self._result(text)})
        except _RefusedError as refused:
            return json.dumps({"error": refused.told})

    def _result(self, text: str) -> Any:
        method, parameters = _read(text)
        if method == "eth_requestAccounts":
            self._connected = True
            return [self.address]
        if method == "wallet_requestPermissions":
            self._connected = True
            return [{"parentCapability": "eth_accounts"}]
        if method == "eth_accounts":
            return [self.address] if self._connected else []
        if method == "eth_chainId":
            return hex(self.chain_id)
        if method == "net_version":
            return str(self.chain_id)
        if method == "wallet_switchEthereumChain":
            return self._switched(parameters)
        if method == "eth_signTypedData_v4":
            return self._sign(parameters)
        if method in READS and self.read is not None:
            return self._passed_on(method, parameters)
        _add(self.unsupported, method)
        if method in _ASKS_A_PERSON:
            raise _RefusedError(_REJECTED, f"{method} was rejected")
        raise _RefusedError(_UNSUPPORTED, f"{method} is not supported")

    def _passed_on(self, method: str, parameters: Sequence[Any]) -> Any:
        self._reads += 1
        if self._reads > _MOST_READS or self.read is None:
            _add(self.unsupported, f"more than {_MOST_READS} reads of the chain")
            raise _RefusedError(_INTERNAL, "too many reads")
        try:
            return self.read(method, parameters)
        except RevertedError as error:
            said = f"execution reverted: {error.revert.reason}".removesuffix(": ")
            raise _RefusedError(_REVERTED, said, error.revert.data) from None
        except ProbeError as error:
            # The page is not to blame for what it then does not show.
            _add(self.unsupported, f"{method}, to which the node gave no answer: {error}")
            raise _RefusedError(_INTERNAL, "the node gave no usable answer") from None

    def _switched(self, parameters: Sequence[Any]) -> None:
        wanted = parameters[0] if parameters else None
        chain = wanted.get("chainId") if isinstance(wanted, dict) else None
        if _number(chain) != self.chain_id:
            self._refuse(f"to switch to chain {chain}, not {self.chain_id}", _UNKNOWN_CHAIN)

    def _sign(self, parameters: Sequence[Any]) -> str:
        if not self._connected:
            self._refuse("to sign before it was connected", _UNAUTHORISED)
        if len(parameters) != 2 or str(parameters[0]).lower() != self.address.lower():
            self._refuse("to sign with another account", _UNAUTHORISED)
        document = _document(parameters[1])
        typed, message = _typed(document)
        why = self._undeclared(typed)
        if why:
            self._refuse(f"to sign {typed.primary}, {why}", _REJECTED)
        if not self.may_sign:
            _add(self.held, f"a signature over {typed.primary}")
            raise _RefusedError(_REJECTED, "nothing is signed on read-only access")
        from pytest_metarelease.probes.chain.signing import sign

        try:
            signature = sign(typed, message, self.key)
        except UsageError as error:
            self._refuse(f"to sign what is no {typed.primary}: {error}", _INVALID)
        if len(self.signed) < _MOST:
            self.signed.append(document)
        return signature

    def _undeclared(self, typed: TypedData) -> str:
        """Say why a request is none of the declared typed data; empty where it is one."""
        # EIP-712: a wallet should refuse to sign for another chain than it is on.
        chain = typed.domain.get("chainId")
        if chain is not None and _number(chain) != self.chain_id:
            return f"for chain {chain}, not {self.chain_id}"
        same = [one for one in self.declared.values() if one.primary == typed.primary]
        if not same:
            return f"which is not declared; declared are {', '.join(self.declared)}"
        for one in same:
            if _members(one) == _members(typed) and _domain(one.domain) == _domain(typed.domain):
                return ""
        differs = _difference(_domain(same[0].domain), _domain(typed.domain))
        return f"of another type or domain than declared{differs}"

    def _refuse(self, what: str, code: int) -> Any:
        _add(self.wrong, f"the page asked {what}")
        raise _RefusedError(code, f"refused {what}")


def _read(text: str) -> tuple[str, Sequence[Any]]:
    if len(text) > _LONGEST:
        raise _RefusedError(_INVALID, f"a request has at most {_LONGEST} characters")
    try:
        request = json.loads(text)
    except (ValueError, RecursionError):
        raise _RefusedError(_INVALID, "a request is JSON") from None
    method = request.get("method") if isinstance(request, dict) else None
    parameters = request.get("params") if isinstance(request, dict) else None
    if not isinstance(method, str):
        raise _RefusedError(_INVALID, "a request names its method")
    return method[:100], parameters if isinstance(parameters, list) else []


def _document(given: Any) -> dict[str, Any]:
    """Return typed data, which pages send as an object or as its JSON text."""
    try:
        found = json.loads(given) if isinstance(given, str) else given
    except (ValueError, RecursionError):
        found = None
    parts = ("domain", "message", "types")
    whole = isinstance(found, dict) and all(isinstance(found.get(one), dict) for one in parts)
    if not whole or not isinstance(found.get("primaryType"), str):
        raise _RefusedError(_INVALID, "typed data have types, primaryType, domain and message")
    document: dict[str, Any] = found
    return document


def _typed(document: Mapping[str, Any]) -> tuple[TypedData, Mapping[str, Any]]:
    try:
        types = {
            str(name): tuple(TypedField(name=one["name"], type=one["type"]) for one in members)
            for name, members in document["types"].items()
        }
    except (TypeError, KeyError):
        raise _RefusedError(_INVALID, "each type is a list of name and type") from None
    domain = document["domain"]
    if "EIP712Domain" in types:
        # Only what the type names is signed.
        named = {one.name for one in types["EIP712Domain"]}
        domain = {name: value for name, value in domain.items() if name in named}
    typed = TypedData(domain=domain, primary=document["primaryType"], types=types)
    return typed, document["message"]


def _members(typed: TypedData) -> Mapping[str, Any]:
    return {name: members for name, members in typed.types.items() if name != "EIP712Domain"}


def _domain(domain: Mapping[str, Any]) -> dict[str, str]:
    return {name: plain(value) for name, value in domain.items()}


def _difference(declared: Mapping[str, str], asked: Mapping[str, str]) -> str:
    for name in sorted(declared.keys() | asked.keys()):
        if declared.get(name) != asked.get(name):
            return f": {name} is {asked.get(name)}, not {declared.get(name)}"
    return ""


def plain(value: Any) -> str:
    """Return a value of typed data in the one way that equal ones are written."""
    # Addresses and hashes are compared as they are, but for their case.
    number = None if isinstance(value, str) and len(value) in _BYTES else _number(value)
    if number is not None:
        return str(number)
    if isinstance(value, str):
        return value.lower() if value.lower().startswith("0x") else value
    return json.dumps(value, sort_keys=True)


def _number(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    try:
        return int(value, 0) if isinstance(value, str) and len(value) < 100 else None
    except ValueError:
        return None


def _add(found: list[str], text: str) -> None:
    if len(found) < _MOST and text not in found:
        found.append(text[:500])
