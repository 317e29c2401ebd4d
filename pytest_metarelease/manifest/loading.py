"""Reading ``release.yaml``: from a path to values, with every problem of the file at once.

Nothing of the run's environment is read here: variables are given by the caller. Loading needs
none, so that collecting tests needs none either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pytest_metarelease.errors import ManifestError, UsageError
from pytest_metarelease.manifest import variables as texts
from pytest_metarelease.manifest.declared import child
from pytest_metarelease.manifest.decoder import Decoder, Gap, Mode, Reference
from pytest_metarelease.manifest.inheritance import inherit
from pytest_metarelease.manifest.model import (
    Component,
    Environment,
    Item,
    Manifest,
    Release,
    Trigger,
)
from pytest_metarelease.manifest.nodes import Mapping as MappingNode
from pytest_metarelease.manifest.nodes import Node, Scalar, locate, parse, render, walk
from pytest_metarelease.manifest.nodes import Sequence as SequenceNode
from pytest_metarelease.manifest.notes import Name, Refers
from pytest_metarelease.manifest.problems import Problems, suggestion
from pytest_metarelease.manifest.references import Declarations
from pytest_metarelease.manifest.scalars import Address
from pytest_metarelease.manifest.shape import Hint, hint_of
from pytest_metarelease.manifest.source import read_source

MOST_BYTES = 1 << 20
"""A manifest larger than this is refused unread."""

PARTS: Mapping[str, Hint] = {
    "release": hint_of(Release),
    "default_environment": hint_of(Annotated[str, Refers("environment")]),
    "environments": hint_of(Mapping[str, Environment]),
    "checklist": hint_of(tuple[Item, ...]),
    "triggers": hint_of(tuple[Trigger, ...]),
    "rollback": hint_of(Mapping[str, Component]),
    "signers": hint_of(Annotated[Mapping[str, Address], Name()]),
}
"""The keys of a manifest and what stands under them."""

NEEDED = ("release", "environments", "checklist")
"""The keys that every manifest has."""

_T = TypeVar("_T")


class Places:
    """Where each key of one file stands, found by its path."""

    def __init__(self, file: str, root: Node) -> None:
        self._file = file
        self._root = root
        self._lines: dict[str, int] | None = None

    def of(self, key_path: str | Sequence[str]) -> str:
        """Return ``release.yaml:41`` for a key path, written with dots or as its steps.

        What is not written (a default) is where the nearest key above it is. Elements of a list
        are named by their ``id``, or by their index.
        """
        text = key_path if isinstance(key_path, str) else ".".join(key_path)
        wanted = _flat(text)
        lines = self._index()
        while wanted and wanted not in lines:
            wanted = wanted.rpartition(".")[0]
        return f"{self._file}:{lines.get(wanted, 1)}"

    def _index(self) -> dict[str, int]:
        if self._lines is None:
            self._lines = {}
            for path, mark, _ in walk(self._root):
                self._lines.setdefault(_flat(render(path, self._root)), mark.line)
        return self._lines


def _flat(text: str) -> str:
    return text.replace("[", ".").replace("]", "")


@dataclass(frozen=True, slots=True)
class Resolved:
    """One environment with its variables replaced, and the texts that nobody may see."""

    release: Release
    environment: Environment
    secrets: tuple[str, ...]
    places: Places

    def place(self, key_path: str | Sequence[str]) -> str:
        """Return where the manifest says something, as ``release.yaml:41``."""
        return self.places.of(key_path)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A manifest that was read and checked, and can be resolved for one of its environments."""

    manifest: Manifest
    manifest_path: Path
    root: MappingNode
    places: Places

    def place(self, key_path: str | Sequence[str]) -> str:
        """Return where the manifest says something, as ``release.yaml:41``."""
        return self.places.of(key_path)

    def resolve(self, environment: str, variables: Mapping[str, str]) -> Resolved:
        """Return the release and one environment with ``${NAME}`` replaced.

        Raises:
            UsageError: The manifest declares no such environment.
            ManifestError: Variables are missing or their values are not what is wanted there.
        """
        known = self.manifest.environments
        if environment not in known:
            near = suggestion(environment, known)
            raise UsageError(f"{self.manifest.file}: no environment {environment}{near}")
        decoder = self._decoder(variables)
        release = decoder.read(self.root.entries["release"].node, PARTS["release"], ("release",))
        path = ("environments", environment)
        node = child(self.root, *path)
        made = decoder.decode(Environment, node or self.root, path, name=environment)
        Declarations.of(self.root).check(decoder.references, decoder.problems)
        decoder.report_missing()
        decoder.problems.raise_if_any()
        secrets = [*decoder.secrets, *_header_secrets(made), *texts.secret_variables(variables)]
        return Resolved(release, made, tuple(sorted(set(filter(None, secrets)))), self.places)

    def resolve_release(self, variables: Mapping[str, str]) -> Release:
        """Return the release alone, for what starts before the environment has its variables.

        Raises:
            ManifestError: Variables are missing or their values are not what is wanted there.
        """
        decoder = self._decoder(variables)
        node = self.root.entries["release"].node
        release: Release | Gap = decoder.read(node, PARTS["release"], ("release",))
        decoder.report_missing()
        decoder.problems.raise_if_any()
        return _sure(release)

    def _decoder(self, variables: Mapping[str, str]) -> Decoder:
        problems = Problems(self.manifest.file)
        return Decoder(self.root, problems, Mode.RESOLVED, variables, may_hold_secrets=True)


