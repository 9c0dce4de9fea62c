"""Tells people without the database: when it is away, nothing can be kept, and that may be the very thing to tell.

The first step's people get one message per group and half hour through every channel, from this process's memory. The
notification itself is answered with 503, so Alertmanager sends it again until it is kept, and then the normal way pages
once more: one message twice is better than none.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Lock

from agents.oncall.around import Around
from agents.oncall.channels import Channels
from agents.oncall.errors import ChannelError
from agents.oncall.escalation import Order, decide_notice
from agents.oncall.messages import About, Message, write_message
from agents.oncall.outbox import Situation, plan_drafts
from agents.oncall.payload import Notice
from agents.oncall.roster import Roster
from agents.runtime.errors import SettingsError

# Chosen: as often as an escalation repeats its last step.
_AGAIN = timedelta(minutes=30)
# Chosen: more groups at once are one outage, and the first ones have told of it.
_MOST_GROUPS = 50
_WARNING = "The on-call database is away: this cannot be acknowledged and does not escalate.\n\n"


class Emergency:
    """Sends first steps from memory."""

    def __init__(self, channels: Channels, roster: Roster, around: Around) -> None:
        """Prepare; nothing is sent yet."""
        self._channels = channels
        self._roster = roster
        self._around = around
        self._told: Mapping[str, datetime] = {}
        self._lock = Lock()

    def tell(self, notice: Notice) -> int:
        """Send the first step of a group that fires; return how many messages were taken."""
        now = self._around.clock.now()
        if not notice.firing or not self._may_tell(notice.group_key, now):
            return 0
        incident = decide_notice(None, notice, self._roster, now).incident
        if incident is None or incident.stage == 0:
            return 0
        drafts = plan_drafts(Order.PAGE, incident, (), Situation(self._roster, frozenset(self._channels), now))
        written = write_message(About(Order.PAGE, 0, 0, 0), incident, link="", now=now)
        identity = f"emergency-{int(now.timestamp())}-{min(incident.fingerprints)}"
        message = Message(
            identity, written.subject.removesuffix(" #0"), _WARNING + written.text.split("\n\nAck")[0], ""
        )
        people = dict.fromkeys(draft.person for draft in drafts)
        return sum(self._send(message, person) for person in people)

    def _send(self, message: Message, person: str) -> int:
        taken = 0
        for name, channel in self._channels.items():
            try:
                channel.send(message, self._roster.people.get(person))
            except (ChannelError, SettingsError) as error:
                self._around.metrics.emergencies.labels("failed").inc()
                self._around.log.error("oncall.emergency.failed", channel=name, person=person, reason=str(error))  # noqa: TRY400 - its message is the whole story
            else:
                taken += 1
                self._around.metrics.emergencies.labels("sent").inc()
                self._around.log.warning("oncall.emergency.sent", channel=name, person=person, subject=message.subject)
        return taken

    def _may_tell(self, group_key: str, now: datetime) -> bool:
        with self._lock:
            recent = {key: at for key, at in self._told.items() if now - at < _AGAIN}
            may = group_key not in recent and len(recent) < _MOST_GROUPS
            self._told = {**recent, group_key: now} if may else recent
            return may
