"""Writes what a pull request will do as one Markdown comment; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryo.gitops.new_migrations import NewMigration
from cryo.gitops.object_change import ObjectChange, count_operations
from cryo.gitops.settings_change import Reserved, SettingChange

# A comment holds 65,536 characters (GitHub's limit); a hundred lines tell what kind of change it is.
_MOST_LINES = 100


@dataclass(frozen=True, slots=True)
class Preview:
    """Everything that a reviewer of one stack is told.

    Attributes:
        stack: name of the environment.
        commit: what it was compared with.
        traffic: lines about colours and versions.
        settings: effective settings that differ.
        migrations: those that the database has not seen.
        edited: migrations that were changed or removed after they were merged.
        reserved: pods, cores and memory of the application, before and after.
        objects: what Pulumi would do; None where no cluster was asked.
    """

    stack: str
    commit: str
    traffic: tuple[str, ...]
    settings: tuple[SettingChange, ...]
    migrations: tuple[NewMigration, ...]
    edited: tuple[str, ...]
    reserved: tuple[Reserved, Reserved]
    objects: tuple[ObjectChange, ...] | None


def marker(stack: str) -> str:
    """First line of the comment, by which the next run finds and edits it."""
    return f"<!-- cryo-preview:{stack} -->"


def write_markdown(preview: Preview) -> str:
    """The comment; values of settings are shown, values of objects are not, because those may be secrets."""
    before, after = preview.reserved
    lines = [marker(preview.stack), f"### `{preview.stack}`: what a merge will do", ""]
    lines += [f"Compared with {preview.commit[:12]}.", "", *_list(preview.traffic)]
    if preview.edited:
        names = ", ".join(preview.edited)
        lines += ["", f"**Refused by every database that ran them:** {names} changed after they were merged."]
    lines += _section("Migrations", [str(each) for each in preview.migrations], "none")
    lines += _section("Settings", [f"`{each}`" for each in preview.settings], "none")
    lines += _section("Reserved by the application", [f"{_reserved(before)} -> {_reserved(after)}"], "")
    lines += _objects(preview.objects)
    return "\n".join(lines) + "\n"


def _objects(changes: tuple[ObjectChange, ...] | None) -> list[str]:
    if changes is None:
        return ["", "Objects: not asked; no cluster was given."]
    counts = ", ".join(f"{count} {operation}" for operation, count in sorted(count_operations(changes).items()))
    return _section(f"Objects ({counts or 'unchanged'})", [f"`{each}`" for each in changes], "0 changes")


def _section(title: str, lines: Sequence[str], otherwise: str) -> list[str]:
    shown = list(lines[:_MOST_LINES]) or [otherwise]
    left = len(lines) - len(shown)
    more = [f"{left} more; `cryo preview --json` tells all"] if left > 0 else []
    return ["", f"**{title}**", "", *_list([*shown, *more])]


def _list(lines: Sequence[str]) -> list[str]:
    return [f"- {line}" for line in lines]


def _reserved(reserved: Reserved) -> str:
    return f"{reserved.pods} pods, {reserved.cpu_cores:g} cores, {reserved.memory_mib:.0f} MiB"
