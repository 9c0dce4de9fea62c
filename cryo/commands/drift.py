"""`cryo drift` and `cryo preview`: what somebody did behind Git's back, and what a merge will do."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cryo.gitops.look import Eyes
    from cryo.output import Speaker
    from cryo.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("drift")(drift)
    app.command("preview")(preview)


def drift(
    *,
    take_back: Annotated[
        bool, typer.Option("--take-back", help="Write the declared fields of edited objects again, then compare.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Compare the cluster with what was deployed last; changes nothing unless told to.

    Told are objects that are gone, fields that differ, fields that somebody else wrote, and objects in our namespaces
    that are not in Git. Ends with 0 when there is none, with 70 when there is drift.
    """
    from cryo.errors import PermanentCryoError
    from cryo.output import Speaker
    from cryo.settings import read_settings

    settings, speaker = read_settings(os.environ), Speaker(as_json=json)
    eyes = _open(settings, speaker)
    taken = eyes.take_back() if take_back else ()
    found = eyes.drift()
    speaker.result(
        {"stack": settings.stack, "taken_back": taken, "drift": [asdict(each) for each in found]},
        "\n".join(map(str, found)) or f"{settings.stack}: what is there is what was deployed",
    )
    if found:
        speaker.step(
            f"{len(found)} differences; put each into Git, or take it back: `cryo drift --take-back` for fields that "
            "somebody wrote, `cryo pulumi up --refresh` for objects that are gone or differ"
        )
        raise typer.Exit(PermanentCryoError.exit_code)


def preview(
    *,
    since: Annotated[
        str, typer.Option("--since", help="What the change is compared with, such as origin/main.")
    ] = "main",
    no_cluster: Annotated[bool, typer.Option("--no-cluster", help="Leave out what Pulumi would do.")] = False,
    output: Annotated[Path | None, typer.Option("--output", help="Also write the comment to this file.")] = None,
    json: AsJson = False,
) -> None:
    """Tell what merging this checkout will do to the stack: traffic, versions, migrations with locks, objects.

    The text is Markdown, to be put under a pull request.
    """
    from cryo.gitops.compare import compare_revisions
    from cryo.gitops.page import write_markdown
    from cryo.output import Speaker
    from cryo.settings import read_settings

    settings, speaker = read_settings(os.environ), Speaker(as_json=json)
    objects = None if no_cluster else _open(settings, speaker).plan()
    found = compare_revisions(settings, since, objects)
    page = write_markdown(found)
    if output is not None:
        output.write_text(page, encoding="utf-8")
    speaker.result(asdict(found), page)


def _open(settings: "Settings", speaker: "Speaker") -> "Eyes":
    from cryo.gitops.look import Eyes
    from cryo.stack import open_stack
    from cryo.tools import get_tools

    tools = get_tools(settings, speaker.step)
    stack = open_stack(settings, tools)
    stack.select()
    return Eyes(settings, stack, tools, speaker.step)
