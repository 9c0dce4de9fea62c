"""Every name that two parts must agree on: labels, objects, field managers, metrics.

The infra program imports this module and nothing else of the agents, so it needs the standard library only.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Colour(StrEnum):
    """The two slots of an application; one serves, the other waits or is being filled."""

    BLUE = "blue"
    GREEN = "green"

    @property
    def other(self) -> "Colour":
        """The slot that is not this one."""
        return Colour.GREEN if self is Colour.BLUE else Colour.BLUE


PART_OF = "cryoprotect"

LABEL_NAME = "app.kubernetes.io/name"
LABEL_INSTANCE = "app.kubernetes.io/instance"
LABEL_COMPONENT = "app.kubernetes.io/component"
LABEL_PART_OF = "app.kubernetes.io/part-of"
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_VERSION = "app.kubernetes.io/version"
LABEL_COLOUR = "cryoprotect.io/color"
LABEL_BACKUP_VERB = "cryoprotect.io/backup-verb"

APP_MODEL_SERVER = "model-server"
APP_POSTGRES = "postgres"
APP_PROMETHEUS = "prometheus"
APP_ALERTMANAGER = "alertmanager"
APP_GATEWAY = "gateway"
APP_MIGRATE = "migrate"
APP_RELEASE = "release"
APP_FLAGS = "flags"
APP_HEALTH = "health"
APP_BACKUP = "backup"
APP_BACKUP_JOB = "backup-job"
APP_OBJECT_STORE = "object-store"
APP_TRAINER = "trainer"
APP_ONCALL = "oncall"
ROLE_FLAGS = "cryo_flags"
ROLE_ONCALL = "cryo_oncall"

SERVICE_ACCOUNT_MIGRATE = "migrate"
SERVICE_ACCOUNT_RELEASE = "release"
SERVICE_ACCOUNT_MODEL_SERVER = "model-server"
SERVICE_ACCOUNT_TRAINER = "trainer"
SERVICE_ACCOUNT_PROMETHEUS = "prometheus"
SERVICE_ACCOUNT_GATEWAY = "gateway"
SERVICE_ACCOUNT_BACKUP = "backup"

PORT_HTTP = 8080
PORT_POSTGRES = 5432
PORT_PROMETHEUS = 9090
PORT_ALERTMANAGER = 9093
PORT_PGBACKREST = 8432
PORT_OBJECT_STORE = 9000

GATEWAY_API_GROUP = "gateway.networking.k8s.io"
GATEWAY_API_VERSION = "v1"
HTTP_ROUTES_PLURAL = "httproutes"

FIELD_MANAGER_RELEASE = "cryo-release"
FIELD_MANAGER_COMMAND = "cryo"
RELEASE_RECORD_KEY = "record.json"
ANNOTATION_CONTENT = "cryoprotect.io/content"

HEADER_COLOUR = "x-cryo-colour"
HEADER_VERSION = "x-cryo-version"
HEADER_REQUEST_ID = "x-request-id"

METRIC_MODEL_REQUESTS = "cryo_model_requests_total"
METRIC_MODEL_REQUEST_DURATION = "cryo_model_request_duration_seconds"
METRIC_MODEL_PREDICTIONS = "cryo_model_predictions_total"
METRIC_MODEL_INFO = "cryo_model_info"

# Cited: NAMEDATALEN - 1 in PostgreSQL's source; the server cuts a longer application_name without a word.
MAX_APPLICATION_NAME = 63
_APPLICATION_NAME = re.compile(r"cryo-(?P<agent>[a-z][a-z-]*)/(?P<colour>blue|green|none)/(?P<version>[^/]*)")


def service_name(app: str, colour: Colour) -> str:
    """Return the Service that always selects one colour of an application."""
    return f"{app}-{colour.value}"


def route_name(app: str) -> str:
    """Return the HTTPRoute that divides an application's traffic."""
    return app


def login_name(app: str) -> str:
    """Return the Job that lets a service's database role log in."""
    return f"{app}-login"


def release_record_name(route: str) -> str:
    """Return the ConfigMap that holds a route's release record."""
    return f"release-{route}"


def release_orders_name(route: str) -> str:
    """Return the ConfigMap that holds what people told a route's release."""
    return f"release-{route}-orders"


@dataclass(frozen=True, slots=True)
class SessionName:
    """Who holds a database session; a contract step reads it to see whether the old colour is gone."""

    agent: str
    colour: Colour | None
    version: str

    def format(self) -> str:
        """Write it as PostgreSQL's application_name, cut where the server would cut it."""
        colour = self.colour.value if self.colour else "none"
        return f"cryo-{self.agent}/{colour}/{self.version}"[:MAX_APPLICATION_NAME]

    @classmethod
    def parse(cls, application_name: str) -> Self | None:
        """Read it back; None means that the session is not one of ours."""
        found = _APPLICATION_NAME.fullmatch(application_name)
        if found is None:
            return None
        colour = None if found["colour"] == "none" else Colour(found["colour"])
        return cls(agent=found["agent"], colour=colour, version=found["version"])


def app_labels(app: str, *, component: str, managed_by: str) -> dict[str, str]:
    """Return the standard labels of an object; version and colour are added where they are known."""
    return {
        LABEL_NAME: app,
        LABEL_COMPONENT: component,
        LABEL_PART_OF: PART_OF,
        LABEL_MANAGED_BY: managed_by,
    }
