"""Doors that need more than one statement: teams and their owners, COPY, claims, pooled sessions, deleted accounts."""

# ruff: noqa: S608 - statements are made of our own words; whole statements are what is tested

import threading
from collections.abc import Callable

import psycopg
import pytest
from caller import Claimant, Database, token
from psycopg import errors as pg
from psycopg import sql
from world import make_id

TEAM = make_id("team a")
LEAVE = "delete from public.user_team_membership where user_id = '{}'"


def run_as(conn: psycopg.Connection, who: str, statement: str) -> psycopg.Cursor:
    conn.execute(token(who).become().encode())
    try:
        return conn.execute(statement.encode())
    finally:
        if conn.info.transaction_status is psycopg.pq.TransactionStatus.INTRANS:
            conn.execute("reset role; reset session authorization")


def test_creator_of_a_team_gets_it_returned_and_is_its_owner(connection) -> None:
    (team,) = run_as(connection, "loner", "insert into public.teams (name) values ('new') returning id").fetchone()
    roles = run_as(
        connection,
        "loner",
        "select user_id::text, team_roles.name from public.user_team_membership "
        f"join public.team_roles on team_roles.id = role_id where team_id = '{team}'",
    ).fetchall()

    assert roles == [(make_id("loner"), "owner")]
    assert run_as(connection, "loner", f"delete from public.teams where id = '{team}'").rowcount == 1


def test_last_owner_can_neither_leave_nor_be_taken_away(connection) -> None:
    for who in ("owner", "service_role"):
        with pytest.raises(pg.CheckViolation, match="without an owner"), connection.transaction():
            run_as(connection, who, LEAVE.format(make_id("owner")))


def test_owner_leaves_after_naming_another(connection) -> None:
    role = make_id("role owner")
    run_as(
        connection,
        "owner",
        f"update public.user_team_membership set role_id = '{role}' where user_id = '{make_id('admin')}'",
    )

    assert run_as(connection, "owner", LEAVE.format(make_id("owner"))).rowcount == 1


def test_nobody_changes_his_own_role_and_an_admin_cannot_make_owners(connection) -> None:
    for who, target in (("admin", "admin"), ("owner", "owner"), ("admin", "owner"), ("member", "viewer")):
        outcome = run_as(
            connection,
            who,
            f"update public.user_team_membership set role_id = '{make_id('role viewer')}' "
            f"where user_id = '{make_id(target)}'",
        )
        assert outcome.rowcount == 0, (who, target)
    with pytest.raises(pg.InsufficientPrivilege), connection.transaction():
        run_as(
            connection,
            "admin",
            f"update public.user_team_membership set role_id = '{make_id('role owner')}' "
            f"where user_id = '{make_id('member')}'",
        )


def test_two_owners_who_leave_at_once_cannot_both_go(cluster, rls_database: str) -> None:
    """Each sees the other as the owner who stays; the team's row makes the second wait and count again."""
    with cluster.connect(rls_database) as setup:
        setup.execute("insert into public.teams (id, name) values (%s, 'pair')", (make_id("team pair"),))
        setup.execute(
            "insert into public.user_team_membership (user_id, team_id, role_id) select unnest(%s::uuid[]), %s, %s",
            ([make_id("loner"), make_id("reader")], make_id("team pair"), make_id("role owner")),
        )
    try:
        with cluster.connect(rls_database) as first, cluster.connect(rls_database) as second:
            errors: list[psycopg.Error] = []

            def leave_second() -> None:
                try:
                    with second.transaction():
                        run_as(second, "reader", LEAVE.format(make_id("reader")))
                except psycopg.Error as error:
                    errors.append(error)

            with first.transaction():
                run_as(first, "loner", LEAVE.format(make_id("loner")))
                thread = threading.Thread(target=leave_second)
                thread.start()
                thread.join(0.5)
                assert thread.is_alive(), "the second must wait for the first"
            thread.join(10)

            assert [type(error) for error in errors] == [pg.CheckViolation]
    finally:
        with cluster.connect(rls_database) as cleanup:
            cleanup.execute("delete from public.teams where id = %s", (make_id("team pair"),))


def test_deleted_account_leaves_its_rows_without_creator_and_its_team_standing(connection) -> None:
    connection.execute("delete from auth.users where id = %s", (make_id("owner"),))
    connection.execute("delete from auth.users where id = %s", (make_id("creator"),))

    row = connection.execute(
        "select created_by, team_id::text from public.molecules where id = %s", (make_id("molecules a1"),)
    ).fetchone()
    assert row == (None, TEAM)


def test_created_by_cannot_be_changed_even_with_the_grant_but_by_the_service(rls: Database) -> None:
    change = f"update public.molecules set created_by = '{make_id('admin')}' where id = '{make_id('molecules a1')}'"
    rls.conn.execute("grant update on public.molecules to authenticated")

    refused, _ = rls.attempt(token("creator"), change)
    allowed, _ = rls.attempt(token("service_role"), change)

    assert isinstance(refused.error, pg.InsufficientPrivilege)
    assert "created_by of public.molecules cannot be changed" in str(refused.error)
    assert allowed.rowcount == 1


