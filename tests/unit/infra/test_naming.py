from __future__ import annotations

from agents.runtime.names import Colour
from infra.naming import Identity

IDENTITY = Identity(name="model-server", component="predictions", environment="local")


def test_labels_are_the_standard_ones_and_the_colour():
    assert IDENTITY.of(Colour.GREEN).at("1.2.3").labels() == {
        "app.kubernetes.io/name": "model-server",
        "app.kubernetes.io/instance": "local",
        "app.kubernetes.io/component": "predictions",
        "app.kubernetes.io/part-of": "cryoprotect",
        "app.kubernetes.io/managed-by": "pulumi",
        "app.kubernetes.io/version": "1.2.3",
        "cryoprotect.io/color": "green",
    }


def test_a_selector_never_holds_the_version():
    assert IDENTITY.of(Colour.GREEN).at("1.2.3").selector() == {
        "app.kubernetes.io/name": "model-server",
        "cryoprotect.io/color": "green",
    }


def test_an_identity_is_not_changed_by_asking_for_a_colour():
    IDENTITY.of(Colour.BLUE).at("1.0.0")

    assert IDENTITY.colour is None
    assert IDENTITY.version is None
