"""Asks somebody else's service whether a release may take its first step; only a clear pass is one."""

from agents.release.gates import judge_webhook
from agents.release.probe import HttpProbe, NoAnswerError
from agents.release.record import ReleaseRecord
from agents.release.verdicts import Finding, Verdict


def ask_webhook(probe: HttpProbe, url: str, record: ReleaseRecord) -> Finding:
    """Post what is about to happen and read the verdict; no answer within the probe's timeout is inconclusive."""
    payload = {
        "release_id": record.release_id,
        "app": record.app,
        "from": record.source.value,
        "to": record.target.value,
        "versions": {colour.value: version for colour, version in record.versions.items()},
        "content": record.content,
        "phase": record.phase.value,
    }
    try:
        answer = probe.ask(url, payload=payload)
    except NoAnswerError as error:
        return Finding(Verdict.INCONCLUSIVE, (f"webhook: {error}",))
    try:
        said = answer.parse_json()
    except ValueError:
        said = None
    return judge_webhook(answer.status, said)
