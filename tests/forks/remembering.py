"""What every run finds out anew about code that is the same in all of them, found out once.

A forked run takes the answers of these functions from here; none depends on the run. Nothing of
this is in a session that was not forked, and ``test_forks.py`` holds the two against each other.
"""

from __future__ import annotations

import builtins
import sys
from importlib import metadata
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from _pytest import fixtures
from pluggy import _manager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


def remember(plugins: Iterable[object]) -> None:
    """Remember everything below; ``plugins`` are those that a session has from its start."""
    remember_distributions()
    compile_patterns()
    remember_fixtures(plugins)
    find_hooks_faster()


def remember_distributions() -> None:
    """Read once what is installed: each run would read it anew, and nothing is installed in it."""
    for name in ("metadata", "entry_points", "files"):
        read = getattr(metadata.Distribution, name).fget
        setattr(metadata.PathDistribution, name, property(_remembered(read)))
    for one in metadata.distributions():
        _ = one.metadata, one.entry_points, one.files


def _remembered(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    known: dict[Path, Any] = {}

    def value(installed: Any) -> Any:
        if installed._path not in known:
            known[installed._path] = read(installed)
        return known[installed._path]

    return value


def compile_patterns() -> None:
    """Compile what every run compiles: the first text for JUnit, a masked one, an expression."""
    from _pytest.junitxml import bin_xml_escape

    from pytest_metarelease import redaction
    from pytest_metarelease.plugin.activation import names_in

    bin_xml_escape("")
    redaction._places()
    names_in("")


def remember_fixtures(plugins: Iterable[object]) -> None:
    """Remember which names of plugins are fixtures: pytest looks at every name of each."""
    if not hasattr(fixtures.FixtureManager, "_find_wrapped_fixture_def"):
        return  # an older pytest, which looks at less
    packages = {str(getattr(one, "__name__", "")).partition(".")[0] for one in plugins}
    packages |= {"_pytest", "pytest_metarelease"}
    named = [one for one in sys.modules.items() if one[0].partition(".")[0] in packages]
    modules = {module for _, module in named if type(module) is ModuleType}
    classes = {one for module in modules for one in vars(module).values() if type(one) is type}
    # Kept by their ids: all of them live as long as this process.
    holders: list[Any] = [*modules, *classes]
    known = {id(one): _fixture_names(one) for one in holders}

    def names(holder: object) -> list[str]:
        found = known.get(id(holder if isinstance(holder, type | ModuleType) else type(holder)))
        return builtins.dir(holder) if found is None else found

    # Seen before the built-in one by the only function of that module that asks for names.
    fixtures.dir = names  # type: ignore[attr-defined]


def _fixture_names(holder: type | ModuleType) -> list[str]:
    find: Any = fixtures.FixtureManager._find_wrapped_fixture_def
    found = []
    for name in dir(holder):
        owners = [holder] if isinstance(holder, ModuleType) else holder.__mro__
        raw = next((vars(one)[name] for one in owners if name in vars(one)), None)
        attribute = getattr(holder, name, None)
        if type(attribute) is fixtures.FixtureFunctionDefinition or find(None, raw) is not None:
            found.append(name)
    return found


def find_hooks_faster() -> None:
    """Look up a plain function of a plain module or object without ``inspect``: nearly all are."""
    thorough: Any = getattr(_manager, "_static_hook_attr", None)
    if thorough is None:
        return  # an older pluggy, which asks getattr

    def found(holder: Any, name: str) -> Any:
        kind = type(holder)
        if kind is ModuleType:
            value = vars(holder).get(name)
            if type(value) is FunctionType:
                return value, value
        elif type(kind) is type and name not in getattr(holder, "__dict__", (name,)):
            value = next((vars(one)[name] for one in kind.__mro__ if name in vars(one)), None)
            if type(value) is FunctionType:
                return value, value.__get__(holder, kind)
        return thorough(holder, name)

    _manager._static_hook_attr = found  # type: ignore[assignment]
