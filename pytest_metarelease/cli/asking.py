"""What a command still needs to know: asked on a terminal, refused by name where there is none.

Asks each question once; an empty answer and the end of input are no answers.
"""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

from pytest_metarelease.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def complete(given: Mapping[str, str | None], questions: Mapping[str, str]) -> dict[str, str]:
    """Return ``given`` with what is missing asked for; ``questions`` by the name of the option.

    Raises:
        UsageError: Standard input is no terminal, or there was no answer; it names the options.
    """
    missing = [name for name in questions if not (given.get(name) or "").strip()]
    if missing and not sys.stdin.isatty():
        listed = ", ".join(_option(name) for name in missing)
        raise UsageError(f"missing: {listed}; there is no terminal to ask on")
    known = {name: value for name, value in given.items() if value is not None}
    return known | {name: _answer(questions[name], name) for name in missing}


def password(what: str) -> str:
    """Ask for a password without showing it.

    Raises:
        UsageError: Standard input is no terminal, or there was no answer.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            "missing: --password-file or --password-env; there is no terminal to ask on"
        )
    try:
        return getpass.getpass(f"{what}: ")
    except (EOFError, KeyboardInterrupt):
        raise UsageError(f"no {what} was given") from None


def _answer(question: str, name: str) -> str:
    # On standard error, so that what a command prints can be written to a file.
    sys.stderr.write(f"{question}: ")
    sys.stderr.flush()
    try:
        answer = sys.stdin.readline().strip()
    except KeyboardInterrupt:
        answer = ""
    if not answer:
        raise UsageError(f"no answer; give it as {_option(name)}")
    return answer


def _option(name: str) -> str:
    return name.upper() if name == "item" else f"--{name.replace('_', '-')}"