def copy_out(conn: psycopg.Connection, who: str) -> bytes:
    conn.execute(token(who).become().encode())
    with conn.cursor().copy("copy public.molecules (name) to stdout") as copy:
        return b"".join(bytes(chunk) for chunk in copy)


def test_copy_gives_what_select_gives(connection) -> None:
    visible = copy_out(connection, "loner").decode().split()

    assert sorted(visible) == ["<<molecules:av>>", "<<molecules:l1>>", "<<molecules:l2>>"]


def test_copy_in_is_refused(connection) -> None:
    connection.execute(token("loner").become().encode())
    with pytest.raises(psycopg.Error, match=r"row-level security|permission denied"):  # noqa: SIM117
        with connection.cursor().copy("copy public.molecules (name, smiles) from stdin") as copy:
            copy.write(b"x\tC\n")


def test_claim_of_the_service_under_another_role_opens_nothing(rls: Database) -> None:
    """PostgREST becomes the role of the claim, so this pair never comes from it; a forged setting looks like this."""
    forged = Claimant("authenticated", {"role": "service_role"})
    counted = "select auth.role(), (select count(*) from public.molecules), (select count(*) from public.teams)"

    assert rls.attempt(forged, counted)[0].rows == [("service_role", 0, 0)]


def test_service_role_passes_and_both_readings_agree(rls: Database) -> None:
    counted = "select auth.role() = 'service_role', count(*) from public.molecules"

    assert rls.attempt(token("service_role"), counted)[0].rows == [(True, len(rls.world.rows["molecules"]))]


@pytest.mark.parametrize(
    "more", ["set role postgres", "set session authorization postgres", "set session authorization service_role"]
)
def test_real_login_as_authenticator_becomes_nobody_greater(cluster, rls_database: str, more: str) -> None:
    password = cluster.password_file.read_text(encoding="utf-8").strip()
    with cluster.connect() as conn:
        conn.execute(sql.SQL("alter role authenticator login password {}").format(sql.Literal(password)))
    try:
        with cluster.connect(rls_database, user="authenticator") as conn:
            with pytest.raises(pg.InsufficientPrivilege):
                conn.execute(more.encode())
            with pytest.raises(pg.InsufficientPrivilege):
                conn.execute("select count(*) from public.molecules")
    finally:
        with cluster.connect() as conn:
            conn.execute("alter role authenticator nologin password null")


def test_pooled_session_keeps_nothing_of_the_request_before(cluster, rls_database: str) -> None:
    with cluster.connect(rls_database) as conn:
        with conn.transaction():
            conn.execute(token("owner").become().encode())
            assert conn.execute("select count(*) > 0 from public.molecules").fetchone() == (True,)
        with conn.transaction():
            conn.execute("set local session authorization authenticator; set local role authenticated")
            assert conn.execute("select auth.uid(), (select count(*) from public.molecules)").fetchone() == (None, 0)


def test_removed_member_cannot_touch_what_he_made_for_the_team(rls: Database) -> None:
    """He still sees the row that he created; changing and deleting went with his membership."""
    key, private = make_id("molecules ar"), make_id("molecules r1")
    attempts: dict[str, Callable[[str], str]] = {
        "update": lambda row: f"update public.molecules set name = 'x' where id = '{row}'",
        "take": lambda row: f"update public.molecules set team_id = null where id = '{row}'",
        "delete": lambda row: f"delete from public.molecules where id = '{row}'",
    }

    for name, write in attempts.items():
        assert rls.attempt(token("removed"), write(key))[0].is_refused, name
        assert rls.attempt(token("removed"), write(private))[0].rowcount == 1, name


def test_share_ends_when_its_sharer_loses_the_right(connection) -> None:
    """Nobody prepares access for the time after he was removed."""
    look = f"select count(*) from public.molecules where id = '{make_id('molecules a1')}'"
    before = run_as(connection, "reader", look).fetchone()
    connection.execute(
        "update public.user_team_membership set role_id = %s where user_id = %s",
        (make_id("role viewer"), make_id("creator")),
    )
    connection.execute("delete from public.shared_content where project_id is not null")

    assert (before, run_as(connection, "reader", look).fetchone()) == ((1,), (0,))


def test_identity_columns_need_no_grant_on_their_sequences(rls: Database) -> None:
    outcome, _ = rls.attempt(token("loner"), "insert into public.training_jobs (model_name) values ('x') returning id")

    assert outcome.rows[0][0] > 1000
    assert rls.attempt(token("loner"), "select nextval('public.training_jobs_id_seq')")[0].is_refused


def test_claims_that_are_no_json_are_an_error_and_not_a_way_in(connection) -> None:
    connection.execute("set local session authorization authenticator; set local role authenticated")
    connection.execute("select set_config('request.jwt.claims', 'not json', true)")

    with pytest.raises(pg.InvalidTextRepresentation):
        connection.execute("select count(*) from public.molecules")
