"""`cryo release`: writes releases into Git, and the verbs of the agent; `cryo rollback` stands apart, for a hurry."""

import os
import re
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
_BEGIN = "begin"

Version = Annotated[str, typer.Argument(help="Version to release, which is a tag of the image.")]
Env = Annotated[str, typer.Option("--env", help="Environment file to edit, such as staging.")]
App = Annotated[str, typer.Option("--app", help="Application to release.")]
Image = Annotated[
    str | None, typer.Option("--image", help="Image with digest; default: what the registry has under that tag.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the commit message; write nothing.")]
Commit = Annotated[bool, typer.Option("--commit/--no-commit", help="Commit the file, and it alone.")]
Out = Annotated[Path | None, typer.Option("--out", help="File to write; default: standard output.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


class VersionFirst(TyperGroup):
    """Takes a version in the place of a verb: `cryo release 0.2.0 --env staging`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - the types of click
        """Name the verb that a bare version means."""
        return super().resolve_command(ctx, [_BEGIN, *args] if args and _VERSION.fullmatch(args[0]) else args)


def register(app: typer.Typer) -> None:
    """Mount the agent's own command line with the verbs that write to Git."""
    from agents.release.cli import app as agent
    from agents.release.cli import rollback

    agent.callback()(find_cluster)
    agent.command(_BEGIN)(begin)
    agent.command()(revert)
    agent.command()(page)
    app.add_typer(agent, name="release", cls=VersionFirst)

    @wraps(rollback)
    def roll_back(*arguments: object, **options: object) -> None:
        find_cluster()
        rollback(*arguments, **options)  # type: ignore[arg-type]

    app.command("rollback")(roll_back)


def find_cluster() -> None:
    """Move traffic between colours, or prove it stayed; `cryo release VERSION --env ENV` begins a release in Git.

    Outside a pod and without KUBECONFIG it is the platform's own cluster: nobody should load variables at 3 a.m.
    """
    from cryo.settings import read_settings
    from cryo.tools import kubeconfig_of

    if not os.environ.get("KUBERNETES_SERVICE_HOST"):
        os.environ.setdefault("KUBECONFIG", kubeconfig_of(read_settings(os.environ)))


# One parameter per option of the command line, hence more than five.
def begin(version: Version, env: Env, *, app: App = "model-server", image: Image = None, dry_run: DryRun = False,  # noqa: PLR0913
          commit: Commit = True, as_json: AsJson = False) -> None:  # fmt: skip
    """Fill the idle slot of ENV with VERSION, make it active and commit that; `pulumi up` then releases it."""
    from cryo.release.write import How, write_release

    written = write_release(_place(env, app), version, image=image, how=How(dry_run=dry_run, commit=commit))
    _tell(written, as_json=as_json)


def revert(env: Env, *, app: App = "model-server", dry_run: DryRun = False, commit: Commit = True,
           as_json: AsJson = False) -> None:  # fmt: skip
    """After a rollback: make Git say again which colour serves; the commit's message holds the release record."""
    from cryo.release.write import How, write_revert

    _tell(write_revert(_place(env, app), how=How(dry_run=dry_run, commit=commit)), as_json=as_json)


def page(env: Env, *, app: App = "model-server", out: Out = None) -> None:
    """Write the last release of ENV as one HTML page: inputs, phases with the numbers that decided, who and when."""
    from cryo.release.write import write_page

    text = write_page(_place(env, app))
    if out is None:
        typer.echo(text)
        return
    out.write_text(text, encoding="utf-8")
    typer.echo(f"{out}: written", err=True)


def _place(env: str, app: str) -> Any:  # noqa: ANN401 - imported when it is needed
    from cryo.release.write import Place
    from cryo.settings import read_settings

    settings = read_settings(os.environ)
    variables = {"CRYO_IMAGES_INDEX": str(settings.images_index), **os.environ}
    return Place(settings.repository, settings.environments, env, app, variables)


def _tell(written: Any, *, as_json: bool) -> None:  # noqa: ANN401 - imported when it is needed
    from cryo.output import Speaker

    done = f"committed as {written.commit}; push it, or run `pulumi up`" if written.commit else "not committed"
    document = {"path": str(written.path), "message": written.message, "commit": written.commit}
    Speaker(as_json=as_json).result(document, f"{written.message}\n{written.path.name}: {done}")
