"""The signature of a sign-off: by a key that is at hand, or made elsewhere and handed in.

Keys and passwords are read, used and forgotten; none is printed, and none is taken as an argument,
where other processes could see it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_metarelease.cli.asking import password
from pytest_metarelease.errors import UsageError

if TYPE_CHECKING:
    import argparse

_MOST_BYTES = 64 * 1024


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the ways of signing; one of them is needed."""
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--keystore", metavar="FILE", help="sign with this keystore (JSON, version 3)"
    )
    ways.add_argument(
        "--key-env", metavar="NAME", help="sign with the private key in this variable"
    )
    ways.add_argument(
        "--print-payload",
        action="store_true",
        help="print what a wallet is to sign (eth_signTypedData_v4), and write nothing",
    )
    ways.add_argument("--signature", metavar="0x...", help="take this signature, also of a Safe")
    parser.add_argument("--payload", metavar="FILE", help="the payload that --signature signs")
    parser.add_argument("--password-file", metavar="FILE", help="the keystore's password")
    parser.add_argument("--password-env", metavar="NAME", help="the variable that holds it")


def key_at_hand(options: argparse.Namespace) -> str | None:
    """Return the private key that the options name, or None where it is with somebody else.

    Raises:
        UsageError: A file or variable is missing, or holds no key.
    """
    from pytest_metarelease.probes.chain.signing import check_key, key_of_keystore

    if options.key_env is not None:
        return check_key(_variable(options.key_env), f"the variable {options.key_env}")
    if options.keystore is not None:
        document = _file(options.keystore)
        return key_of_keystore(document, _password(options))
    return None


def read_payload(path: str) -> Any:
    """Return the JSON document of a payload.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        return json.loads(_file(path))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is no JSON: {error!s:.100}") from None


def _password(options: argparse.Namespace) -> str:
    if options.password_file is not None:
        return _file(options.password_file).rstrip("\r\n")
    if options.password_env is not None:
        return _variable(options.password_env)
    return password(f"Password of {options.keystore}")


def _variable(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise UsageError(f"the variable {name} is not set")
    return value


def _file(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        text = data.decode()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is no UTF-8") from None
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{path}: is larger than {_MOST_BYTES} bytes")
    return text
