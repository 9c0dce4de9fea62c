"""A server with everything switched the wrong way, against one with nothing wrong."""

import psycopg
import pytest
from health_servers import GOOD, find_debian, load_base, start_server
from planting import ask, objects

from agents.health.findings import Status
from agents.health.registry import load_checks

BAD = {
    "autovacuum": "off",
    "effective_cache_size": "1MB",
    "enable_seqscan": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "log_lock_waits": "off",
    "maintenance_work_mem": "4MB",
    "password_encryption": "md5",
    "random_page_cost": "4",
    "synchronous_commit": "off",
    "synchronous_standby_names": "nobody",
    "track_activities": "off",
    "track_counts": "off",
    "track_io_timing": "off",
    "work_mem": "64MB",
    "zero_damaged_pages": "on",
}
EXPECTED = {
    "configuration.cache_size_understated": ["effective_cache_size"],
    "configuration.checksums_off": ["data_checksums"],
    "configuration.commit_not_durable": ["synchronous_commit"],
    "configuration.corruption_hidden": ["zero_damaged_pages"],
    "configuration.durability_off": ["fsync", "full_page_writes"],
    "configuration.io_timing_off": ["track_io_timing"],
    "configuration.log_silent": ["log_lock_waits", "log_min_duration_statement", "log_temp_files"],
    "configuration.maintenance_memory_small": ["maintenance_work_mem"],
    "configuration.memory_oversold": ["work_mem"],
    "configuration.password_encryption": ["password_encryption"],
    "configuration.planner_forced": ["enable_seqscan"],
    "configuration.random_page_cost": ["random_page_cost"],
    "configuration.statistics_off": ["track_activities"],
    "replication.archive_off": ["server"],
    "replication.sync_standby_missing": ["server"],
    "security.hba_trust": ["pg_hba.conf line *"],
    "vacuum.autovacuum_off": ["autovacuum", "track_counts"],
}


@pytest.fixture(scope="module")
def bad():
    with start_server(find_debian(), BAD, init=()) as running:
        hba = running.folder / "data" / "pg_hba.conf"
        hba.write_text(hba.read_text(encoding="utf-8") + "host all all 10.11.12.0/24 trust\n", encoding="utf-8")
        with running.connect("postgres") as conn:
            conn.execute("select pg_reload_conf()")
        yield running


@pytest.mark.parametrize("check", EXPECTED)
def test_a_bad_setting_is_found_and_a_good_one_is_not(debian, bad, check):
    with debian.connect() as conn:
        good = ask(conn, check)
    with bad.connect("postgres") as conn:
        outcome = ask(conn, check)

    assert (good.status, good.reason, objects(good)) == (Status.OK, None, [])
    assert len(objects(outcome)) == len(EXPECTED[check]), objects(outcome)
    if "*" not in EXPECTED[check][0]:
        assert objects(outcome) == EXPECTED[check]


def test_a_page_that_the_disk_changed_is_found():
    """Bytes are changed while the server is down, as a bad disk would do it."""
    with start_server(find_debian(), GOOD) as server:
        load_base(server)
        with server.connect() as conn:
            conn.execute("create table public.planted as select n as id from generate_series(1, 1000) as n")
            path = conn.execute("select pg_relation_filepath('public.planted')").fetchone()[0]
            assert ask(conn, "configuration.checksum_failures").status is Status.OK
        server.control("--mode=fast", "stop")
        with (server.folder / "data" / path).open("r+b") as file:
            file.seek(4000)
            file.write(b"\xff" * 8)
        server.control("start")
        with server.connect() as conn:
            with pytest.raises(psycopg.errors.DataCorrupted):
                conn.execute("select count(*) from public.planted")
            conn.execute("select pg_stat_force_next_flush()")
            outcome = ask(conn, "configuration.checksum_failures")

    assert objects(outcome) == ["base"]
    assert load_checks()["configuration.checksum_failures"].severity.value == outcome.status.value
