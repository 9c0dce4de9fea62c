import json
import subprocess
import sys


def test_a_seeded_sample_of_every_fault_is_found_and_named_and_clean_runs_are_quiet(repository) -> None:
    arguments = ["--faults", "30", "--sources", "2", "--clean", "10", "--seed", "7"]
    run = subprocess.run(
        [sys.executable, "bench/backup_faults.py", *arguments],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )

    figures = json.loads(run.stdout.splitlines()[-1])["figures"]
    assert run.returncode == 0, figures
    assert figures["kinds"] == 15
    assert (figures["found"], figures["named"], figures["false_alarms"]) == (30, 30, 0)
    assert (figures["source_found"], figures["source_named"]) == (2, 2)
