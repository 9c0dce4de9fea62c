from cryo.backup_job import make_job, split_output, template_selector

CRON_JOB = {
    "metadata": {"namespace": "cryoprotect", "name": "backup-command-1a2b"},
    "spec": {
        "suspend": True,
        "jobTemplate": {
            "metadata": {"labels": {"cryoprotect.io/backup-verb": "command"}},
            "spec": {
                "activeDeadlineSeconds": 60,
                "podFailurePolicy": {"rules": []},
                "template": {"spec": {"containers": [{"name": "backup-job", "args": ["-m", "agents.backup", "list"]}]}},
            },
        },
    },
}


def test_a_job_runs_what_was_asked_in_the_pod_of_the_schedule():
    job = make_job(CRON_JOB, ["run", "--type", "full"])

    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["-m", "agents.backup", "run", "--type", "full"]
    assert job["metadata"]["namespace"] == "cryoprotect"
    assert job["spec"]["activeDeadlineSeconds"] == 60
    assert "podFailurePolicy" not in job["spec"]


def test_the_schedule_itself_is_left_as_it_was():
    make_job(CRON_JOB, ["run"])

    args = CRON_JOB["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert args == ["-m", "agents.backup", "list"]


def test_templates_are_found_by_their_verb():
    assert template_selector("restore") == "cryoprotect.io/backup-verb=restore"


def test_the_answer_is_told_apart_from_the_log():
    log = '{"ts": "2026-11-24T15:00:00.000Z", "event": "backup.run.done"}'

    assert split_output([log, '{"backup": {}}', "a line", "{"]) == (['{"backup": {}}', "a line", "{"], [log])
