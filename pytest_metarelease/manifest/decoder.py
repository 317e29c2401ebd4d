"""From nodes to the frozen values of the model, by the model's own annotations.

Refuses unknown keys, wrong types and variables where none may stand, and goes on reading so that
one pass finds every problem. What belongs together across fields is judged in ``rules``, what
names something else in ``references``.
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field, is_dataclass
from enum import Enum
from typing import Any, get_args, get_origin

from pytest_metarelease.manifest import rules, variables
from pytest_metarelease.manifest.model import CallerPolicy, Expectation
from pytest_metarelease.manifest.nodes import (
    Mapping,
    Node,
    Path,
    Scalar,
    Sequence,
    Style,
    locate,
    render,
)
from pytest_metarelease.manifest.notes import (
    Kind,
    Name,
    NotEmpty,
    OneOrMany,
    Refers,
    Secret,
    WrittenOut,
)
from pytest_metarelease.manifest.plain import is_null
from pytest_metarelease.manifest.problems import Mark, Problems, quoted, suggestion
from pytest_metarelease.manifest.scalars import Url
from pytest_metarelease.manifest.shape import Hint, JsonValue, fields_of, hint_of
from pytest_metarelease.manifest.values import NAME, expected, json_value, read_value

KEYED_BY_FUNCTION = (CallerPolicy,)
"""Classes that stand under the signature of a function instead of a name."""


def is_expectation(wants: Any) -> bool:
    """Return whether a type may be written as a bare value that must be equal."""
    return isinstance(wants, type) and issubclass(wants, Expectation)


class Gap(Enum):
    """There is no value, since it was wrong; the problem is on record."""

    WRONG = "wrong"


class Mode(Enum):
    """What a ``${NAME}`` means: nothing allowed, not known yet, or replaced now."""

    WRITTEN = "written"
    OPEN = "open"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Open:
    """A typed value that a variable will give later."""

    text: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A text that must name something declared elsewhere."""

    kind: Kind
    text: str
    path: Path
    mark: Mark


