"""`cryo packages`, `cryo toolchain` and `cryo images`: have the parts without starting anything."""

import os
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("packages")(packages)
    app.command("toolchain")(toolchain)
    app.command("images")(images)


def packages(
    *, tests: Annotated[bool, typer.Option("--tests", help="Also what the integration tests need.")] = False
) -> None:
    """Install the Debian packages that the embedded cluster and the image builder need."""
    from cryo.output import Speaker
    from cryo.packages import HOST_PACKAGES, TEST_PACKAGES, install_packages
    from cryo.settings import read_settings

    wanted = (*HOST_PACKAGES, *TEST_PACKAGES) if tests else tuple(HOST_PACKAGES)
    install_packages(wanted, read_settings(os.environ).cache / "packages.log", Speaker(as_json=False).step)


def toolchain(*, json: AsJson = False) -> None:
    """Build the pinned Go tools that this cluster kind needs; cached by the hash of their inputs."""
    from cryo.output import Speaker
    from cryo.settings import read_settings
    from cryo.tools import get_tools

    speaker = Speaker(as_json=json)
    folders = get_tools(read_settings(os.environ), speaker.step).folders
    listing = "\n".join(f"{name:28} {folder}" for name, folder in folders.items())
    speaker.result({name: str(folder) for name, folder in folders.items()}, listing)


def images(*, json: AsJson = False) -> None:
    """Build the container images whose inputs changed and write the index that `built:` names refer to."""
    from cryo.deploy import get_images
    from cryo.output import Speaker
    from cryo.packages import HOST_PACKAGES, install_packages
    from cryo.settings import read_settings
    from cryo.tools import get_tools

    settings = read_settings(os.environ)
    speaker = Speaker(as_json=json)
    install_packages(HOST_PACKAGES, settings.cache / "packages.log", speaker.step)
    index = get_images(settings, get_tools(settings, speaker.step), speaker.step)
    entries = index.images.items()
    listing = "\n".join(f"{name:16} {image.ref} {image.size_bytes / 1e6:.0f} MB" for name, image in entries)
    speaker.result({name: image.ref for name, image in index.images.items()}, listing)
