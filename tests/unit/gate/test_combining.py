"""Combining records: in any order and grouping as if one run had recorded everything."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_metarelease.checklist import Checklist, Scope
from pytest_metarelease.errors import PacketError
from pytest_metarelease.gate import decide
from pytest_metarelease.gate.combining import combine
from pytest_metarelease.gate.record_json import dump, record_from_json, record_to_json
from pytest_metarelease.gate.shards import falls_to, oldest, slice_of
from pytest_metarelease.gate.values import Finding, Part, Reason, Record, Target, Verdict
from pytest_metarelease.manifest.model import EvidenceNeed
from pytest_metarelease.outcome import Outcome
from tests.unit.gate.given import ENVIRONMENT, NOW, Given, check_of, cited, item, passed, result
from tests.unit.gate.test_algebra import NAMES, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_metarelease.gate.values import Decision


def part(number: int | None = 1, shards: int | None = 2, **more: Any) -> Part:
    whole: dict[str, Any] = {
        "run_id": f"run-{number}",
        "started_at": NOW,
        "finished_at": NOW,
        "expression": "post_deploy",
        "items": NAMES,
        "shard": number,
        "shards": shards,
    }
    return Part(**(whole | more))


def judged(run: Given, record: Record) -> Decision:
    scope = run.scope or Scope("post_deploy", tuple(one.id for one in run.items), complete=True)
    checklist = Checklist.of(run.manifest(), ENVIRONMENT)
    return decide(checklist, scope, run.lock or run.locked(), record, now=NOW)


def shards_of(run: Given, owner: Callable[[int], int], count: int) -> list[Record]:
    """The record of ``run``, as ``count`` machines would have made it."""
    whole = run.recorded()
    found = []
    explained = [_shows_failure(one) for one in whole.results.values()]
    for number in range(1, count + 1):
        results = {
            nodeid: one
            for at, (nodeid, one) in enumerate(whole.results.items())
            if owner(at) % count == number - 1
        }
        names = {each.measurement for one in results.values() for each in one.citations}
        exit_code = whole.pytest_exit
        if exit_code == 1 and any(explained):
            exit_code = int(any(map(_shows_failure, results.values())))
        found.append(
            replace(
                whole,
                run_id=f"run-{number}",
                pytest_exit=exit_code,
                results=results,
                measurements={key: one for key, one in whole.measurements.items() if key in names},
                parts=(part(number, count),),
            )
        )
    return found


def _shows_failure(one: Any) -> bool:
    return one.outcome in (Outcome.FAILED, Outcome.BROKEN) or one.code == "not-ready"


def told(decision: Decision) -> tuple[Any, ...]:
    """What a decision says, apart from ids of measurements."""
    return (
        decision.verdict,
        decision.title,
        [
            (
                one.id,
                one.state,
                one.verdict,
                one.met,
                [(each.code, each.text) for each in one.reasons],
            )
            for one in decision.items
        ],
        [(one.id, one.state, one.bad, one.total) for one in decision.triggers],
        decision.rollback,
        [one.nodeid for one in decision.unclaimed],
        [one.reason for one in decision.findings],
        list(decision.notes),
    )


def test_trivially_not_go() -> None:
    with pytest.raises(PacketError, match="no shard is left"):
        combine([], "all")
    run = Given(tuple(map(item, NAMES)))
    nothing = replace(run.recorded(), results={}, measurements={}, parts=(part(1, 1),))
    assert judged(run, combine([nothing], "all")).verdict is Verdict.HOLD


@given(runs(), st.integers(1, 4), st.lists(st.integers(0, 3), min_size=8, max_size=8))
def test_combined_is_as_one_run_over_everything(run: Given, count: int, owners: list[int]) -> None:
    shards = shards_of(run, owners.__getitem__, count)
    assert told(judged(run, combine(shards, "all"))) == told(judged(run, run.recorded()))


@given(
    runs(),
    st.lists(st.integers(0, 2), min_size=8, max_size=8),
    st.permutations(range(3)),
    st.booleans(),
)
def test_order_and_grouping_do_not_matter(
    run: Given, owners: list[int], order: list[int], left: bool
) -> None:
    shards = shards_of(run, owners.__getitem__, 3)
    flat = combine(shards, "all")
    first, second, third = (shards[one] for one in order)
    grouped: Sequence[Record] = (
        [combine([first, second], "some"), third]
        if left
        else [first, combine([second, third], "x")]
    )
    assert record_to_json(combine(grouped, "all")) == record_to_json(flat)


@given(runs(), st.lists(st.integers(0, 2), min_size=8, max_size=8), st.permutations(range(3)))
def test_order_and_grouping_do_not_matter_where_results_repeat(
    run: Given, owners: list[int], order: list[int]
) -> None:
    """The same results again from other machines, as a job that was run again leaves them."""
    shards = shards_of(run, owners.__getitem__, 2)
    again = replace(shards[0], run_id="run-again", parts=(part(1, 2, run_id="run-again"),))
    again = replace(again, results=run.recorded().results)
    every = [*shards, again]
    first, second, third = (every[one] for one in order)
    grouped = combine([first, combine([second, third], "some")], "all")
    assert record_to_json(grouped) == record_to_json(combine(every, "all"))


@given(runs(), st.lists(st.integers(0, 2), min_size=8, max_size=8), st.integers(0, 2))
def test_a_lost_shard_is_never_go(run: Given, owners: list[int], lost: int) -> None:
    shards = shards_of(run, owners.__getitem__, 3)
    del shards[lost]
    decision = judged(run, combine(shards, "all"))
    assert decision.verdict is not Verdict.GO
    assert "shard-missing" in [one.reason.code for one in decision.findings]
    assert f"shard {lost + 1} of 3 is missing" in [one.reason.text for one in decision.findings]


@given(runs(), st.lists(st.integers(0, 2), min_size=8, max_size=8), st.data())
def test_a_lost_result_of_a_locked_check_is_never_go(
    run: Given, owners: list[int], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(NAMES))
    before = judged(run, combine(shards_of(run, owners.__getitem__, 3), "all"))
    shards = [
        replace(one, results={key: r for key, r in one.results.items() if key != check_of(name)})
        for one in shards_of(run, owners.__getitem__, 3)
    ]
    after = judged(run, combine(shards, "all"))
    if before.verdict is not Verdict.GO:
        assert after.verdict is not Verdict.GO


def three() -> tuple[Given, list[Record]]:
    run = Given(tuple(map(item, NAMES)))
    return run, shards_of(run, lambda at: at, 3)


def test_a_shard_alone_is_hold_and_says_so() -> None:
    run, shards = three()
    decision = judged(run, shards[0])
    assert (decision.verdict, decision.title) == (Verdict.HOLD, "HOLD (shard 1 of 3)")
    decision = judged(run, combine(shards[1:], "all"))
    assert decision.title == "HOLD (shards 2, 3 of 3)"


def test_a_shard_without_items_left_is_hold_all_the_same() -> None:
    run, shards = three()
    full = replace(shards[0], results=run.recorded().results)
    assert judged(run, replace(full, measurements=run.recorded().measurements)).verdict is (
        Verdict.HOLD
    )


def test_all_shards_are_go_and_keep_their_parts_as_json() -> None:
    run, shards = three()
    whole = combine(shards, "all")
    assert (judged(run, whole).title, [one.shard for one in whole.parts]) == ("GO", [1, 2, 3])
    assert dump(record_to_json(record_from_json(record_to_json(whole)))) == (
        dump(record_to_json(whole))
    )


DIFFERENT: dict[str, tuple[dict[str, Any], str]] = {
    "manifest": ({"manifest_digest": "other"}, "different manifests"),
    "lock": ({"lock_digest": "other"}, "different locks"),
    "no lock": ({"lock_digest": None}, "different locks"),
    "version": ({"release_version": "9"}, "different release versions"),
    "commit": ({"release_commit": "d" * 40}, "different release commits"),
    "environment": ({"environment": "there"}, "different environments"),
    "scope": ({"parts": (part(2, 3, expression="daily"),)}, r"different scopes \(-m\)"),
    "items": ({"parts": (part(2, 3, items=NAMES[:1]),)}, r"different scopes \(-m\)"),
    "count": ({"parts": (part(2, 4),)}, "different counts of shards: 3 and 4"),
    "no parts": ({"parts": ()}, "does not say what it is a part of"),
    "the same shard": ({"parts": (part(1, 3),)}, r"shard 1 of 3 is given 2 times"),
    "the same run id": ({"parts": (part(2, 3, run_id="run-1"),)}, "carry one run id, run-1"),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_does_not_belong_together_is_refused(name: str) -> None:
    _run, (first, second, _third) = three()
    changes, message = DIFFERENT[name]
    for pair in ([first, replace(second, **changes)], [replace(second, **changes), first]):
        with pytest.raises(PacketError, match=message):
            combine(pair, "all")


def at_block(record: Record, digest: str | None) -> Record:
    block: dict[str, Any] = {"chain_id": 1, "block_number": 7, "block_hash": digest}
    if digest is None:
        return record
    return replace(record, parts=(replace(record.parts[0], **block),), target=Target(**block))


def test_another_block_is_refused_and_none_is_not() -> None:
    _run, (first, second, third) = three()
    with pytest.raises(PacketError, match=r"different chain snapshots.*--release-block"):
        combine([at_block(first, "0xaa"), at_block(second, "0xbb")], "all")
    with pytest.raises(PacketError, match="different chain snapshots"):
        combine([combine([at_block(first, "0xaa"), second], "x"), at_block(third, "0xbb")], "all")
    whole = combine([at_block(first, "0xaa"), at_block(second, None), third], "all")
    assert (whole.target.block_hash, whole.target.chain_id) == ("0xaa", 1)


def test_every_sandbox_has_a_chain_of_its_own() -> None:
    _run, shards = three()
    rehearsed = [
        replace(at_block(one, f"0x{number}"), rehearsal=True) for number, one in enumerate(shards)
    ]
    assert combine(rehearsed, "all").target.block_hash is None
    real = replace(rehearsed[0], rehearsal=False)
    with pytest.raises(PacketError, match="different chain snapshots"):
        combine([real, *rehearsed[1:]], "all")


def test_of_two_results_the_worse_stands_and_it_is_said() -> None:
    run, shards = three()
    name = check_of(NAMES[0])
    worse = replace(shards[1], results={**shards[1].results, name: result(name, Outcome.FAILED)})
    decision = judged(run, combine([shards[0], worse, shards[2]], "all"))
    assert decision.verdict is Verdict.NO_GO
    assert "result-repeated" in [one.code for one in decision.notes]


def test_a_shard_that_was_run_twice_counts_with_its_worse_run() -> None:
    run, shards = three()
    name = check_of(NAMES[0])
    again = replace(
        shards[0],
        run_id="again",
        results={name: result(name, Outcome.BROKEN)},
        parts=(part(1, 3, run_id="again"),),
    )
    decision = judged(run, combine([*shards, again], "all"))
    assert decision.verdict is Verdict.HOLD
    assert {"shard-repeated", "result-repeated"} <= {one.code for one in decision.notes}


def test_too_little_evidence_twice_is_not_enough() -> None:
    run = Given((item(NAMES[0], evidence=(EvidenceNeed(subject="service:api", min=2),)),))
    name = check_of(NAMES[0])
    run.results = {name: passed(name, cited(1))}
    shards = shards_of(run, lambda _at: 0, 2)
    twice = replace(shards[1], results=shards[0].results, measurements=shards[0].measurements)
    assert judged(run, combine([shards[0], twice], "all")).verdict is Verdict.HOLD


def test_an_exit_that_nothing_explains_is_not_explained_by_another_shard() -> None:
    run, shards = three()
    odd = replace(shards[0], pytest_exit=1)
    excused = Finding(Verdict.HOLD, Reason("warning-is-failure", "x"))
    other = replace(shards[1], pytest_exit=1, findings=(excused,))
    decision = judged(run, combine([odd, other, shards[2]], "all"))
    assert "unexplained-exit" in [one.reason.code for one in decision.findings]


@pytest.mark.parametrize("exit_code", [2, 3, 4, 5, 6, None])
def test_one_bad_exit_is_enough(exit_code: int | None) -> None:
    run, shards = three()
    bad = replace(shards[1], pytest_exit=exit_code)
    assert judged(run, combine([shards[0], bad, shards[2]], "all")).verdict is Verdict.HOLD


def test_a_shard_that_cannot_be_read_is_named() -> None:
    run, shards = three()
    decision = judged(run, combine(shards, "all", ["shards/4: torn"]))
    assert decision.verdict is Verdict.HOLD
    assert [one.reason.text for one in decision.findings] == ["shards/4: torn"]


def test_a_combination_is_as_old_as_its_oldest_part() -> None:
    _run, shards = three()
    old = replace(shards[2], parts=(part(3, 3, finished_at="2026-11-22T12:00:00Z"),))
    assert oldest(combine([*shards[:2], old], "all")) == "2026-11-22T12:00:00Z"
    assert oldest(Given().recorded()) == NOW


@given(st.sets(st.text(max_size=9), max_size=30), st.integers(1, 9))
def test_every_check_is_in_exactly_one_slice(names: set[str], shards: int) -> None:
    slices = [slice_of(names, one, shards) for one in range(1, shards + 1)]
    assert sorted(one for each in slices for one in each) == sorted(names)
    assert max(map(len, slices)) - min(map(len, slices)) <= 1
    for name in names:
        assert sum(falls_to(name, one, shards) for one in range(1, shards + 1)) == 1
