"""Turn image references of an environment file into something a node can pull.

`built:<name>` is looked up in the index that `cryo images build` writes; with `images.docker` the same name is built
by a Docker engine during the update instead. Every other reference is passed on as it stands.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pulumi

from infra.errors import ImageError
from infra.quantities import BUILT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi_docker

    from infra.config import DockerBuild, Environment

INDEX_VARIABLE = "CRYO_IMAGES_INDEX"
REGISTRY_USER = "CRYO_REGISTRY_USER"
REGISTRY_PASSWORD = "CRYO_REGISTRY_PASSWORD"  # noqa: S105 - the name of a variable, not its value
INDEX_SCHEMA = 1


class ImageSource(Protocol):
    """Knows what to run for an image of this repository."""

    def built(self, name: str) -> pulumi.Input[str]:
        """Return the reference of the image called `name`."""


@dataclass(frozen=True)
class IndexImages:
    """Images that the builder has already made, by name."""

    references: Mapping[str, str]
    origin: str

    def built(self, name: str) -> str:
        """Return the content-addressed reference of a built image.

        Raises:
            ImageError: the index does not have this image.
        """
        if name not in self.references:
            known = ", ".join(sorted(self.references)) or "none"
            message = f'{self.origin} has no image "{name}" (it has: {known}); run `cryo images build`'
            raise ImageError(message)
        return self.references[name]


class DockerImages:
    """Builds each image once per update with a Docker engine."""

    def __init__(self, settings: DockerBuild, *, root: Path, variables: Mapping[str, str]) -> None:
        """Keep the settings; the first `built` call registers the provider."""
        self._settings = settings
        self._root = root
        self._variables = variables
        self._provider: pulumi_docker.Provider | None = None
        self._images: dict[str, pulumi_docker.Image] = {}

    def built(self, name: str) -> pulumi.Output[str]:
        """Return the digest reference of an image that this update builds."""
        # Imported here: pulumi-docker is only needed, and perhaps only installed, where a Docker engine runs.
        import pulumi_docker  # noqa: PLC0415

        if self._provider is None:
            self._provider = pulumi_docker.Provider("docker", host=self._settings.host)
        if name not in self._images:
            self._images[name] = pulumi_docker.Image(
                f"image-{name}",
                image_name=f"{self._settings.repository}/{name}:built",
                build=pulumi_docker.DockerBuildArgs(
                    context=str(self._root / self._settings.context.format(name=name)),
                    dockerfile=str(self._root / self._settings.containerfile.format(name=name)),
                    args=dict(self._settings.arguments),
                ),
                registry=self._registry(),
                skip_push=not self._settings.push,
                opts=pulumi.ResourceOptions(provider=self._provider),
            )
        return self._images[name].repo_digest

    def _registry(self) -> pulumi_docker.RegistryArgs | None:
        import pulumi_docker  # noqa: PLC0415

        if not self._settings.push:
            return None
        missing = [key for key in (REGISTRY_USER, REGISTRY_PASSWORD) if not self._variables.get(key)]
        if missing:
            message = f"images.docker.push needs {' and '.join(missing)}; export them, or set push to false"
            raise ImageError(message)
        return pulumi_docker.RegistryArgs(
            server=self._settings.repository.split("/", maxsplit=1)[0],
            username=self._variables[REGISTRY_USER],
            password=pulumi.Output.secret(self._variables[REGISTRY_PASSWORD]),
        )


def resolve(reference: str, source: ImageSource) -> pulumi.Input[str]:
    """Return what a pod may run for a reference of an environment file."""
    if reference.startswith(BUILT_PREFIX):
        return source.built(reference.removeprefix(BUILT_PREFIX))
    return reference


def choose_source(environment: Environment, *, root: Path, variables: Mapping[str, str]) -> ImageSource:
    """Return where the `built:` images of an environment come from.

    Raises:
        ImageError: the environment needs the index of built images and it is missing or broken.
    """
    if environment.images.docker is not None:
        return DockerImages(environment.images.docker, root=root, variables=variables)
    wanted = [key for key, reference in environment.image_references() if reference.startswith(BUILT_PREFIX)]
    if not wanted:
        return IndexImages(references={}, origin="the empty index")
    path = variables.get(INDEX_VARIABLE, "")
    if not path:
        message = (
            f"{wanted[0]} is a built: image, but {INDEX_VARIABLE} is not set; run `cryo images build` and export it"
        )
        raise ImageError(message)
    return read_index(Path(path))


def read_index(path: Path) -> IndexImages:
    """Read the index of built images.

    Raises:
        ImageError: the file is missing, is not an index, or has another schema.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"image index {path} does not exist; run `cryo images build`"
        raise ImageError(message) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        message = f"image index {path} cannot be read ({type(error).__name__}); run `cryo images build` again"
        raise ImageError(message) from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != INDEX_SCHEMA:
        message = f"image index {path} has schema {schema!r}, not {INDEX_SCHEMA}; run `cryo images build` again"
        raise ImageError(message)
    return IndexImages(references=_references(document, path), origin=f"image index {path}")


def _references(document: dict[str, Any], path: Path) -> dict[str, str]:
    try:
        return {name: str(entry["ref"]) for name, entry in document["images"].items()}
    except (AttributeError, KeyError, TypeError):
        message = f"image index {path} is not complete; run `cryo images build` again"
        raise ImageError(message) from None
