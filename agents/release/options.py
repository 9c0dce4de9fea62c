"""The options of the command line, with the words that explain them."""

from typing import Annotated

import typer

from agents.runtime.names import Colour

Namespace = Annotated[str, typer.Option("--namespace", help="Namespace of the route.")]
Route = Annotated[str, typer.Option("--route", help="Name of the HTTPRoute, which is the application's name.")]
Target = Annotated[Colour, typer.Option("--to", help="Colour that shall have all traffic.")]
SmokeUrl = Annotated[str, typer.Option(help="The target colour's own Service.")]
GatewayUrl = Annotated[str, typer.Option(help="The gateway, as users reach it.")]
Host = Annotated[str | None, typer.Option(help="Host header for the gateway.")]
Wait = Annotated[float, typer.Option("--deadline-s", min=1, help="Longest smoke test, and longest confirmation.")]
Count = Annotated[int, typer.Option("--confirmations", min=1, help="Answers in a row that confirm a colour.")]
ReleaseId = Annotated[str, typer.Option(help="Name of the release; made from colour and time when left out.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
PolicyText = Annotated[str, typer.Option("--policy", help="Steps and gates as a JSON object; see docs/release.md.")]
Content = Annotated[
    str, typer.Option(help="What the target's slot was filled with; tells a repaired version from a bad one.")
]
To = Annotated[Colour | None, typer.Option("--to", help="Colour that serves well, where no release says so.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="Most releases to show.")]
StableUrl = Annotated[str, typer.Option(help="The other colour's own Service, for gates that compare.")]

# The namespace that environments/base.yaml names; a person in an emergency should not have to remember it.
APPS = "cryoprotect"
AppsNamespace = Annotated[str, typer.Option("--namespace", help="Namespace of the route.")]
AppRoute = Annotated[str, typer.Option("--route", help="Name of the HTTPRoute, which is the application's name.")]
Release = Annotated[str, typer.Argument(help="Name of the release, as `cryo release status` shows it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; the record keeps it.")]
Follow = Annotated[bool, typer.Option("--watch", help="Print each new phase as it comes, until the release ends.")]
