"""One line that says what a slot is filled with, so that a change beneath users is seen and a retry is told."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pulumi

from agents.runtime.names import Colour
from infra.quantities import BUILT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.slots import App


def describe_slot(app: App, colour: Colour, image: str) -> str:
    """Return image, version and a digest of the settings of a filled slot.

    Args:
        app: the application.
        colour: the slot.
        image: what its image reference stands for.
    """
    slot = dict(app.slots.filled())[colour]
    settings = json.dumps(dict(app.settings) | dict(slot.settings), sort_keys=True)
    return f"{image} version={slot.version} settings={hashlib.sha256(settings.encode()).hexdigest()[:16]}"


def describe_slots(app: App, images: Mapping[Colour, pulumi.Input[str]]) -> dict[Colour, pulumi.Output[str]]:
    """Return the line of each filled slot, for images that the update may have to build first."""

    def described(colour: Colour) -> pulumi.Output[str]:
        return pulumi.Output.from_input(images[colour]).apply(lambda image: describe_slot(app, colour, image))

    return {colour: described(colour) for colour, _ in app.slots.filled()}


def slots_of_tree(app: App) -> frozenset[Colour]:
    """Return the slots whose image is built from the checkout, so that Git cannot name what they hold."""
    return frozenset(colour for colour, slot in app.slots.filled() if slot.image.startswith(BUILT_PREFIX))
