"""Variables, secrets and places of a manifest that is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_metarelease.errors import ManifestError, UsageError
from pytest_metarelease.manifest.model import Expectation, ViewExpectation
from pytest_metarelease.manifest.scalars import Access, Severity, Stage, ValuePath

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.unit.manifest.conftest import Loading


def test_nothing_set_resolves_nothing_and_names_each_variable_once(
    read: Loading, shop: str, tmp_path: Path
) -> None:
    with pytest.raises(ManifestError) as refused:
        read(shop).resolve("staging", {})
    lines = str(refused.value).replace(f"{tmp_path}/", "").split("\n")
    assert lines[0] == (
        "release.yaml:1:47: release.commit: variable GIT_COMMIT is not set; set it, or choose "
        "another environment"
    )
    assert [line.split(" variable ")[1].split(" is ")[0] for line in lines] == [
        "GIT_COMMIT",
        "API_URL",
        "API_TOKEN",
        "RPC_URL",
        "ESCROW",
        "DATABASE_URL",
    ]


def test_a_variable_that_is_set_to_nothing_is_not_set(
    read: Loading, shop: str, variables: dict[str, str]
) -> None:
    with pytest.raises(ManifestError, match=r":8:14: .*url: variable API_URL is set to nothing"):
        read(shop).resolve("staging", variables | {"API_URL": " "})


def test_an_environment_that_is_not_declared(read: Loading, shop: str) -> None:
    with pytest.raises(UsageError, match="no environment stagin; did you mean staging"):
        read(shop).resolve("stagin", {})


def test_loading_needs_no_variable(read: Loading, shop: str) -> None:
    manifest = read(shop).manifest
    assert manifest.release.commit == "${GIT_COMMIT}"
    assert manifest.default_environment == "staging"
    assert len(manifest.digest) == 64
    declared = manifest.environments["staging"]
    assert declared.access is Access.TRANSACT
    assert not declared.sandbox
    assert declared.services == declared.health == declared.identities == declared.sampled
    assert declared.endpoints == ("api.orders", "api.buy")
    assert declared.pages == declared.migrated == ()
    assert declared.accounts == ("arbiter",)
    assert manifest.checklist[0].stage is Stage.PRE_DEPLOY
    assert manifest.checklist[1].severity is Severity.P0
    assert manifest.triggers[0].limit == 0.05
    assert manifest.rollback["api"].run == ("kubectl", "rollout", "undo", "deployment/api")
    assert manifest.signers["cto"] == "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"


def test_values_of_the_environment(read: Loading, shop: str, variables: dict[str, str]) -> None:
    resolved = read(shop).resolve("staging", variables)
    environment = resolved.environment
    assert resolved.release.commit == variables["GIT_COMMIT"]
    assert environment.name == "staging"
    assert environment.services["api"].health is not None
    assert environment.services["api"].health.healthy == {
        "status": Expectation(equals="ok", states_equals=True)
    }
    assert environment.credentials["admin"].value == "Bearer token-of-the-admin"
    state = environment.contracts["escrow"].state
    assert state["currentState"] == ViewExpectation(one_of=(0, 1))
    assert state["paused"] == ViewExpectation(equals=False, states_equals=True)
    # Written in lower case, as deployment tools do, it gets its checksum.
    assert environment.contracts["escrow"].address == "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    step = environment.flows["life"].steps[0]
    assert (step.sender, step.value) == ("buyer", 10**17)
    assert environment.external["quotes"].answer.status == (200,)


def test_the_release_alone(read: Loading, shop: str) -> None:
    assert read(shop).resolve_release({"GIT_COMMIT": "abc"}).commit == "abc"
    with pytest.raises(ManifestError, match="variable GIT_COMMIT is not set"):
        read(shop).resolve_release({})


def test_a_number_may_come_from_a_variable(
    read: Loading, shop: str, variables: dict[str, str]
) -> None:
    loaded = read(shop.replace("      id: 1\n", '      id: "${CHAIN}"\n'))
    environment = loaded.resolve("staging", variables | {"CHAIN": "31337"}).environment
    assert environment.chain is not None
    assert environment.chain.id == 31337


@pytest.mark.parametrize(
    ("old", "new", "value", "message"),
    [
        ("id: 1\n", 'id: "${V}"\n', "one", "chain.id: the value of ${V} is not an integer"),
        ("id: 1\n", 'id: "1${V}"\n', "1", "chain.id: the value of 1${V} is not an integer"),
        ("id: 1\n", 'id: "${V}"\n', "0", "chain.id: the value of ${V} is not an integer of at"),
        ("status: ok", 'status: "${V}"', "0x" + "Ab" * 20, "${V} holds no valid address"),
        ('"${ESCROW}"', '"${V}"', "0x" + "3" * 64, "${V} is not an account's address"),
        ('"${API_URL}"', '"${V}"', "user:pass-word@host", "${V} is not an absolute http"),
        ("rate: 20/s", 'rate: "${V}"', "fast", "${V} is not a rate"),
        ("samples: 100", 'samples: "${V}"', "5000", "max_samples: is less than samples"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_not_shown(
    read: Loading,
    shop: str,
    variables: dict[str, str],
    old: str,
    new: str,
    value: str,
    message: str,
) -> None:
    text = shop.replace(old, new, 1).replace("samples: 100}", "samples: 100, max_samples: 200}")
    loaded = read(text.replace('samples: "${V}"}', 'samples: "${V}", max_samples: 200}'))
    with pytest.raises(ManifestError) as refused:
        loaded.resolve("staging", variables | {"V": value})
    assert message in str(refused.value)
    assert len(value) < 8 or value not in str(refused.value)


def test_an_immutable_may_come_from_a_variable_and_is_looked_at_then(
    read: Loading, shop: str, variables: dict[str, str]
) -> None:
    line = '        address: "${ESCROW}"\n'
    assert line in shop
    text = shop.replace(line, line + '        immutables: {logic: "${ESCROW}"}\n', 1)
    escrow = read(text).resolve("staging", variables).environment.contracts["escrow"]
    assert escrow.immutables == {"logic": variables["ESCROW"]}
    other = text.replace('logic: "${ESCROW}"', 'logic: "${LOGIC}"')
    with pytest.raises(ManifestError, match="is no address, number"):
        read(other).resolve("staging", variables | {"LOGIC": "nonsense"})


def test_a_name_that_a_variable_gives_must_be_declared_too(
    read: Loading, shop: str, variables: dict[str, str]
) -> None:
    loaded = read(shop.replace("database: orders,", 'database: "${V}",'))
    agreements = loaded.resolve("staging", variables | {"V": "orders"}).environment.agreements
    assert agreements["book"].database == "orders"
    with pytest.raises(ManifestError, match="no database order; did you mean orders"):
        loaded.resolve("staging", variables | {"V": "order"})


def test_what_a_variable_holds_is_not_read_again(
    read: Loading, shop: str, variables: dict[str, str]
) -> None:
    loaded = read(shop.replace("status: ok", 'status: "$${A} ${B}"'))
    healthy = loaded.resolve("staging", variables | {"B": "${GIT_COMMIT}"}).environment
    assert healthy.services["api"].health is not None
    assert (
        healthy.services["api"].health.healthy[ValuePath("status")].equals == "${A} ${GIT_COMMIT}"
    )


def test_a_second_rpc_that_is_the_first_agrees_with_itself(
    read: Loading, shop: str, variables: dict[str, str]
) -> None:
    loaded = read(shop.replace("      id: 1\n", '      id: 1\n      second_rpc: "${SECOND}"\n'))
    with pytest.raises(ManifestError, match=r"chain\.second_rpc: is the same as rpc"):
        loaded.resolve("staging", variables | {"SECOND": variables["RPC_URL"]})


def test_secrets_are_what_nobody_may_see(
    read: Loading, shop: str, variables: dict[str, str]
) -> None:
    text = shop.replace(
        "answer: {status: 200}", 'headers: {X-Api-Key: "${QUOTES}"}, answer: {status: 200}'
    ).replace("      id: 1\n", '      id: 1\n      spending_key: "${SPENDER}"\n')
    more = {
        "QUOTES": "key-of-the-quotes",
        "SPENDER": "0x" + "1" * 64,
        "DEPLOY_KEY": "never-used-here",
        "SESSION_TOKEN_B": "a-session",
        "TOKEN_ADDRESS": "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "PATH": "/usr/bin",
    }
    assert set(read(text).resolve("staging", variables | more).secrets) == {
        "token-of-the-admin",
        "Bearer token-of-the-admin",
        "0123456789abcdef",
        "p%40ssword-1",
        "p@ssword-1",
        "key-of-the-quotes",
        "0x" + "1" * 64,
        "never-used-here",
        "a-session",
    }


@pytest.mark.parametrize(
    ("key_path", "line"),
    [
        ("environments.staging.contracts.escrow.state.paused", 25),
        (("environments", "staging", "services", "api", "health", "healthy", "status"), 9),
        ("environments.staging.services.api.timeout", 7),
        ("checklist[post.health].evidence", 59),
        (("checklist", "post.health", "severity"), 57),
        ("triggers.errors", 61),
        ("nothing.of.the.kind", 1),
    ],
)
def test_places(
    read: Loading, shop: str, tmp_path: Path, key_path: str | tuple[str, ...], line: int
) -> None:
    assert read(shop).place(key_path) == f"{tmp_path}/release.yaml:{line}"


EXTENDING = """\
  production:
    extends: staging
    access: read-only
    chain: {id: 5}
    flows: null
    contracts: {escrow: {state: {paused: {unchecked: it may be}}}}
