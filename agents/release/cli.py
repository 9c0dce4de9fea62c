"""The command line of releases: `python -m agents.release`, and the same under `cryo release`."""

import os
import socket

import typer

from agents.release import by_hand, commands
from agents.release.ledger import Ledger
from agents.release.options import (
    APPS,
    AppRoute,
    AppsNamespace,
    AsJson,
    Content,
    Count,
    DryRun,
    Follow,
    GatewayUrl,
    Host,
    Limit,
    Namespace,
    PolicyText,
    Reason,
    Release,
    ReleaseId,
    Route,
    SmokeUrl,
    StableUrl,
    Target,
    To,
    Wait,
)
from agents.release.orders import Order
from agents.release.policy import Policy
from agents.release.request import SwitchRequest
from agents.release.smoke import CONFIRMATIONS, Gateway
from agents.runtime.clock import SystemClock
from agents.runtime.logs import Redactor
from agents.runtime.names import APP_MODEL_SERVER, APP_RELEASE
from agents.runtime.process import print_answer, run_agent

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Move traffic between colours, or prove it stayed.")


# One parameter per option of the command line, hence more than five.
@app.command()  # fmt: skip
def switch(namespace: Namespace, route: Route, to: Target, smoke_url: SmokeUrl, gateway_url: GatewayUrl, *,  # noqa: PLR0913
           host: Host = None, deadline_s: Wait = 120, confirmations: Count = CONFIRMATIONS, release_id: ReleaseId = "",
           policy: PolicyText = "", stable_url: StableUrl = "", content: Content = "", dry_run: DryRun = False,
           as_json: AsJson = False) -> None:  # fmt: skip
    """Prove the colour, move the traffic, see it arrive; on any failure put it back."""
    gateway = Gateway(gateway_url, host, confirmations)
    chosen = release_id or f"{to}-{SystemClock().now():%Y%m%dT%H%M%SZ}"
    with run_agent(APP_RELEASE, Redactor()) as log:
        request = SwitchRequest(namespace, route, to, smoke_url, gateway, chosen, deadline_s, dry_run=dry_run,
                                policy=Policy.parse(policy), stable_url=stable_url, content=content,
                                version=os.environ.get("CRYO_VERSION", ""), holder=socket.gethostname())  # fmt: skip
        ledger = Ledger.from_environ(os.environ, SystemClock(), log)
        cluster = commands.connect_cluster(os.environ)
        answer = commands.switch_traffic(request, cluster, ledger=ledger, clock=SystemClock(), log=log)
        print_answer(answer.data, answer.lines, as_json=as_json)


@app.command()
def status(namespace: AppsNamespace = APPS, route: AppRoute = APP_MODEL_SERVER, *, watch: Follow = False,
           as_json: AsJson = False) -> None:  # fmt: skip
    """Show the weights and the last release; with --watch each new phase until it ends."""
    with run_agent(APP_RELEASE, Redactor()):
        cluster = commands.connect_cluster(os.environ)
        if watch:
            commands.follow_release(cluster, namespace, route, clock=SystemClock(), tell=typer.echo)
        answer = commands.show_status(cluster, namespace, route)
        print_answer(answer.data, answer.lines, as_json=as_json)


@app.command()
def approve(release: Release, namespace: AppsNamespace = APPS, route: AppRoute = APP_MODEL_SERVER, *,
            as_json: AsJson = False) -> None:  # fmt: skip
    """Let the release that waits for a person go on; an approval of another release is refused."""
    with run_agent(APP_RELEASE, Redactor()):
        cluster = commands.connect_cluster(os.environ)
        answer = by_hand.give_order(cluster, namespace, route, order=Order.APPROVE, release_id=release)
        print_answer(answer.data, answer.lines, as_json=as_json)


@app.command()
def abort(release: Release, namespace: AppsNamespace = APPS, route: AppRoute = APP_MODEL_SERVER, *,
          as_json: AsJson = False) -> None:  # fmt: skip
    """End the release that runs: it puts the traffic back at its next look."""
    with run_agent(APP_RELEASE, Redactor()):
        cluster = commands.connect_cluster(os.environ)
        answer = by_hand.give_order(cluster, namespace, route, order=Order.ABORT, release_id=release)
        print_answer(answer.data, answer.lines, as_json=as_json)


@app.command()
def rollback(reason: Reason, namespace: AppsNamespace = APPS, route: AppRoute = APP_MODEL_SERVER, *,
             as_json: AsJson = False) -> None:  # fmt: skip
    """In an emergency: all traffic back to the colour that the last release came from, within a second."""
    with run_agent(APP_RELEASE, Redactor()) as log:
        clock = SystemClock()
        ledger = Ledger.from_environ(os.environ, clock, log)
        cluster = commands.connect_cluster(os.environ)
        answer = by_hand.roll_back(cluster, namespace, route, reason=reason, ledger=ledger, clock=clock, log=log)
        print_answer(answer.data, answer.lines, as_json=as_json)


@app.command()
def retry(release: Release, namespace: AppsNamespace = APPS, route: AppRoute = APP_MODEL_SERVER, *,
          as_json: AsJson = False) -> None:  # fmt: skip
    """Allow what was rolled back last to be released once more, unchanged; `pulumi up` then begins it."""
    with run_agent(APP_RELEASE, Redactor()):
        cluster = commands.connect_cluster(os.environ)
        answer = by_hand.allow_retry(cluster, namespace, route, release_id=release)
        print_answer(answer.data, answer.lines, as_json=as_json)


@app.command()
def repair(to: To = None, namespace: AppsNamespace = APPS, route: AppRoute = APP_MODEL_SERVER, *,
           as_json: AsJson = False) -> None:  # fmt: skip
    """Put weights that somebody edited back to what the last release left."""
    with run_agent(APP_RELEASE, Redactor()) as log:
        cluster = commands.connect_cluster(os.environ)
        answer = by_hand.repair_weights(cluster, namespace, route, to=to, clock=SystemClock(), log=log)
        print_answer(answer.data, answer.lines, as_json=as_json)


@app.command()
def history(route: AppRoute = APP_MODEL_SERVER, *, limit: Limit = 20, as_json: AsJson = False) -> None:
    """Show the releases that promoted or ended, newest first, from public.release_history; needs CRYO_DB_*."""
    with run_agent(APP_RELEASE, Redactor()) as log:
        ledger = Ledger.from_environ(os.environ, SystemClock(), log)
        answer = commands.show_history(ledger, route, limit=limit)
        print_answer(answer.data, answer.lines, as_json=as_json)
