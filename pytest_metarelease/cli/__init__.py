"""The ``metarelease`` command: what surrounds a pytest run. It decides nothing by itself."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from pytest_metarelease import __version__
from pytest_metarelease.errors import MetareleaseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_USAGE_ERROR = 4
_HOLD = 21


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code: the verdict's, or 4 for a usage error."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(arguments)
    except UsageError as error:
        print(f"metarelease: {error}", file=sys.stderr)  # noqa: T201 - a command speaks
        return _USAGE_ERROR
    except MetareleaseError as error:
        print(f"metarelease: HOLD: {error}", file=sys.stderr)  # noqa: T201
        return _HOLD


def _dispatch(arguments: list[str]) -> int:
    # What follows `run` and `sandbox` belongs to pytest and to the sandbox.
    if arguments[:1] == ["run"]:
        from pytest_metarelease.cli.run import run

        return run(arguments[1:])
    if arguments[:1] == ["sandbox"]:
        from pytest_metarelease.sandbox.command import run as run_sandbox

        return run_sandbox(arguments[1:])
    options = _parser(arguments).parse_args(arguments)
    if options.command == "check":
        from pytest_metarelease.cli.check import check

        return check(options)
    if options.command == "combine":
        from pytest_metarelease.cli.combine import combine

        return combine(options)
    if options.command == "waive":
        from pytest_metarelease.cli.waive import waive

        return waive(options)
    if options.command == "sign-off":
        from pytest_metarelease.cli.sign_off import sign_off

        return sign_off(options)
    if options.command == "adopt" and options.openapi is not None:
        from pytest_metarelease.cli.adopt_openapi import adopt_openapi

        return adopt_openapi(options.openapi)
    if options.command == "adopt" and options.part is None:
        raise UsageError("say what to adopt: `chain`, or --openapi FILE or URL")
    if options.command == "adopt":
        from pytest_metarelease.cli.adopt import adopt

        return adopt(options)
    from pytest_metarelease.cli.lock import lock

    return lock(options)


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="metarelease",
        description="Release verification: exit codes are 0 GO, 1 NO-GO, 20 ROLLBACK, 21 HOLD, "
        "4 wrong usage.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser(
        "run", help="run pytest and believe only a finished packet of that very run", add_help=False
    )
    commands.add_parser(
        "sandbox", help="keep a sandbox running to look at, or list its faults", add_help=False
    )
    _add_check(commands)
    _add_combine(commands)
    _add_lock(commands)
    _add_approvals(commands, arguments)
    _add_adopt(commands)
    return parser


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    check = commands.add_parser(
        "check",
        help="recompute the verdict of a packet, for a deploy job",
        description="Recompute the verdict of a packet from its recorded results, with manifest "
        "and lock from this checkout. Prints one line and exits by the verdict.",
    )
    check.add_argument("packet", help="the packet folder, such as release-evidence")
    check.add_argument(
        "--stage", required=True, action="append", help="the stage that must be whole; repeatable"
    )
    check.add_argument("--environment", required=True, help="the environment it must be of")
    check.add_argument("--commit", required=True, help="the release commit it must be of")
    check.add_argument("--max-age", default="1h", help="how old it may be (default: 1h)")
    check.add_argument("--run-id", help="the run it must be of, as issued by `metarelease run`")
    _add_carry(check)
    check.add_argument("--release-manifest", metavar="FILE", help="the manifest")


def _add_combine(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    combine = commands.add_parser(
        "combine",
        help="make one decision of the packets of a CI matrix",
        description="Merge the packets of several runs, such as those of --release-shard K/N, into "
        "one packet with one verdict, and exit by it. Refuses packets of another release, "
        "manifest, lock, environment, scope or chain snapshot (21).",
    )
    combine.add_argument("packets", nargs="+", metavar="DIR", help="the packet folders")
    combine.add_argument(
        "--output",
        default="release-evidence",
        metavar="DIR",
        help="the packet to write (default: release-evidence)",
    )
    combine.add_argument("--run-id", help="its run id (default: $RELEASE_RUN_ID, else a new one)")
    _add_carry(combine)
    combine.add_argument("--release-manifest", metavar="FILE", help="the manifest")


def _add_carry(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--carry",
        action="append",
        default=[],
        metavar="DIR",
        help="packet of another environment, for items that declare accept_from; repeatable",
    )


def _add_lock(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    lock = commands.add_parser(
        "lock",
        help="write checks.lock: which checks each item has",
        description="Collect the checks of every environment, without network, and write "
        "checks.lock beside the manifest. Commit and review it like code.",
    )
    lock.add_argument(
        "--check", action="store_true", help="write nothing; fail if it is not current"
    )
    lock.add_argument("--release-manifest", metavar="FILE", help="the manifest")
    lock.add_argument("paths", nargs="*", help="where the checks are (default: pytest's testpaths)")


def _add_approvals(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], arguments: Sequence[str]
) -> None:
    waive = commands.add_parser(
        "waive",
        help="write a waiver: an exception for one item of one release",
        description="Write a waiver into release-approvals/ beside the manifest. Asks on a "
        "terminal for what is missing, and refuses what the gate would refuse.",
    )
    sign_off = commands.add_parser(
        "sign-off",
        help="write a signed statement for an item that no program can verify",
        description="Write a sign-off (EIP-712) into release-approvals/ beside the manifest. "
        "Asks on a terminal for what is missing, and refuses what the gate would refuse.",
    )
    # Their options are read where they are used: `check` should not wait for them.
    if arguments[:1] == ["waive"]:
        from pytest_metarelease.cli.waive import add_options

        add_options(waive)
    if arguments[:1] == ["sign-off"]:
        from pytest_metarelease.cli.sign_off import add_options as add_signing

        add_signing(sign_off)


def _add_adopt(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    adopt = commands.add_parser(
        "adopt",
        help="print lines for the manifest from what is there, each to be confirmed",
        description="Print the lines that the manifest lacks. Each is marked `unconfirmed` and "
        "verifies nothing until somebody compared it with the design and removed the mark.",
    )
    adopt.add_argument(
        "--openapi", metavar="FILE|URL", help="endpoints, from an OpenAPI 3 description"
    )
    parts = adopt.add_subparsers(dest="part", metavar="PART")
    chain = parts.add_parser("chain", help="state and access of contracts, from the live chain")
    chain.add_argument(
        "--contract", action="append", default=[], help="only this contract; repeatable"
    )
    chain.add_argument("--release-env", metavar="NAME", help="the environment")
    chain.add_argument("--release-manifest", metavar="FILE", help="the manifest")
