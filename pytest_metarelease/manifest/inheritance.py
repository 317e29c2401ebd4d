"""``extends:`` of environments: staging is like production, except for what it says itself.

Works on nodes, before anything is decoded, so that every value keeps the place where it was
written. Says nothing about whether the result is complete; the decoder does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_metarelease.manifest.nodes import Entry, Mapping, Node, Scalar, Style
from pytest_metarelease.manifest.problems import suggestion

if TYPE_CHECKING:
    from pytest_metarelease.manifest.problems import Problems

_KEY = "extends"
# Not the empty scalar: what is indented wrongly leaves its key empty.
_NULLS = {"~", "null", "Null", "NULL"}
_MOST_ENVIRONMENTS = 50


def inherit(root: Node, problems: Problems) -> None:
    """Lay every environment that extends another over it, in place.

    Mappings are merged key by key; anything else replaces what was there, and ``null`` takes it
    away. A base that is missing, or an environment that ends up extending itself, is a problem.
    """
    environments = root.get("environments") if isinstance(root, Mapping) else None
    if isinstance(environments, Mapping):
        if len(environments.entries) > _MOST_ENVIRONMENTS:
            why = f"declares more than {_MOST_ENVIRONMENTS}"
            problems.add(environments.mark, "environments", why)
            return
        for name in environments.entries:
            _settle(name, environments, problems, ())


def _settle(name: str, environments: Mapping, problems: Problems, below: tuple[str, ...]) -> None:
    own = environments.entries[name].node
    entry = own.entries.get(_KEY) if isinstance(own, Mapping) else None
    if entry is None or not isinstance(own, Mapping):
        return
    base = entry.node.text if isinstance(entry.node, Scalar) else ""
    key = f"environments.{name}.{_KEY}"
    del own.entries[_KEY]
    if base not in environments.entries:
        known = [one for one in environments.entries if one != name]
        problems.add(entry.mark, key, f"no environment is called {base!r}{suggestion(base, known)}")
    elif base == name or base in below:
        problems.add(entry.mark, key, "an environment cannot extend itself, also not by others")
    else:
        _settle(base, environments, problems, (*below, name))
        environments.entries[name].node = _over(own, environments.entries[base].node)


def _over(own: Node, base: Node) -> Node:
    if not isinstance(own, Mapping) or not isinstance(base, Mapping):
        return own
    merged = Mapping(own.mark, dict(base.entries))
    for key, entry in own.entries.items():
        inherited = base.entries.get(key)
        if inherited is None:
            merged.entries[key] = entry
        elif _is_null(entry.node):
            del merged.entries[key]
        else:
            merged.entries[key] = Entry(entry.mark, _over(entry.node, inherited.node))
    return merged


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.style is Style.PLAIN and node.text in _NULLS