checklist:
"""


def test_an_environment_may_be_like_another(
    read: Loading, shop: str, variables: Mapping[str, str]
) -> None:
    loaded = read(shop.replace("checklist:\n", EXTENDING))
    assert loaded.manifest.environments["production"].flows == ()
    environment = loaded.resolve("production", variables).environment
    assert environment.access is Access.READ_ONLY
    assert environment.chain is not None
    assert (environment.chain.id, environment.chain.rpc) == (5, variables["RPC_URL"])
    assert environment.contracts["escrow"].state["paused"].unchecked == "it may be"
    assert environment.contracts["escrow"].state["currentState"].one_of == (0, 1)
    assert loaded.place("environments.production.chain.rpc").endswith(":18")
    assert loaded.place("environments.production.chain.id").endswith(":49")


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("stagin", "no environment is called 'stagin'; did you mean staging?"),
        ("production", "an environment cannot extend itself"),
    ],
)
def test_an_environment_like_none(read: Loading, shop: str, base: str, message: str) -> None:
    text = EXTENDING.replace("extends: staging", f"extends: {base}")
    with pytest.raises(ManifestError) as refused:
        read(shop.replace("checklist:\n", text))
    assert f"environments.production.extends: {message}" in str(refused.value)


def test_an_inherited_mistake_is_one_mistake(read: Loading, shop: str) -> None:
    text = shop.replace("checklist:\n", EXTENDING).replace("rate: 20/s", "rate: 20")
    with pytest.raises(ManifestError) as refused:
        read(text)
    assert str(refused.value).count("\n") == 0
    assert "environments.staging.services.api.sampling.rate" in str(refused.value)
