"""`cryo env`: variables for a shell, and what the environment files say."""

import os
import shlex
from dataclasses import asdict
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def register(app: typer.Typer) -> None:
    """Add the command with its verbs."""
    group = typer.Typer(
        help="Variables for a shell in which `pulumi` and `kubectl` work; and what the environment files say.",
        invoke_without_command=True,
        rich_markup_mode=None,
    )
    group.callback()(env)
    group.command()(check)
    group.command()(diff)
    group.command()(explain)
    app.add_typer(group, name="env")


def env(context: typer.Context, *, json: AsJson = False) -> None:
    """Print exports for a shell: eval "$(cryo env)", then `pulumi up` and `kubectl get pods -A` work.

    No variable holds a secret; the passphrase is named by its file. The verbs below read environment files instead.
    """
    from cryo.output import Speaker
    from cryo.settings import read_settings
    from cryo.stack import open_stack
    from cryo.tools import get_tools

    if context.invoked_subcommand is not None:
        return
    settings = read_settings(os.environ)
    speaker = Speaker(as_json=json)
    variables = open_stack(settings, get_tools(settings, speaker.step)).variables
    exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
    speaker.result(dict(variables), exports)


def check(
    stacks: Annotated[list[str] | None, typer.Argument(help="Environments; all when none is named.")] = None,
    *,
    json: AsJson = False,
) -> None:
    """Say of each environment file whether it can be deployed, and what is wrong with it."""
    from cryo.errors import PermanentCryoError
    from cryo.output import Speaker
    from cryo.settings import read_settings
    from infra.environment_files import BASE, load_environment
    from infra.errors import ConfigError

    folder = read_settings(os.environ).environments
    problems: dict[str, str] = {}
    names = stacks or sorted(path.stem for path in folder.glob("*.yaml") if path.name != BASE)
    for name in names:
        try:
            load_environment(folder, name)
        except ConfigError as error:
            problems[name] = str(error)
    if not names:
        message = f"{folder}: holds no environment besides {BASE}"
        raise PermanentCryoError(message)
    lines = [problems.get(name, f"{name}: can be deployed") for name in names]
    Speaker(as_json=json).result({"checked": names, "problems": problems}, "\n".join(lines))
    if problems:
        raise typer.Exit(PermanentCryoError.exit_code)


def diff(
    first: Annotated[str, typer.Argument(help="One environment.")],
    second: Annotated[str, typer.Argument(help="Another one.")],
    *,
    json: AsJson = False,
) -> None:
    """Tell every setting that differs between two environments."""
    from cryo.gitops.settings_change import compare_settings
    from cryo.output import Speaker
    from cryo.settings import read_settings
    from infra.environment_files import read_merged

    folder = read_settings(os.environ).environments
    changes = compare_settings(read_merged(folder, first), read_merged(folder, second))
    text = "\n".join(map(str, changes)) or f"{first} and {second} say the same"
    Speaker(as_json=json).result({"differences": [asdict(change) for change in changes]}, text)


def explain(
    key: Annotated[str, typer.Argument(help="Path of a setting or section, such as apps.model-server.active.")],
    *,
    json: AsJson = False,
) -> None:
    """Say what a setting means, what it is in the stack that CRYO_STACK names, and which line says so."""
    from cryo.output import Speaker
    from cryo.settings import read_settings
    from infra.explain import explain_settings

    settings = read_settings(os.environ)
    found = explain_settings(settings.environments, settings.stack, key)
    text = "\n".join(map(str, found))
    Speaker(as_json=json).result({"settings": [asdict(each) for each in found]}, text)
