"""Every dashboard, in the order in which people read them.

There is none for logs: the platform keeps no log store, and a panel without data source would be an empty promise.
"""

from dashboards.source import alerting, api, backups, database, hosts, models, overview, releases
from dashboards.source.model import Dashboard

DASHBOARDS: tuple[Dashboard, ...] = (
    overview.DASHBOARD,
    api.DASHBOARD,
    database.DASHBOARD,
    hosts.DASHBOARD,
    backups.DASHBOARD,
    models.DASHBOARD,
    releases.DASHBOARD,
    alerting.DASHBOARD,
)
