"""Reading ``release.yaml``: from a path to values, with every problem of the file at once.

Nothing of the run's environment is read here: variables are given by the caller. Loading needs
none, so that collecting tests needs none either.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_metarelease.errors import ManifestError, UsageError
from pytest_metarelease.manifest import variables as texts
from pytest_metarelease.manifest.declared import child
from pytest_metarelease.manifest.decoder import Decoder, Gap, Mode
from pytest_metarelease.manifest.inheritance import inherit
from pytest_metarelease.manifest.model import (
    Environment,
    Manifest,
    Release,
)
from pytest_metarelease.manifest.nodes import Mapping as MappingNode
from pytest_metarelease.manifest.nodes import Scalar, parse
from pytest_metarelease.manifest.places import Places
from pytest_metarelease.manifest.problems import Problems, suggestion
from pytest_metarelease.manifest.reading import NEEDED, PARTS, Reading, sure
from pytest_metarelease.manifest.references import Declarations
from pytest_metarelease.manifest.source import read_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_BYTES = 1 << 20
"""A manifest larger than this is refused unread."""


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
        return sure(release)

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
    manifest = Reading(root, problems).manifest(str(path), digest)
    return Loaded(manifest, path, root, Places(str(path), root))


def _header_secrets(environment: Environment) -> list[str]:
    return [
        secret
        for external in environment.external.values()
        for header, value in external.headers.items()
        if texts.is_secret_header(header)
        for secret in texts.secrets_of_credential(value)
    ]
