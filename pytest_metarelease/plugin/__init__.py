"""The pytest plugin: options, marks, collection, recording, fixtures, and the session of a run.

It translates between pytest and the package and never judges: the verdict is ``gate``'s. Importing
it loads none of the wire libraries; each is imported by the fixture that needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_metarelease.errors import UsageError
from pytest_metarelease.plugin import activation, options
from pytest_metarelease.plugin.state import RUN

if TYPE_CHECKING:
    from pytest_metarelease.plugin.collection import Collection
    from pytest_metarelease.plugin.state import Run

__all__ = ["pytest_addoption", "pytest_configure"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options and ini keys."""
    options.add_to(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Find the manifest, decide whether the gate is on, and register what the run needs.

    First of all plugins, so that the tombstone is on disk before anything else can fail and so
    that Allure finds its folder set.
    """
    from pytest_metarelease.plugin.collector import undisturbed

    with undisturbed():
        _configure(config)


def _configure(config: pytest.Config) -> None:
    options.add_marks(config)
    options.join_new_folder(config)
    from pytest_metarelease.plugin import waiting

    try:
        waits = waiting.may_wait(config) and waiting.begin(config, lambda: _activate(config))
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    if waits:
        _register_fixtures(config)
    else:
        _activate(config)


def _activate(config: pytest.Config) -> Collection | None:
    """Read the manifest and register what the run needs; None where there is no manifest."""
    run = activation.prepare(config)
    if run is None:
        return None
    config.stash[RUN] = run
    from pytest_metarelease.plugin import secrecy

    secrecy.begin(config, run.loaded.manifest_path)
    return _register(config, run)


def _register_fixtures(config: pytest.Config) -> None:
    from pytest_metarelease.plugin import fixtures

    if not config.pluginmanager.is_registered(fixtures):
        config.pluginmanager.register(fixtures, "metarelease: fixtures")


def _register(config: pytest.Config, run: Run) -> Collection:
    # Imported here: a repository without a manifest does not pay for them.
    from pytest_metarelease.plugin import collection

    register = config.pluginmanager.register
    # Names that nobody would write into `-p no:`; below it is checked that they are there.
    collected = collection.Collection(run, config)
    register(collected, "metarelease: collection")
    _register_fixtures(config)
    if run.gate.on:
        _register_gated(config, run, collected)
    else:
        _register_ungated(config, run)
    return collected


def _register_ungated(config: pytest.Config, run: Run) -> None:
    from pytest_metarelease.plugin.explaining import Explaining
    from pytest_metarelease.plugin.session_target import redactor_of

    config.pluginmanager.register(Explaining(redactor_of(config)), "metarelease: explaining")
    if run.controls:
        from pytest_metarelease.plugin.ungated import UngatedSession

        config.pluginmanager.register(UngatedSession(run), "metarelease: session")


def _register_gated(config: pytest.Config, run: Run, collected: Collection) -> None:
    from pytest_metarelease.plugin.parts import refuse_missing_parts
    from pytest_metarelease.plugin.recording import Recording

    recording = Recording(run, config, collected)
    config.pluginmanager.register(recording, "metarelease: recording")
    if run.controls:
        from pytest_metarelease.plugin import junit
        from pytest_metarelease.plugin.gathering import Gathering
        from pytest_metarelease.plugin.session import GatedSession

        gathering = Gathering(collected, recording.ledger)
        config.pluginmanager.register(gathering, "metarelease: gathering")
        junit.begin(config, run, collected)
        config.pluginmanager.register(GatedSession(run, config), "metarelease: session")
        refuse_missing_parts(config)
    else:
        from pytest_metarelease.plugin import allure_folder

        told: dict[str, Any] = getattr(config, "workerinput", {}).get("metarelease", {})
        allure_folder.follow(config, told.get("allure"))
