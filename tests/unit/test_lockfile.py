"""``checks.lock``: what is written is read, what is torn is refused, what differs is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_metarelease.checklist import Lock, LockedItem
from pytest_metarelease.errors import ManifestError
from pytest_metarelease.lockfile import differences, read_lock, render_lock, write_lock

if TYPE_CHECKING:
    from pathlib import Path

A, B = "a" * 64, "b" * 64
ITEMS = {
    "post.orders": LockedItem(B, {"sandbox": ("t.py::orders[a-b]",), "live": ("t.py::x y",)}),
    "post.health": LockedItem(
        A, {"sandbox": ("t.py::h", "t.py::i"), "live": ("t.py::h", "t.py::i")}
    ),
    "pre.audit": LockedItem(A, {}),
}


def test_a_missing_lock_is_not_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "checks.lock"
    assert read_lock(file).missing
    write_lock(file, {})
    assert not read_lock(file).missing
    assert read_lock(file).items == {}


def test_it_reads_what_it_wrote(tmp_path: Path) -> None:
    file = tmp_path / "checks.lock"
    write_lock(file, ITEMS)
    lock = read_lock(file)
    assert lock.items == ITEMS
    assert lock.checks("post.orders", "live") == ("t.py::x y",)
    assert [path.name for path in tmp_path.iterdir()] == ["checks.lock"]


def test_its_text(tmp_path: Path) -> None:
    text = "\n".join(render_lock(ITEMS).split("\n")[2:])
    assert text == (
        "items:\n"
        "  post.health:\n"
        f"    digest: {A}\n"
        "    environments:\n"
        '      "live, sandbox":\n'
        "        - t.py::h\n"
        "        - t.py::i\n"
        "  post.orders:\n"
        f"    digest: {B}\n"
        "    environments:\n"
        "      live:\n"
        '        - "t.py::x y"\n'
        "      sandbox:\n"
        "        - t.py::orders[a-b]\n"
        "  pre.audit:\n"
        f"    digest: {A}\n"
        "    environments: {}\n"
    )


def test_equal_items_give_equal_bytes() -> None:
    assert render_lock(dict(reversed(ITEMS.items()))) == render_lock(ITEMS)


NODE_IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c-d"]), st.sets(NODE_IDS, min_size=1), max_size=3)
)
def test_any_node_id_survives(
    tmp_path_factory: pytest.TempPathFactory, checks: dict[str, set[str]]
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.lock"
    items = {"post.x": LockedItem(A, {key: tuple(sorted(ids)) for key, ids in checks.items()})}
    write_lock(file, items)
    assert read_lock(file).items == items


MALFORMED = {
    "nothing": ("", "1:1: expected items; run `metarelease lock`"),
    "conflict": ("<<<<<<< HEAD\nitems: {}\n", "not readable as YAML"),
    "a list": ("- 1\n", "1:1: expected items"),
    "without items": ("things: {}\n", "1:1: items: is missing"),
    "unknown key": ("items: {}\nitem: {}\n", "2:1: item: unknown key; did you mean items?"),
    "torn": ("items:\n  a:\n    digest: abc\n", "3:5: items.a.environments: is missing"),
    "digest": (
        "items: {a: {digest: abc, environments: {}}}\n",
        "1:21: items.a.digest: is no SHA-256",
    ),
    "duplicate item": ("items:\n  a: 1\n  a: 2\n", "3:3: items.a: duplicate key"),
    "no list": (
        f"items: {{a: {{digest: {A}, environments: {{x: y}}}}}}\n",
        "items.a.environments.x: expected a list of node ids",
    ),
    "listed twice": (
        f"items: {{a: {{digest: {A}, environments: {{x: [y.py, y.py]}}}}}}\n",
        "items.a.environments.x: y.py is listed twice",
    ),
    "environment twice": (
        f'items: {{a: {{digest: {A}, environments: {{x: [y], "x, z": [y]}}}}}}\n',
        "items.a.environments.x, z: x is listed twice",
    ),
}


@pytest.mark.parametrize("case", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_lock_is_refused(tmp_path: Path, case: tuple[str, str]) -> None:
    text, expected = case
    file = tmp_path / "checks.lock"
    file.write_text(text)
    with pytest.raises(ManifestError) as refused:
        read_lock(file)
    assert str(refused.value).startswith(str(file))
    assert expected in str(refused.value)


def test_a_lock_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be written"):
        write_lock(tmp_path / "none" / "checks.lock", ITEMS)


def test_no_lock_differs_from_everything() -> None:
    assert differences(Lock(), ITEMS) == ("there is no lock yet",)


def test_nothing_differs_from_itself() -> None:
    assert differences(Lock(ITEMS, A), ITEMS) == ()


def test_differences_are_named() -> None:
    fresh = {
        "post.health": LockedItem(B, {"live": ("t.py::h",), "sandbox": ("t.py::h", "t.py::i")}),
        "post.new": LockedItem(A, {"live": ("t.py::n",)}),
        "pre.audit": ITEMS["pre.audit"],
    }
    assert differences(Lock(ITEMS, A), fresh) == (
        "post.health: what the manifest declares of it has changed",
        "post.health: - t.py::i (live)",
        "post.new: is not in the lock",
        "post.new: + t.py::n (live)",
        "post.orders: is in the lock, but not in the checklist",
        "post.orders: - t.py::orders[a-b] (sandbox)",
        "post.orders: - t.py::x y (live)",
    )
