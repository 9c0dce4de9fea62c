"""Puts together what a change does to a stack, from two revisions of the repository."""

import tempfile
from pathlib import Path

from agents.migrate.discovery import read_folder
from cryo.gitops.new_migrations import find_edited, find_new
from cryo.gitops.object_change import ObjectChange
from cryo.gitops.page import Preview
from cryo.gitops.revision import lay_out, merge_base
from cryo.gitops.settings_change import compare_settings, count_reserved, describe_traffic
from cryo.settings import Settings
from infra.environment_files import load_environment, read_merged


def compare_revisions(settings: Settings, since: str, objects: tuple[ObjectChange, ...] | None) -> Preview:
    """Compare this checkout with the commit at which it left `since`.

    Args:
        settings: names the stack and its folder.
        since: a branch or commit.
        objects: what Pulumi would do, or None where no cluster was asked.

    Raises:
        PermanentCryoError: the commit is not here.
        ConfigError: an environment file cannot be deployed.
        AgentError: a migration file is refused.
    """
    with tempfile.TemporaryDirectory(prefix="cryo-preview-") as scratch:
        folder = Path(scratch)
        log = folder / "git.log"
        commit = merge_base(settings.repository, since, log)
        lay_out(settings.repository, commit, folder, log)
        before = read_merged(folder / "environments", settings.stack)
        load_environment(settings.environments, settings.stack)  # refuses what cannot be deployed
        after = read_merged(settings.environments, settings.stack)
        old, new = read_folder(folder / "migrations"), read_folder(settings.repository / "migrations")
    return Preview(
        stack=settings.stack,
        commit=commit,
        traffic=describe_traffic(before, after),
        settings=compare_settings(before, after),
        migrations=find_new(old, new),
        edited=find_edited(old, new),
        reserved=(count_reserved(before), count_reserved(after)),
        objects=objects,
    )
