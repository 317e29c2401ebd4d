"""The whole of a manifest from its tree: every part is read, every problem noted, nothing resolved.

Refuses what no part can see alone: ids given twice, names that nothing declares, one account under
two names, secrets that were written down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pytest_metarelease.manifest import variables as texts
from pytest_metarelease.manifest.declared import child
from pytest_metarelease.manifest.decoder import Decoder, Gap, Mode, Reference
from pytest_metarelease.manifest.interface import Tree
from pytest_metarelease.manifest.model import (
    Component,
    Environment,
    Item,
    Manifest,
    Release,
    Trigger,
)
from pytest_metarelease.manifest.nodes import Mapping as MappingNode
from pytest_metarelease.manifest.nodes import Node, Scalar, locate
from pytest_metarelease.manifest.nodes import Sequence as SequenceNode
from pytest_metarelease.manifest.notes import Name, Refers
from pytest_metarelease.manifest.problems import Problems, suggestion
from pytest_metarelease.manifest.references import Declarations
from pytest_metarelease.manifest.scalars import Address
from pytest_metarelease.manifest.shape import Hint, hint_of

PARTS: Mapping[str, Hint] = {
    "release": hint_of(Release),
    "default_environment": hint_of(Annotated[str, Refers("environment")]),
    "environments": hint_of(Mapping[str, Environment]),
    "checklist": hint_of(tuple[Item, ...]),
    "triggers": hint_of(tuple[Trigger, ...]),
    "rollback": hint_of(Mapping[str, Component]),
    "signers": hint_of(Annotated[Mapping[str, Address], Name()]),
    "revoked_signers": hint_of(
        Annotated[tuple[str, ...], "Signers whose signatures no longer count.", Refers("signer")]
    ),
    "tree": hint_of(Tree),
}
"""The keys of a manifest and what stands under them."""

NEEDED = ("release", "environments", "checklist")
"""The keys that every manifest has."""

_T = TypeVar("_T")


class Reading:
    """One pass over a tree; it goes on after problems and raises them at its end."""

    def __init__(self, root: MappingNode, problems: Problems) -> None:
        self.root = root
        self.problems = problems
        self.names = Declarations.of(root)
        self.written = Decoder(root, problems)
        self.references: list[Reference] = []

    def manifest(self, file: str, digest: str) -> Manifest:
        """Return the manifest.

        Raises:
            ManifestError: There is at least one problem, those noted before among them.
        """
        self._check_parts()
        release = self._release()
        self._environments()
        default = self._part("default_environment")
        checklist = _without_gaps(self._items())
        triggers = _without_gaps(self._elements("triggers", Trigger))
        rollback = self._part("rollback")
        signers = self._part("signers")
        revoked = self._part("revoked_signers")
        tree = self._part("tree")
        self._check_signers(signers)
        self.names.check([*self.references, *self.written.references], self.problems)
        self.problems.raise_if_any()
        return Manifest(
            file=file,
            digest=digest,
            release=sure(release),
            default_environment=default,
            environments=self.names.environments,
            checklist=checklist,
            triggers=triggers,
            rollback=rollback or {},
            signers=signers or {},
            revoked_signers=revoked or (),
            tree=tree or Tree(),
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


def _without_gaps(values: Sequence[_T | Gap]) -> tuple[_T, ...]:
    return tuple(one for one in values if not isinstance(one, Gap))


def sure(value: _T | Gap) -> _T:
    """Return a value that was read without a problem."""
    assert not isinstance(value, Gap)  # noqa: S101  # problems were raised before
    return value
