"""Labels and selectors of everything the program deploys; the constants come from `agents.runtime.names`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agents.runtime.names import LABEL_COLOUR, LABEL_INSTANCE, LABEL_NAME, LABEL_VERSION, app_labels

if TYPE_CHECKING:
    from agents.runtime.names import Colour

MANAGED_BY = "pulumi"
NAMESPACE_LABEL = "kubernetes.io/metadata.name"
ANNOTATION_SLOTS = "cryoprotect.io/slots"
ANNOTATION_RETRY = "cryoprotect.io/retry-of"
# Cited: pulumi-kubernetes reads these from metadata.annotations.
SKIP_AWAIT = "pulumi.com/skipAwait"
REPLACE_UNREADY = "pulumi.com/replaceUnready"
PATCH_FORCE = "pulumi.com/patchForce"
WAIT_FOR = "pulumi.com/waitFor"


@dataclass(frozen=True)
class Identity:
    """What an object is called and which role it plays; labels and selectors follow from it."""

    name: str
    component: str
    environment: str
    colour: Colour | None = None
    version: str | None = None

    def of(self, colour: Colour) -> Identity:
        """Return the identity of one colour of this application."""
        return replace(self, colour=colour)

    def at(self, version: str) -> Identity:
        """Return the identity with a version, for pods and annotations; never part of a selector."""
        return replace(self, version=version)

    def labels(self) -> dict[str, str]:
        """Return the labels of an object or pod."""
        labels = app_labels(self.name, component=self.component, managed_by=MANAGED_BY)
        labels[LABEL_INSTANCE] = self.environment
        if self.colour is not None:
            labels[LABEL_COLOUR] = self.colour.value
        if self.version is not None:
            labels[LABEL_VERSION] = self.version
        return labels

    def selector(self) -> dict[str, str]:
        """Return the labels that never change over the life of the pods, so a release never replaces a Deployment."""
        selector = {LABEL_NAME: self.name}
        if self.colour is not None:
            selector[LABEL_COLOUR] = self.colour.value
        return selector
