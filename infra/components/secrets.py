"""Passwords that the first update makes; later updates keep them, and nobody has to know them."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import core, meta

from agents.runtime.names import APP_FLAGS, APP_MODEL_SERVER, APP_ONCALL, APP_POSTGRES
from infra.naming import Identity

PASSWORD_KEY = "password"  # noqa: S105 - the name of the entry, not a password
# Chosen: 32 random bytes; no search reaches it, and it fits every client.
_RANDOM_BYTES = 32


@dataclass(frozen=True)
class SecretsArgs:
    """Where the secrets live."""

    namespace: pulumi.Input[str]
    environment: str
    protect: bool


class Secrets(pulumi.ComponentResource):
    """The generated passwords of one environment."""

    postgres: pulumi.Output[str]
    flags: pulumi.Output[str]
    oncall: pulumi.Output[str]
    oncall_links: pulumi.Output[str]
    operator: pulumi.Output[str]

    def __init__(self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare one Secret per password."""
        super().__init__("cryoprotect:data:Secrets", name, None, opts)
        self._args = args
        self.postgres = self._password(APP_POSTGRES, protect=args.protect)
        # Lost, it is made anew: the Job flags-login sets it again.
        self.flags = self._password(APP_FLAGS, protect=False)
        # As with the flags: the Job oncall-login sets it again.
        self.oncall = self._password(APP_ONCALL, protect=False)
        # Signs the links in pages; lost, links that were sent stop working.
        self.oncall_links = self._password(f"{APP_ONCALL}-links", protect=False)
        # With it other services, and a person who may read the Secret, act on the model server as operators.
        self.operator = self._password(APP_MODEL_SERVER, protect=False)
        self.register_outputs(
            {
                "postgres": self.postgres,
                "flags": self.flags,
                "oncall": self.oncall,
                "oncall_links": self.oncall_links,
                "operator": self.operator,
            }
        )

    def _password(self, owner: str, *, protect: bool) -> pulumi.Output[str]:
        identity = Identity(name=owner, component="credentials", environment=self._args.environment)
        secret = core.v1.Secret(
            f"{owner}-password",
            metadata=meta.v1.ObjectMetaArgs(namespace=self._args.namespace, labels=identity.labels()),
            immutable=True,
            type="Opaque",
            data={PASSWORD_KEY: _new_password()},
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=protect,
                # Each run makes a new value; only the one of the first run is ever used, because the database keeps it.
                ignore_changes=["data"],
                additional_secret_outputs=["data"],
            ),
        )
        return secret.metadata.name


def _new_password() -> pulumi.Output[str]:
    value = base64.b64encode(secrets.token_urlsafe(_RANDOM_BYTES).encode()).decode()
    return pulumi.Output.secret(value)