@dataclass(slots=True)
class Decoder:
    """Reads parts of one tree; what it finds besides values stays on it."""

    root: Node
    problems: Problems
    mode: Mode = Mode.WRITTEN
    variables: AnyMapping[str, str] = field(default_factory=dict)
    may_hold_secrets: bool = False
    references: list[Reference] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    missing: dict[str, list[tuple[Mark, Path]]] = field(default_factory=dict)

    def read(self, node: Node, hint: Hint, path: Path) -> Any:
        """Return the value of ``node`` for a type of the model, or ``Gap.WRONG``."""
        if isinstance(node, Scalar) and node.style is Style.PLAIN and is_null(node.text):
            # What is indented wrongly leaves its key empty, so that empty is never "nothing".
            if hint.optional and node.text:
                return None
            if hint.wants is not JsonValue and not is_expectation(hint.wants):
                return self.wrong(node.mark, path, f"expected {_wanted(hint)}, but it is empty")
        if hint.wants is JsonValue:
            return self.json(node, path)
        if is_expectation(hint.wants):
            return self._expectation(hint.wants, node, path)
        if isinstance(hint.wants, type) and is_dataclass(hint.wants):
            return self.decode(hint.wants, node, path)
        origin = get_origin(hint.wants)
        if origin is tuple:
            return self._tuple(node, hint, path)
        if origin is AnyMapping:
            return self._mapping(node, hint, path)
        return self._scalar(node, hint, path)

    def decode(self, cls: type, node: Node, path: Path, **given: object) -> Any:
        """Return an instance of a class of the model, or ``Gap.WRONG``.

        ``given`` are the values of fields that are not written in the manifest.
        """
        if not isinstance(node, Mapping):
            return self.wrong(node.mark, path, f"expected keys and values, got {_kind(node)}")
        known = fields_of(cls)
        flawed = self._unknown_keys(node, [one.key for one in known], path)
        values, is_open = dict(given), False
        for one in known:
            entry = node.entries.get(one.key)
            if entry is None:
                if one.required:
                    flawed = True
                    self._missing(path, one.key, one.hint.description)
                continue
            value = self.read(entry.node, one.hint, (*path, one.key))
            flawed = flawed or value is Gap.WRONG
            is_open = is_open or isinstance(value, Open)
            values[one.name] = _closed(value)
        if any(value is Gap.WRONG for value in values.values()) or not all(
            one.name in values or not one.required for one in known
        ):
            return Gap.WRONG
        made = cls(**values)
        if not flawed:
            self._apply_rules(made, path, is_open=is_open)
        return made

    def report_missing(self) -> None:
        """Report each variable that is not there once, where it is needed first."""
        for why, needed in self.missing.items():
            mark, path = min(needed, key=lambda one: one[0])
            more = f" (here and in {len(needed) - 1} more places)" if len(needed) > 1 else ""
            self.wrong(mark, path, f"{why}{more}; set it, or choose another environment")

    def wrong(self, mark: Mark, path: Path, text: str) -> Gap:
        """Note a problem and return what stands for its value."""
        self.problems.add(mark, render(path, self.root), text)
        return Gap.WRONG

    def json(self, node: Node, path: Path) -> Any:
        """Return a node as JSON; texts in it may hold variables and always stay texts."""
        if isinstance(node, Sequence):
            items = [self.json(one, (*path, index)) for index, one in enumerate(node.items)]
            return Gap.WRONG if Gap.WRONG in items else items
        if isinstance(node, Mapping):
            found = {
                key: self.json(entry.node, (*path, key)) for key, entry in node.entries.items()
            }
            return Gap.WRONG if any(one is Gap.WRONG for one in found.values()) else found
        scalar = self._expanded(node, path, ())
        if isinstance(scalar, Gap):
            return scalar
        if isinstance(scalar, Open):
            return scalar.text
        if scalar.style is Style.PLAIN and not scalar.text:
            return self.wrong(node.mark, path, "is empty; write null if nothing is meant")
        if scalar.style is Style.VARIABLE:
            scalar = Scalar(scalar.mark, scalar.text, Style.QUOTED)
        try:
            return json_value(scalar)
        except ValueError as error:
            hidden = scalar is not node and scalar.text != node.text
            text = f"{node.text} holds no valid address" if hidden else str(error)
            return self.wrong(node.mark, path, text)

    def _unknown_keys(self, node: Mapping, known: list[str], path: Path) -> bool:
        unknown = [(key, one) for key, one in node.entries.items() if key not in known]
        for key, entry in unknown:
            self.wrong(entry.mark, (*path, key), f"unknown key{suggestion(key, known)}")
        return bool(unknown)

    def _missing(self, path: Path, key: str, description: str) -> None:
        mark = locate(self.root, path)
        self.wrong(mark, (*path, key), f"is missing. {description}".removesuffix(". "))

    def _apply_rules(self, made: Any, path: Path, *, is_open: bool) -> None:
        for below, text in rules.broken_by(made, is_open=is_open):
            self.wrong(locate(self.root, (*path, *below)), (*path, *below), text)

    def _expectation(self, cls: type, node: Node, path: Path) -> Any:
        """Read operators, or a bare value that must be equal.

        A mapping is never compared as it stands: a mistyped operator would be taken for the value.
        """
        if not isinstance(node, Mapping):
            value = self.json(node, path)
            if value is Gap.WRONG:
                return value
            return cls(equals=value, states_equals=True)
        if not node.entries:
            return self.wrong(node.mark, path, "states nothing that could be compared")
        operators = [one.key for one in fields_of(cls)]
        if not any(key in operators for key in node.entries):
            key, entry = next(iter(node.entries.items()))
            close = suggestion(key, operators)
            hint = close if close.startswith("; did") else ""
            return self.wrong(
                entry.mark,
                (*path, key),
                f"unknown key{hint}; to expect an object, write equals: {{...}}",
            )
        return self.decode(cls, node, path, states_equals="equals" in node.entries)

    def _tuple(self, node: Node, hint: Hint, path: Path) -> Any:
        element = hint_of(get_args(hint.wants)[0], _for_elements(hint))
        if not isinstance(node, Sequence):
            if hint.note(OneOrMany) is not None and isinstance(node, Scalar):
                value = self.read(node, element, path)
                return value if value is Gap.WRONG else (_closed(value),)
            return self.wrong(node.mark, path, f"expected a list, got {_kind(node)}")
        if not node.items and hint.note(NotEmpty) is not None:
            return self.wrong(node.mark, path, "needs at least one element")
        values = [self.read(one, element, (*path, index)) for index, one in enumerate(node.items)]
        return Gap.WRONG if Gap.WRONG in values else tuple(map(_closed, values))

    def _mapping(self, node: Node, hint: Hint, path: Path) -> Any:
        if not isinstance(node, Mapping):
            return self.wrong(node.mark, path, f"expected keys and values, got {_kind(node)}")
        if not node.entries and hint.note(NotEmpty) is not None:
            return self.wrong(node.mark, path, "needs at least one key")
        keys, inner = map(hint_of, get_args(hint.wants))
        below = Hint(inner.wants, inner.optional, (*_for_elements(hint), *inner.notes))
        named = hint.note(Name) is not None or (
            is_dataclass(below.wants)
            and not is_expectation(below.wants)
            and below.wants not in KEYED_BY_FUNCTION
        )
        values = {}
        for key, entry in node.entries.items():
            where = (*path, key)
            good = self.key(key, keys, entry.mark, where, named=named)
            value = self.read(entry.node, below, where)
            values[key] = _closed(value) if good else Gap.WRONG
        return Gap.WRONG if any(one is Gap.WRONG for one in values.values()) else values

    def key(self, key: str, hint: Hint, mark: Mark, path: Path, *, named: bool) -> bool:
        """Return whether a key that the manifest's author chose is one; report it where not."""
        if named and not NAME.fullmatch(key):
            why = f"{quoted(key)} is no name; use letters, digits, - and _"
            return self.wrong(mark, path, why) is not Gap.WRONG
        if "${" in key:
            return self.wrong(mark, path, "variables are not read in keys") is not Gap.WRONG
        try:
            read_value(Scalar(mark, key, Style.QUOTED), hint)
        except ValueError as error:
            return self.wrong(mark, path, str(error)) is not Gap.WRONG
        return True

    def _scalar(self, node: Node, hint: Hint, path: Path) -> Any:
        if not isinstance(node, Scalar):
            return self.wrong(node.mark, path, f"expected {_wanted(hint)}, got {_kind(node)}")
        scalar = self._expanded(node, path, hint.notes)
        if isinstance(scalar, Open):
            self._refuse_written_secret(node, hint, path)
            return scalar.text if hint.wants is str else scalar
        if isinstance(scalar, Gap):
            return scalar
        hidden = bool(variables.names_in(node.text))
        try:
            value = read_value(scalar, hint)
        except ValueError as error:
            # The value of a variable may be a secret that was set under the wrong name.
            text = f"the value of {node.text} is not {expected(hint)}" if hidden else str(error)
            return self.wrong(node.mark, path, text)
        if not hidden and self._refuse_written_secret(node, hint, path):
            return Gap.WRONG
        self._note_secrets(scalar.text, hint)
        refers = hint.note(Refers)
        if refers is not None:
            self.references.append(Reference(refers.kind, value, path, node.mark))
        return value

    def _expanded(self, node: Scalar, path: Path, notes: tuple[Any, ...]) -> Scalar | Open | Gap:
        """Return the scalar with its variables replaced, as far as the mode knows them."""
        text = node.text
        if "${" not in text:
            return node
        if (why := variables.malformed(text)) is not None:
            return self.wrong(node.mark, path, why)
        names = variables.names_in(text)
        if not names:
            return Scalar(node.mark, variables.expand(text, {}), Style.QUOTED)
        if self.mode is Mode.WRITTEN or any(isinstance(note, WrittenOut) for note in notes):
            why = "variables are read in environments and in release only; write the value out"
            if self.mode is not Mode.WRITTEN:
                why = "no variable may stand here, since it decides what is verified"
            return self.wrong(node.mark, path, why)
        if self.mode is Mode.OPEN:
            return Open(text)
        missing = tuple(variables.absent(text, self.variables))
        for why in missing:
            self.missing.setdefault(why, []).append((node.mark, path))
        if missing:
            return Gap.WRONG
        style = Style.VARIABLE if variables.is_one_variable(text) else Style.QUOTED
        return Scalar(node.mark, variables.expand(text, self.variables), style)

    def _refuse_written_secret(self, node: Scalar, hint: Hint, path: Path) -> bool:
        secret = hint.note(Secret)
        if self.may_hold_secrets or self.mode is Mode.RESOLVED:
            return False
        if hint.wants is Url or (secret is not None and secret.part != "whole"):
            written = [
                one
                for one in variables.secrets_of_url(node.text, key_in_path=False)
                if not variables.names_in(one)
            ]
        else:
            written = [node.text] if secret and not variables.names_in(node.text) else []
        if not written:
            return False
        self.wrong(node.mark, path, "secrets never live in the manifest; write ${NAME} instead")
        return True

    def _note_secrets(self, text: str, hint: Hint) -> None:
        if self.mode is not Mode.RESOLVED:
            return
        secret = hint.note(Secret)
        if secret is not None and secret.part == "whole":
            self.secrets.extend(variables.secrets_of_credential(text))
        elif hint.wants is Url or secret is not None:
            in_path = secret is not None and secret.part == "rpc"
            self.secrets.extend(variables.secrets_of_url(text, key_in_path=in_path))


def _closed(value: Any) -> Any:
    return value.text if isinstance(value, Open) else value


def _for_elements(hint: Hint) -> tuple[Any, ...]:
    own = (NotEmpty, OneOrMany, str)
    return tuple(note for note in hint.notes if not isinstance(note, own))


def _kind(node: Node) -> str:
    if isinstance(node, Mapping):
        return "keys and values"
    if isinstance(node, Sequence):
        return "a list"
    if node.style is Style.PLAIN and is_null(node.text):
        return "nothing"
    return quoted(node.text)


def _wanted(hint: Hint) -> str:
    origin = get_origin(hint.wants)
    if is_dataclass(hint.wants) or origin is AnyMapping:
        return "keys and values"
    if origin is tuple:
        return "a list"
    return expected(hint)