def load(path: Path) -> Loaded:
    """Read and check a manifest; no variable is needed for it.

    Raises:
        ManifestError: It cannot be read or is wrong; one line per problem, with its place.
    """
    problems = Problems(str(path))
    try:
        source = read_source(path, problems, MOST_BYTES)
    except FileNotFoundError:
        raise ManifestError(f"{path}: there is no such file") from None
    root = parse(source.text, problems)
    if root is None or (isinstance(root, Scalar) and not root.text):
        if not problems.found:
            raise ManifestError(f"{path}:1:1: is empty; a manifest needs {', '.join(NEEDED)}")
        problems.raise_if_any()
    if not isinstance(root, MappingNode):
        raise ManifestError(
            f"{path}:1:1: expected keys and values; a manifest starts with release:"
        )
    inherit(root, problems)
    digest = hashlib.sha256(source.data).hexdigest()
    manifest = _Reading(root, problems).manifest(str(path), digest)
    return Loaded(manifest, path, root, Places(str(path), root))


class _Reading:
    """One pass over a tree; it goes on after problems and raises them at its end."""

    def __init__(self, root: MappingNode, problems: Problems) -> None:
        self.root = root
        self.problems = problems
        self.names = Declarations.of(root)
        self.written = Decoder(root, problems)
        self.references: list[Reference] = []

    def manifest(self, file: str, digest: str) -> Manifest:
        self._check_parts()
        release = self._release()
        self._environments()
        default = self._part("default_environment")
        checklist = _without_gaps(self._items())
        triggers = _without_gaps(self._elements("triggers", Trigger))
        rollback = self._part("rollback")
        signers = self._part("signers")
        self._check_signers(signers)
        self.names.check([*self.references, *self.written.references], self.problems)
        self.problems.raise_if_any()
        return Manifest(
            file=file,
            digest=digest,
            release=_sure(release),
            default_environment=default,
            environments=self.names.environments,
            checklist=checklist,
            triggers=triggers,
            rollback=rollback or {},
            signers=signers or {},
        )

    def _check_parts(self) -> None:
        for key, entry in self.root.entries.items():
            if key not in PARTS:
                self.problems.add(entry.mark, key, f"unknown key{suggestion(key, PARTS)}")
        for key in NEEDED:
            if key not in self.root.entries:
                self.problems.add(self.root.mark, key, "is missing")

    def _part(self, key: str) -> Any:
        entry = self.root.entries.get(key)
        return None if entry is None else self.written.read(entry.node, PARTS[key], (key,))

    def _release(self) -> Any:
        entry = self.root.entries.get("release")
        if entry is None:
            return Gap.WRONG
        decoder = Decoder(self.root, self.problems, Mode.OPEN)
        return decoder.read(entry.node, PARTS["release"], ("release",))

    def _environments(self) -> None:
        entry = self.root.entries.get("environments")
        if entry is None:
            return
        if not isinstance(entry.node, MappingNode) or not entry.node.entries:
            self.problems.add(entry.mark, "environments", "declares none; name at least one")
            return
        for name, one in entry.node.entries.items():
            path = ("environments", name)
            self.written.key(name, hint_of(str), one.mark, path, named=True)
            self._environment(name, one.node)

    def _environment(self, name: str, node: Node) -> None:
        sandbox = self.names.environments[name].sandbox
        decoder = Decoder(self.root, self.problems, Mode.OPEN, may_hold_secrets=sandbox)
        made = decoder.decode(Environment, node, ("environments", name), name=name)
        self.references += decoder.references
        if isinstance(made, Environment) and not sandbox:
            self._refuse_written_headers(made)

    def _refuse_written_headers(self, environment: Environment) -> None:
        for name, external in environment.external.items():
            for header, value in external.headers.items():
                if texts.is_secret_header(header) and not texts.names_in(value):
                    path = ("environments", environment.name, "external", name, "headers", header)
                    why = "secrets never live in the manifest; write ${NAME} instead"
                    self.written.wrong(locate(self.root, path), path, why)

    def _items(self) -> list[Any]:
        found = self._elements("checklist", Item)
        spared = {
            index
            for index, one in enumerate(found)
            if isinstance(one, Item) and one.not_applicable is not None
        }
        # What does not exist in this product needs no declared subject to be shown by.
        self.written.references = [
            one
            for one in self.written.references
            if one.kind != "subject" or one.path[0] != "checklist" or one.path[1] not in spared
        ]
        entry = self.root.entries.get("checklist")
        if entry is not None and isinstance(entry.node, SequenceNode) and not entry.node.items:
            self.problems.add(entry.mark, "checklist", "has no items; nothing could be verified")
        return found

    def _elements(self, key: str, cls: type) -> list[Any]:
        entry = self.root.entries.get(key)
        if entry is None:
            return []
        if not isinstance(entry.node, SequenceNode):
            self.written.read(entry.node, PARTS[key], (key,))
            return []
        first: dict[str, int] = {}
        made = []
        for index, node in enumerate(entry.node.items):
            named = child(node, "id")
            if isinstance(named, Scalar) and named.text in first:
                why = f"duplicate id; it stands in line {first[named.text]} already"
                self.written.wrong(named.mark, (key, index, "id"), why)
            elif isinstance(named, Scalar):
                first[named.text] = named.mark.line
            made.append(self.written.decode(cls, node, (key, index)))
        return made

    def _check_signers(self, signers: Any) -> None:
        """Two names for one account would make two signatures of one."""
        if not isinstance(signers, dict):
            return
        owner: dict[str, str] = {}
        for name, address in signers.items():
            if address in owner:
                why = f"is the account of {owner[address]} too; each signer needs its own"
                self.written.wrong(locate(self.root, ("signers", name)), ("signers", name), why)
            owner.setdefault(address, name)


def _header_secrets(environment: Environment) -> list[str]:
    return [
        secret
        for external in environment.external.values()
        for header, value in external.headers.items()
        if texts.is_secret_header(header)
        for secret in texts.secrets_of_credential(value)
    ]


def _without_gaps(values: Sequence[_T | Gap]) -> tuple[_T, ...]:
    return tuple(one for one in values if not isinstance(one, Gap))


def _sure(value: _T | Gap) -> _T:
    assert not isinstance(value, Gap)  # noqa: S101  # problems were raised before
    return value
