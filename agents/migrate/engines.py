"""The engines that a migration may declare, and what each must be able to do."""

from collections.abc import Mapping
from typing import Protocol

from agents.migrate.foreign_keys import engine as foreign_keys
from agents.migrate.model import Engine, Migration
from agents.migrate.runner import Attempts, Runner
from agents.runtime.postgres import Connection


class MigrationEngine(Protocol):
    """Changes a live schema in small committed steps; running it again must go on where it stopped."""

    def describe(self, conn: Connection, migration: Migration) -> tuple[str, ...]:
        """Say what `apply` would do and why, without changing anything."""

    def apply(self, runner: Runner, migration: Migration) -> Attempts:
        """Do it and say how often locks were asked for; returning means that it is proven."""


ENGINES: Mapping[Engine, MigrationEngine] = {Engine.FOREIGN_KEYS: foreign_keys.ForeignKeyEngine()}
