"""The rules of promotion and retirement, without a disk."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_server.registry.record import (
    ALIASES,
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    Act,
    ModelRecord,
    Traffic,
    VersionEntry,
    assign_alias,
    clear_challenger,
    empty_record,
    merge_shipped,
    register_version,
    retire_version,
    set_served,
    share_traffic,
)

ACT = Act("2026-01-02T03:04:05Z", "ada", "better by two kelvins")


def entry(name="a", *, promotable=True):
    return VersionEntry(f"sha256:{name}", promotable=promotable, because=("mae 9 against 10",), registered=ACT)


@pytest.fixture
def record() -> ModelRecord:
    versions = {"1.0.0": entry("a"), "1.1.0": entry("b"), "1.2.0": entry("c", promotable=False)}
    return msgspec.structs.replace(empty_record("tg"), versions=versions, aliases={CHAMPION: "1.0.0"})


def test_promotion_moves_the_old_champion_to_previous_and_is_written_down(record):
    changed = assign_alias(record, CHAMPION, "1.1.0", ACT).record

    assert changed.aliases == {CHAMPION: "1.1.0", PREVIOUS: "1.0.0"}
    [noted] = changed.history
    assert (noted.action, noted.version, noted.replaced, noted.act) == ("promote", "1.1.0", "1.0.0", ACT)


def test_promoted_challenger_is_no_longer_one_and_gets_no_share(record):
    challenged = assign_alias(record, CHALLENGER, "1.1.0", ACT).record
    shared = share_traffic(challenged, Traffic(0.2, shadow=True), ACT).record

    changed = assign_alias(shared, CHAMPION, "1.1.0", ACT).record

    assert changed.aliases == {CHAMPION: "1.1.0", PREVIOUS: "1.0.0"}
    assert changed.traffic == Traffic()


def test_version_below_its_baseline_is_promoted_by_override_only_and_the_history_says_so(record):
    refused = assign_alias(record, CHAMPION, "1.2.0", ACT)
    forced = assign_alias(record, CHAMPION, "1.2.0", ACT, override=True).record

    assert refused.record is None
    assert "mae 9 against 10" in refused.because[0]
    assert forced.history[-1].override is True
    assert assign_alias(record, CHAMPION, "1.1.0", ACT, override=True).record.history[-1].override is False


REFUSED = [
    (CHAMPION, "9.9.9", ACT, "no version 9.9.9"),
    (PREVIOUS, "1.1.0", ACT, "not set by hand"),
    ("favourite", "1.1.0", ACT, "not set by hand"),
    (CHALLENGER, "1.0.0", ACT, "cannot challenge itself"),
    (CHAMPION, "1.1.0", Act("t", "ada", "why"), "reason of 8 to 500"),
    (CHAMPION, "1.1.0", Act("t", " ", "better by two kelvins"), "who decides"),
]


@pytest.mark.parametrize(("alias", "version", "act", "because"), REFUSED)
def test_assignment_that_is_refused_says_why(record, alias, version, act, because):
    decision = assign_alias(record, alias, version, act)

    assert decision.record is None
    assert because in "; ".join(decision.because)


def test_champion_cannot_be_retired_and_a_retired_version_cannot_lead(record):
    assert retire_version(record, "1.0.0", ACT).record is None
    retired = retire_version(record, "1.1.0", ACT).record

    assert retired.versions["1.1.0"].retired == ACT
    assert assign_alias(retired, CHAMPION, "1.1.0", ACT, override=True).record is None
    assert retire_version(retired, "1.1.0", ACT).record is retired


def test_retired_challenger_loses_alias_and_traffic(record):
    challenged = share_traffic(assign_alias(record, CHALLENGER, "1.1.0", ACT).record, Traffic(0.5), ACT).record

    retired = retire_version(challenged, "1.1.0", ACT).record

    assert (retired.aliases, retired.traffic) == ({CHAMPION: "1.0.0"}, Traffic())


def test_same_version_with_other_content_is_not_registered(record):
    assert register_version(record, "1.0.0", entry("z")).record is None
    assert register_version(record, "1.0.0", entry("a")).record is record
    assert register_version(record, "2.0.0", entry("z")).record.history[-1].action == "register"


def test_share_needs_a_challenger(record):
    assert share_traffic(record, Traffic(0.2), ACT).record is None
    assert clear_challenger(record, ACT).record is None


def test_newest_good_shipped_version_leads_a_model_that_nobody_decided_about():
    shipped = {"1.9.0": entry("a"), "1.10.0": entry("b"), "2.0.0": entry("c", promotable=False)}

    merged = merge_shipped(empty_record("tg"), shipped)

    assert merged.aliases == {CHAMPION: "1.10.0"}
    assert list(merged.versions) == ["1.9.0", "1.10.0", "2.0.0"]
    assert merge_shipped(empty_record("tg"), {"2.0.0": entry("c", promotable=False)}).aliases == {}


def test_new_image_brings_versions_but_decides_nothing(record):
    decided = assign_alias(record, CHAMPION, "1.1.0", ACT).record

    merged = merge_shipped(decided, {"3.0.0": entry("n"), "1.0.0": entry("other")})

    assert merged.aliases == decided.aliases
    assert merged.versions["1.0.0"] == decided.versions["1.0.0"]
    assert "3.0.0" in merged.versions


steps = st.lists(
    st.tuples(
        st.sampled_from(["champion", "challenger", "retire", "clear", "share", "serve"]),
        st.sampled_from(["1.0.0", "1.1.0", "1.2.0", "1.3.0"]),
        st.booleans(),
    ),
    max_size=25,
)


@given(steps)
def test_no_order_of_changes_leaves_an_alias_on_a_retired_or_unknown_version(changes):
    versions = {f"1.{n}.0": entry(str(n), promotable=n != 2) for n in range(4)}
    record = msgspec.structs.replace(empty_record("tg"), versions=versions, aliases={CHAMPION: "1.0.0"})
    for what, version, flag in changes:
        decide = {
            "champion": lambda r, v=version, o=flag: assign_alias(r, CHAMPION, v, ACT, override=o),
            "challenger": lambda r, v=version: assign_alias(r, CHALLENGER, v, ACT),
            "retire": lambda r, v=version: retire_version(r, v, ACT),
            "clear": lambda r: clear_challenger(r, ACT),
            "share": lambda r: share_traffic(r, Traffic(0.5), ACT),
            "serve": lambda r, s=flag: set_served(r, ACT, served=s),
        }[what]
        decision = decide(record)
        assert decision.because or decision.record
        record = decision.record or record

        assert CHAMPION in record.aliases
        assert set(record.aliases) <= set(ALIASES)
        assert all(record.versions[held].retired is None for held in record.aliases.values())
        assert record.aliases.get(CHALLENGER) != record.aliases[CHAMPION]
        assert record.traffic == Traffic() or CHALLENGER in record.aliases
    promoted = [each for each in record.history if each.action == "promote" and each.version == "1.2.0"]
    assert all(each.override for each in promoted)
