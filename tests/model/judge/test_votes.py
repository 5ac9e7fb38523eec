"""What fails together counts once, whoever it speaks against."""

from __future__ import annotations

from huidu.model.judge.votes import BOTH, NONE, Ballot, Vote, Votes

BAD = Ballot(of_candidate=True, failed=True)


def test_calls_that_have_nothing_in_common_all_count() -> None:
    votes = Votes()
    assert [votes.of(BAD, 1.0) for _ in range(3)] == [BOTH] * 3


def test_a_retry_never_counts() -> None:
    assert Votes().of(BAD._replace(first_attempt=False), 1.0) == NONE


def test_calls_that_one_instance_takes_along_count_once() -> None:
    votes = Votes()
    crashes = [BAD._replace(crashed=instance) for instance in ("i1", "i1", "i2", "i1")]
    assert [votes.of(crash, 1.0) for crash in crashes] == [BOTH, NONE, BOTH, NONE]


def test_a_key_speaks_of_harm_once_in_a_rollout_whichever_version_it_met() -> None:
    votes, mine = Votes(), BAD._replace(key=7)
    heard = [
        votes.of(mine, 1.0).worse,
        votes.of(mine, 100.0).worse,
        votes.of(mine._replace(of_candidate=False), 200.0).worse,
        votes.of(mine._replace(key=8), 200.0).worse,
    ]
    assert heard == [True, False, False, True]


def test_good_calls_of_a_key_always_speak_against_harm() -> None:
    votes, mine = Votes(), Ballot(of_candidate=True, failed=False, key=7)
    assert all(votes.of(mine, 1.0).worse for _ in range(3))


def test_a_key_proves_something_once_good_and_once_bad_by_version_and_minute() -> None:
    votes, good = Votes(), Ballot(of_candidate=True, failed=False, key=7)

    def proves(ballot: Ballot, now: float) -> bool:
        return votes.of(ballot, now).fine

    assert proves(good, 1.0)
    assert not proves(good, 59.0)
    assert proves(good._replace(failed=True), 59.0)
    assert proves(good._replace(of_candidate=False), 59.0)
    assert proves(good, 61.0)


def test_both_tests_hear_whoever_has_not_spoken() -> None:
    assert Votes().of(BAD._replace(key=7), 0.0) == Vote(worse=True, fine=True)
