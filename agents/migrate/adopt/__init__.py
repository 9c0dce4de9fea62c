"""Brings a database that existed before the runner to the declared shape, without losing a row."""

from agents.migrate.adopt.adoption import find_unmanaged_tables
from agents.migrate.adopt.command import adopt_database, show_adoption

__all__ = ["adopt_database", "find_unmanaged_tables", "show_adoption"]
