"""`python -m agents.release switch|status`."""

import os

import typer

from agents.release import commands
from agents.release.options import (
    AsJson,
    Count,
    DryRun,
    GatewayUrl,
    Host,
    Namespace,
    ReleaseId,
    Route,
    SmokeUrl,
    Target,
    Wait,
)
from agents.release.smoke import CONFIRMATIONS, Gateway
from agents.release.switch import SwitchRequest
from agents.runtime.clock import SystemClock
from agents.runtime.logs import Redactor
from agents.runtime.names import APP_RELEASE
from agents.runtime.process import print_answer, run_agent

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Move traffic between colours, or prove it stayed.")


# One parameter per option of the command line, hence more than five.
@app.command()  # fmt: skip
def switch(namespace: Namespace, route: Route, to: Target, smoke_url: SmokeUrl, gateway_url: GatewayUrl, *,  # noqa: PLR0913
           host: Host = None, deadline_s: Wait = 120, confirmations: Count = CONFIRMATIONS, release_id: ReleaseId = "",
           dry_run: DryRun = False, as_json: AsJson = False) -> None:  # fmt: skip
    """Prove the colour, move the traffic, see it arrive; on any failure put it back."""
    gateway = Gateway(gateway_url, host, confirmations)
    chosen = release_id or f"{to}-{SystemClock().now():%Y%m%dT%H%M%SZ}"
    request = SwitchRequest(namespace, route, to, smoke_url, gateway, chosen, deadline_s=deadline_s, dry_run=dry_run)
    with run_agent(APP_RELEASE, Redactor()) as log:
        answer = commands.switch_traffic(request, commands.connect_cluster(os.environ), clock=SystemClock(), log=log)
        print_answer(answer.data, answer.lines, as_json=as_json)


@app.command()
def status(namespace: Namespace, route: Route, *, as_json: AsJson = False) -> None:
    """Show the weights and the last release."""
    with run_agent(APP_RELEASE, Redactor()):
        answer = commands.show_status(commands.connect_cluster(os.environ), namespace, route)
        print_answer(answer.data, answer.lines, as_json=as_json)


if __name__ == "__main__":
    app(prog_name="python -m agents.release")
