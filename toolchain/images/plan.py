"""Decides which images to build, and says why. Pure: what exists is passed in."""

from collections.abc import Mapping
from dataclasses import dataclass

from toolchain.images.spec import ImageSpec, image_reference

# Chosen: three names tell a person what happened; more is a wall of text.
NAMED_CHANGES = 3

# Starts the label of an input that is another image.
PARENT_LABEL = "image "


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one image.

    Attributes:
        spec: the image.
        content_hash: the hash of its present inputs.
        build: whether it is built; False means that what exists is used.
        because: reasons, for the person who waits.
    """

    spec: ImageSpec
    content_hash: str
    build: bool
    because: tuple[str, ...]

    @property
    def reference(self) -> str:
        """The full name that the image has or will have."""
        return image_reference(self.spec.name, self.content_hash)


@dataclass(frozen=True, slots=True)
class Existing:
    """What earlier builds left.

    Attributes:
        archived: references that have a complete archive.
        stored: references in the engine's own storage, from which others can be built; None before anybody asked
            the engine, and parents then count as there.
        inputs: digests of the inputs of the last build of each image, by image name.
    """

    archived: frozenset[str] = frozenset()
    stored: frozenset[str] | None = None
    inputs: Mapping[str, Mapping[str, str]] | None = None


def plan_images(
    order: tuple[ImageSpec, ...],
    hashes: Mapping[str, str],
    *,
    inputs: Mapping[str, Mapping[str, str]],
    existing: Existing,
) -> tuple[Step, ...]:
    """Plan the images of one request.

    Args:
        order: the wanted images and their parents, parents first.
        hashes: content hash of each.
        inputs: digest of each input of each.
        existing: what earlier builds left.

    Returns:
        One step per image, in the same order. A parent is built only when a child that is built needs it.
    """
    steps: dict[str, Step] = {}
    needed: set[str] = set()
    for spec in reversed(order):
        reference = image_reference(spec.name, hashes[spec.name])
        because: tuple[str, ...] = ()
        if spec.exported and reference not in existing.archived:
            because = explain_change(inputs[spec.name], (existing.inputs or {}).get(spec.name))
        elif spec.name in needed and existing.stored is not None and reference not in existing.stored:
            because = ("not in the engine's storage, and another image needs it",)
        if because:
            needed.update(spec.parents)
        steps[spec.name] = Step(spec, hashes[spec.name], build=bool(because), because=because or ("unchanged",))
    return tuple(steps[spec.name] for spec in order)


def explain_change(now: Mapping[str, str], before: Mapping[str, str] | None) -> tuple[str, ...]:
    """Name the inputs that differ from the last build, or say that there was none."""
    if before is None:
        return ("never built here",)
    differing = [label for label in now.keys() | before.keys() if now.get(label) != before.get(label)]
    # A changed parent explains more than a changed file: it is named first.
    differing.sort(key=lambda label: (not label.startswith(PARENT_LABEL), label))
    changes = [f"input {label} {_what_happened(label, now, before)}" for label in differing]
    if not changes:
        return ("its archive is gone, or the builder itself changed",)
    hidden = len(changes) - NAMED_CHANGES
    return (*changes[:NAMED_CHANGES], *([f"and {hidden} more"] if hidden > 0 else []))


def _what_happened(label: str, now: Mapping[str, str], before: Mapping[str, str]) -> str:
    if label not in before:
        return "added"
    return "changed" if label in now else "removed"
