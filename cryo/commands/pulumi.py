"""`cryo pulumi`: any Pulumi command on the chosen stack, with the right state, passphrase and tools."""

import os

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    settings = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": ["--cryo-help"]}
    app.command("pulumi", context_settings=settings)(pulumi)


def pulumi(context: typer.Context) -> None:
    """Run Pulumi, for example `cryo pulumi up`, `cryo pulumi preview --diff`, `cryo pulumi destroy`.

    The same as `eval "$(cryo env)"` and then `pulumi ...`, on the stack that CRYO_STACK names.
    """
    from cryo.output import Speaker
    from cryo.settings import read_settings
    from cryo.stack import open_stack
    from cryo.tools import get_tools

    settings = read_settings(os.environ)
    stack = open_stack(settings, get_tools(settings, Speaker(as_json=False).step))
    stack.select()
    raise typer.Exit(stack.run(*context.args))
