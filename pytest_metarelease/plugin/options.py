"""Options, ini keys and marks: what users can write, with help that says when to use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.plugin import marks

if TYPE_CHECKING:
    import pytest

_OPTIONS = (
    (
        "--release-manifest",
        "FILE",
        "the manifest (default: release.yaml or verification/release.yaml under the root)",
    ),
    (
        "--release-env",
        "NAME",
        "the environment of the manifest to verify (default: its default_environment)",
    ),
    (
        "--release-evidence",
        "DIR",
        "folder of the packet: decision, evidence, Allure results (default: release-evidence)",
    ),
    (
        "--release-baseline",
        "DIR",
        "packet of the release before, whose load samples `sampling.earlier` compares with",
    ),
    (
        "--release-openapi-python",
        "FILE",
        "a Python that has schemathesis, for services with `openapi:` (default: this one)",
    ),
)


def add_to(parser: pytest.Parser) -> None:
    """Add our options and their ini keys."""
    group = parser.getgroup("release verification")
    for name, metavar, text in _OPTIONS:
        key = name.lstrip("-").replace("-", "_")
        group.addoption(name, metavar=metavar, default=None, help=f"{text}; ini key {key}")
        parser.addini(key, text, default="")
    group.addoption(
        "--release-gate",
        choices=("auto", "on", "off"),
        default=None,
        help="auto: a verdict is made when -m names a stage or facet of the manifest; on: always, "
        "over the whole checklist where -m is not given; off: never; ini key release_gate",
    )
    parser.addini("release_gate", "auto, on or off; see --release-gate", default="auto")
    carry = (
        "packet of another environment, from which items that declare accept_from are carried if "
        "they are not verified here; repeatable"
    )
    group.addoption(
        "--release-carry",
        metavar="DIR",
        action="append",
        default=[],
        help=f"{carry}; ini key release_carry, one folder a line",
    )
    parser.addini("release_carry", carry, type="linelist", default=[])
    group.addoption(
        "--release-shard",
        metavar="K/N",
        default=None,
        help="run the K-th of N slices of the locked checks in scope, in a CI matrix; the verdict "
        "is made by `metarelease combine` of all N packets",
    )
    group.addoption(
        "--release-block",
        metavar="HASH",
        default=None,
        help="read the chain at this block (0x and 64 hex digits), so that the shards of a CI "
        "matrix see one state (default: $RELEASE_BLOCK, else the newest confirmed block)",
    )
    group.addoption(
        "--release-advisory",
        action="store_true",
        help="show and record the verdict, but leave the exit code to pytest",
    )
    group.addoption(
        "--release-fault",
        metavar="NAME",
        action="append",
        default=[],
        help="switch a fault of the sandbox on, to see the suite catch it; repeatable; "
        "`metarelease sandbox --faults` lists them",
    )
    group.addoption(
        "--release-bindings-to",
        default=None,
        help="write the bindings of checks to items to this file; used by `metarelease lock`",
    )


def add_marks(config: pytest.Config) -> None:
    """Register the marks that exist in every repository; facets come with the manifest."""
    for name, text in marks.ALWAYS.items():
        config.addinivalue_line("markers", f"{name}: {text}")


def join_new_folder(config: pytest.Config) -> None:
    """Join ``--release-evidence DIR`` to one word for xdist's workers, where DIR is yet to be made.

    They parse the same words after it was made, and pytest takes a folder that stands alone for
    one of its paths, from which it finds another root folder than the controller has.
    """
    words = list(map(str, config.invocation_params.args))
    given = config.invocation_params
    if "--release-evidence" not in words[:-1]:
        return
    place = words.index("--release-evidence")
    if (given.dir / words[place + 1]).exists():
        return  # then the controller took it for a path, too
    words[place : place + 2] = [f"{words[place]}={words[place + 1]}"]
    config.invocation_params = type(given)(args=words, plugins=given.plugins, dir=given.dir)
