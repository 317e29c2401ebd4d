"""Which migrations a release carries, read from its files; nothing of it is imported or run.

It refuses a folder without migrations: comparing nothing with nothing must not verify anything.
"""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_metarelease.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """One migration of the release. ``checksum`` is the SHA-256 of its text, hex, for Prisma."""

    name: str
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """One Alembic revision and the revisions it comes after."""

    name: str
    after: tuple[str, ...]


def prisma_files(folder: Path) -> tuple[MigrationFile, ...]:
    """Return the migrations of a Prisma folder: ``NAME/migration.sql``, in order.

    Raises:
        UsageError: There are none.
    """
    found = [
        MigrationFile(file.parent.name, hashlib.sha256(file.read_bytes()).hexdigest())
        for file in sorted(folder.glob("*/migration.sql"))
    ]
    return _some(tuple(found), folder, "NAME/migration.sql")


def named_files(folder: Path) -> tuple[MigrationFile, ...]:
    """Return the entries of a folder, by name without suffix, in order; hidden ones left out.

    Raises:
        UsageError: There are none.
    """
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [
        MigrationFile(entry.stem if entry.is_file() else entry.name)
        for entry in entries
        if not entry.name.startswith((".", "_"))
    ]
    return _some(tuple(found), folder, "files or folders named after migrations")


def alembic_revisions(folder: Path) -> tuple[Revision, ...]:
    """Return the revisions of an Alembic folder: of its ``versions``, or of itself.

    Raises:
        UsageError: There are none, or a file is no Python.
    """
    versions = folder / "versions" if (folder / "versions").is_dir() else folder
    found = [_revision(file) for file in sorted(versions.glob("*.py"))]
    revisions = tuple(one for one in found if one is not None)
    if not revisions:
        raise UsageError(f"{versions} holds no Alembic revision (a `revision = ...`)")
    return revisions


def heads(revisions: tuple[Revision, ...]) -> tuple[str, ...]:
    """Return the revisions that none comes after: what ``alembic_version`` must hold."""
    earlier = {name for one in revisions for name in one.after}
    return tuple(sorted(one.name for one in revisions if one.name not in earlier))


def _revision(file: Path) -> Revision | None:
    try:
        tree = ast.parse(file.read_bytes(), filename=str(file))
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{file} is no Python: {error}") from None
    values: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            values |= dict.fromkeys(names, _literal(node)) if node.value is not None else {}
    name = values.get("revision")
    if not isinstance(name, str):
        return None
    # What a revision depends on is not recorded any more once the revision is.
    before = (*_names(values.get("down_revision")), *_names(values.get("depends_on")))
    return Revision(name, before)


def _names(value: object) -> tuple[str, ...]:
    several = value if isinstance(value, tuple | list) else (value,)
    return tuple(one for one in several if isinstance(one, str))


def _literal(node: ast.Assign | ast.AnnAssign) -> object:
    try:
        return ast.literal_eval(node.value) if node.value is not None else None
    except ValueError:
        return None


def _some(found: tuple[MigrationFile, ...], folder: Path, what: str) -> tuple[MigrationFile, ...]:
    if not found:
        raise UsageError(f"{folder} holds no migrations ({what}); correct `migrations.path`")
    return found
