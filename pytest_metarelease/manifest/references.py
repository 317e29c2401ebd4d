"""Names that must be declared elsewhere: items, signers, services, contracts, subjects, ...

A name that nothing declares is refused here, at load, since later it would only be something that
was never measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeAlias

from pytest_metarelease.manifest.declared import child, declared, item_ids, keys
from pytest_metarelease.manifest.model import Declared
from pytest_metarelease.manifest.nodes import Node, Scalar, Sequence, render
from pytest_metarelease.manifest.problems import suggestion
from pytest_metarelease.manifest.trial_rules import DEPLOYER

if TYPE_CHECKING:
    from pytest_metarelease.manifest.decoder import Reference
    from pytest_metarelease.manifest.problems import Problems

_GLOB = frozenset("*?[")
# What a trigger can measure, and of what.
_MEASURES: Mapping[str, Callable[[Declared], tuple[str, ...]]] = {
    "error_rate": lambda one: one.services,
    "failure_rate": lambda one: one.contracts,
    "unreachable": lambda one: one.databases,
}
_SUBJECTS: Mapping[str, Callable[[Declared], tuple[str, ...]]] = {
    "service": lambda one: one.services,
    "contract": lambda one: one.contracts,
    "database": lambda one: one.databases,
    "external": lambda one: one.external,
    "account": lambda one: one.accounts,
    "safe": lambda one: one.safes,
    "metric": lambda one: one.metrics,
    "scan": lambda one: one.scans,
}
Names: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Declarations:
    """Everything in one file that can be named."""

    root: Node
    environments: Mapping[str, Declared]
    items: Names

    @classmethod
    def of(cls, root: Node) -> Declarations:
        """Return what the file declares."""
        found = {}
        for name in keys(root, "environments"):
            node = child(root, "environments", name)
            if node is not None:
                found[name] = declared(name, node)
        return cls(root, found, item_ids(root))

    def check(self, references: Iterable[Reference], problems: Problems) -> None:
        """Report each reference that names nothing."""
        for reference in references:
            why = self._problem(reference)
            if why is not None:
                problems.add(reference.mark, render(reference.path, self.root), why)

    def _problem(self, reference: Reference) -> str | None:
        if reference.kind == "subject":
            return self._subject_problem(reference)
        if reference.kind == "measure":
            return self._measure_problem(reference.text)
        known = self._known(reference)
        if reference.text in known:
            return None
        return f"no {_WORDS[reference.kind]} {reference.text}{suggestion(reference.text, known)}"

    def _known(self, reference: Reference) -> Names:
        kind, path = reference.kind, reference.path
        if kind == "item":
            return self.items
        if kind in {"signer", "component", "environment"}:
            key = {"signer": "signers", "component": "rollback", "environment": "environments"}
            return keys(self.root, key[kind])
        here = child(self.root, *map(str, path[:2]))
        if kind == "own_endpoint":
            return keys(here, "services", str(path[3]), "endpoints")
        if kind == "account_role":
            roles = child(here, str(path[2]), str(path[3]), "roles")
            items = roles.items if isinstance(roles, Sequence) else []
            return (*(one.text for one in items if isinstance(one, Scalar)), DEPLOYER)
        if kind == "endpoint":
            return self.environments[str(path[1])].endpoints
        plural = {"credential": "credentials", "typed_data": "typed_data"}.get(kind, f"{kind}s")
        return keys(here, plural)

    def _measure_problem(self, text: str) -> str | None:
        name, dot, measure = text.rpartition(".")
        if not dot or measure not in _MEASURES:
            forms = "SERVICE.error_rate, CONTRACT.failure_rate or DATABASE.unreachable"
            return f"{text} is no measure; write {forms}{_near(measure, _MEASURES)}"
        known = self._anywhere(_MEASURES[measure])
        if name in known:
            return None
        owner = {"error_rate": "service", "failure_rate": "contract"}.get(measure, "database")
        return f"no environment declares {owner} {name}{suggestion(name, known)}"

    def _subject_problem(self, reference: Reference) -> str | None:
        text = reference.text
        kind, colon, name = text.partition(":")
        if text == "chain":
            chains = [child(self.root, "environments", one, "chain") for one in self.environments]
            return None if any(chains) else "no environment declares a chain"
        if not colon or kind not in _SUBJECTS:
            forms = ", ".join(f"{one}:NAME" for one in _SUBJECTS)
            return f"{text} is no subject; write {forms} or chain{_near(kind, _SUBJECTS)}"
        known = self._for(reference, _SUBJECTS[kind])
        if name in known or (_GLOB & set(name) and any(fnmatchcase(one, name) for one in known)):
            return None
        where = "this environment" if reference.path[0] == "environments" else "no environment"
        verb = "does not declare" if reference.path[0] == "environments" else "declares"
        return f"{where} {verb} {kind} {name}{suggestion(name, known)}"

    def _for(self, reference: Reference, names: Callable[[Declared], Names]) -> Names:
        if reference.path[0] == "environments":
            return names(self.environments[str(reference.path[1])])
        return self._anywhere(names)

    def _anywhere(self, names: Callable[[Declared], Names]) -> Names:
        return tuple(name for one in self.environments.values() for name in names(one))


def _near(text: str, known: Iterable[str]) -> str:
    close = suggestion(text, known)
    return close if close.startswith("; did") else ""


_WORDS: Mapping[str, str] = {
    "account_role": "role",
    "component": "component",
    "contract": "contract",
    "credential": "credential",
    "database": "database",
    "endpoint": "endpoint",
    "environment": "environment",
    "item": "item",
    "own_endpoint": "endpoint of this service",
    "service": "service",
    "signer": "signer",
    "typed_data": "typed data",
}
