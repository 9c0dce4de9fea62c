"""Generates attacks on the planted world from a seed: who, as what, tries which statement on whose row.

PostgREST verifies the token, becomes its role and sets its claims before any statement; a user cannot send SQL of his
own, so SET ROLE and set_config of claims are not his to use. Everything else that SQL can say is tried here.
"""

# ruff: noqa: S608 - statements are made of our own words; whole statements are what is tested

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from caller import Claimant, token
from world import KINDS, PEOPLE, SERVICE_TABLES, UPDATABLE, Row, World, make_id

READABLE = (*UPDATABLE, "team_roles", "model_versions", *SERVICE_TABLES)
PLACED = ("projects", "molecules", "mixtures", "experiments", "predictions")
IN_PROJECT = ("molecules", "mixtures", "experiments")
# A text of each table, for conversions that fail with the value in their message.
TEXTS = {
    "projects": "name",
    "molecules": "name",
    "mixtures": "name",
    "experiments": "name",
    "predictions": "target",
    "experiment_properties": "name",
    "lab_verifications": "comments",
    "teams": "name",
    "user_profiles": "display_name",
    "training_jobs": "model_name",
    "audit_log": "action",
    "release_history": "release_id",
    "feature_flags": "description",
}
CHANGES = {
    "projects": ("description = 'attack'", "name = 'attack'"),
    "molecules": ("cid = 7", "name = 'attack'", "smiles = 'attack'"),
    "mixtures": ("description = 'attack'",),
    "experiments": ("protocol = 'attack'", "status = 'done'"),
    "predictions": ("in_domain = false", "unit = 'attack'"),
    "mixture_components": ("amount = 99",),
    "experiment_properties": ("text_value = 'attack'",),
    "lab_verifications": ("verification_status = 'verified'", "equipment_used = 'attack'"),
    "shared_content": ("can_update = not can_update",),
    "teams": ("name = 'attack'",),
    "user_team_membership": (),
    "user_profiles": ("affiliation = 'attack'",),
    "training_jobs": ("status = 'cancelled'", "parameters = '[1]'"),
    "team_roles": ("can_delete = true", "can_manage_members = true"),
    "model_versions": ("unit = 'attack'",),
    "audit_log": ("action = 'attack'",),
    "health_reports": ("status = 'ok'",),
    "backup_catalogue": ("status = 'expired'",),
    "release_history": ("phase = 'attack'",),
    "feature_flags": ("enabled = true",),
    "feature_flag_overrides": ("enabled = not enabled",),
}
FORBIDDEN = ("created_by = {me}", "created_at = now()", "id = {id}")


@dataclass(frozen=True)
class Attack:
    """One statement as somebody; `before` runs first, as the superuser in the same transaction."""

    family: str
    who: Claimant
    sql: str
    before: str = ""


@dataclass
class Dice:
    """Random choices from the world."""

    random: Random
    world: World
    tables: tuple[str, ...] = READABLE

    def table(self, among: tuple[str, ...] = READABLE) -> str:
        return self.random.choice([table for table in among if table in self.tables] or list(among))

    def row(self, table: str) -> Row:
        return self.random.choice(self.world.rows[table])

    def id(self, table: str) -> str:
        return f"'{self.row(table).key}'"

    def id_or_null(self, table: str) -> str:
        return self.random.choice(("null", self.id(table)))

    def where(self, table: str) -> str:
        key = "user_id" if table == "user_profiles" else "id"
        return self.random.choice((f"t.{key} = {self.id(table)}",) * 4 + ("true",))

    def person(self) -> str:
        return f"'{make_id(self.random.choice(PEOPLE))}'"

    def change(self, table: str, me: str) -> str:
        if table == "user_team_membership":
            return f"role_id = {self.id('team_roles')}"
        kinds = [*CHANGES[table] * 2]
        if table in PLACED:
            kinds += [f"team_id = {self.id_or_null('teams')}"] * 2
        if table in IN_PROJECT:
            kinds += [f"project_id = {self.id_or_null('projects')}"] * 2
        if table in UPDATABLE and table != "user_profiles":
            kinds += [each.format(me=me, id=self.id(table)) for each in FORBIDDEN]
        return self.random.choice(kinds)

    def values(self, table: str, me: str) -> tuple[str, str]:
        """Columns and values of a new row that points wherever the attacker likes."""
        owner = self.random.choice((me,) * 3 + (self.person(), "null"))
        team, text = self.id_or_null("teams"), "'attack'"
        shapes: dict[str, dict[str, str]] = {
            "projects": {"team_id": team, "name": text},
            "molecules": {"team_id": team, "project_id": self.id_or_null("projects"), "name": text, "smiles": "'C'"},
            "mixtures": {"team_id": team, "project_id": self.id_or_null("projects"), "name": text},
            "experiments": {"team_id": team, "mixture_id": self.id("mixtures"), "name": text},
            "predictions": {
                "model_version_id": "1",
                "team_id": team,
                "molecule_id": self.id("molecules"),
                "target": text,
                "unit": "'K'",
                "prediction": "1",
                "lower_bound": "0",
                "upper_bound": "2",
                "confidence_level": "0.9",
                "in_domain": "true",
            },
            "mixture_components": {
                "mixture_id": self.id("mixtures"),
                "molecule_id": self.id("molecules"),
                "amount": "1",
                "amount_unit": "'mol/L'",
            },
            "experiment_properties": {"experiment_id": self.id("experiments"), "name": text, "text_value": text},
            "lab_verifications": {"experiment_id": self.id("experiments"), "verifier": me},
            "shared_content": self._share(me),
            "teams": {"name": text},
            "user_team_membership": {
                "user_id": self.random.choice((me, self.person())),
                "team_id": self.id("teams"),
                "role_id": self.id("team_roles"),
            },
            "user_profiles": {"user_id": self.random.choice((me, self.person())), "display_name": text},
            "training_jobs": {"model_name": text},
        }
        row = dict(shapes[table])
        if table != "user_profiles":
            row["created_by"] = owner
        return ", ".join(row), ", ".join(row.values())

    def _share(self, me: str) -> dict[str, str]:
        kind = self.random.choice(KINDS)
        receiver = {"shared_with_user_id": me}
        if self.random.random() < 0.3:
            receiver = {"shared_with_team_id": self.id("teams")}
        return {f"{kind}_id": self.id(f"{kind}s"), **receiver, "can_update": "true"}


def claimants() -> list[Claimant]:
    """Tokens of everybody, and tokens that are odd."""
    odd = [
        {"role": "authenticated"},
        {"role": "authenticated", "sub": make_id("nobody at all")},
        # The claim of the service under another role is a claim, not a right.
        {"role": "service_role", "sub": make_id("stranger")},
        {"role": "service_role"},
    ]
    return [*map(token, PEOPLE), token("anon"), *(Claimant("authenticated", claims) for claims in odd)]


Family = Callable[[Dice, str], str]


def read_by_id(dice: Dice, _: str) -> str:
    table = dice.table()
    return f"select * from public.{table} as t where {dice.where(table)}"


def read_all(dice: Dice, _: str) -> str:
    return f"select t::text from public.{dice.table()} as t"


def read_join(dice: Dice, _: str) -> str:
    one, other = dice.table(), dice.table()
    kind = dice.random.choice(("cross", "natural left", "natural full"))
    return f"select * from public.{one} as a {kind} join public.{other} as b"


def read_sub_select(dice: Dice, _: str) -> str:
    table = dice.table()
    inner = f"select t::text from public.{table} as t where {dice.where(table)}"
    return dice.random.choice(
        (
            f"select array({inner})",
            f"select string_agg(x, ',') from ({inner}) as s (x)",
            f"with w as materialized ({inner}) select * from w",
            f"with w as not materialized ({inner}) select * from w",
            f"select * from public.team_roles as r, lateral ({inner}) as s",
            f"{inner} union all {inner}",
            f"select 1 / (select count(*) - count(*) from ({inner}) as s)",
        )
    )


def read_leaky_function(dice: Dice, _: str) -> str:
    """A cheap function that tells what it is given must not run before the policy."""
    table = dice.table()
    return f"select 1 from public.{table} as t where private_eye(t::text) and {dice.where(table)}"


def read_leaky_cast(dice: Dice, _: str) -> str:
    table = dice.table(tuple(TEXTS))
    return f"select 1 from public.{table} as t where t.{TEXTS[table]}::integer = 1"


def read_through_view(dice: Dice, _: str) -> str:
    return dice.random.choice(
        ("select * from public.view_of_molecules", "select * from public.view_of_molecules where private_eye(name)")
    )


def read_through_function(dice: Dice, _: str) -> str:
    return f"select * from public.find_molecules({dice.id('molecules')})"


def read_statistics(dice: Dice, _: str) -> str:
    table = dice.table()
    return dice.random.choice(
        (
            f"select * from pg_stats where schemaname = 'public' and tablename = '{table}'",
            "select * from pg_statistic",
            "select * from pg_stats_ext",
            f"explain (analyze, verbose) select * from public.{table}",
            "select * from private.quarantined_rows",
            "select * from auth.users",
        )
    )


def read_locked(dice: Dice, _: str) -> str:
    table = dice.table()
    return f"select * from public.{table} as t where {dice.where(table)} for {dice.random.choice(('update', 'share'))}"


def update_rows(dice: Dice, me: str) -> str:
    table = dice.table()
    returning = dice.random.choice(("", " returning *", " returning t::text"))
    return f"update public.{table} as t set {dice.change(table, me)} where {dice.where(table)}{returning}"


def update_without_where(dice: Dice, me: str) -> str:
    table = dice.table()
    return f"update public.{table} set {dice.change(table, me)}"


def update_from_join(dice: Dice, me: str) -> str:
    table, other = dice.table(), dice.table()
    return f"update public.{table} as t set {dice.change(table, me)} from public.{other} as o where {dice.where(table)}"


def update_in_cte(dice: Dice, me: str) -> str:
    table = dice.table()
    return f"with w as (update public.{table} as t set {dice.change(table, me)} returning *) select * from w"


def update_through_view(dice: Dice, me: str) -> str:
    change = dice.random.choice(("name = 'attack'", f"team_id = {dice.id('teams')}", f"created_by = {me}"))
    return f"update public.view_of_molecules set {change} where id = {dice.id('molecules')} returning *"


def move_rows(dice: Dice, _: str) -> str:
    table = dice.table(PLACED)
    return f"update public.{table} as t set team_id = {dice.id_or_null('teams')} where {dice.where(table)}"


def place_rows(dice: Dice, _: str) -> str:
    table = dice.table(IN_PROJECT)
    return f"update public.{table} as t set project_id = {dice.id_or_null('projects')} where {dice.where(table)}"


def point_elsewhere(dice: Dice, _: str) -> str:
    column, target = dice.random.choice((("mixture_id", "mixtures"), ("molecule_id", "molecules")))
    other = "molecule_id" if column == "mixture_id" else "mixture_id"
    return (
        f"update public.experiments as t set {column} = {dice.id(target)}, {other} = null "
        f"where {dice.where('experiments')}"
    )


def promote(dice: Dice, me: str) -> str:
    role, team = dice.id("team_roles"), dice.id("teams")
    someone = dice.random.choice((me, dice.person()))
    return dice.random.choice(
        (
            f"update public.user_team_membership set role_id = {role} where user_id = {me}",
            f"update public.user_team_membership as t set role_id = {role} where {dice.where('user_team_membership')}",
            "update public.team_roles set can_manage_members = true, can_delete = true",
            f"insert into public.user_team_membership (user_id, team_id, role_id) values ({someone}, {team}, {role})",
            f"delete from public.user_team_membership as t where {dice.where('user_team_membership')}",
        )
    )


def delete_rows(dice: Dice, _: str) -> str:
    table = dice.table()
    returning = dice.random.choice(("", " returning *"))
    return f"delete from public.{table} as t where {dice.where(table)}{returning}"


def delete_using_join(dice: Dice, _: str) -> str:
    table = dice.table()
    return f"delete from public.{table} as t using public.{dice.table()} as o where {dice.where(table)} returning *"


def insert_rows(dice: Dice, me: str) -> str:
    table = dice.table(tuple(UPDATABLE))
    columns, values = dice.values(table, me)
    returning = dice.random.choice(("", " returning *"))
    return f"insert into public.{table} ({columns}) values ({values}){returning}"


def insert_from_select(dice: Dice, _: str) -> str:
    table = dice.table(tuple(table for table in TEXTS if table in UPDATABLE))
    return f"insert into public.projects (name) select t.{TEXTS[table]} from public.{table} as t returning *"


def insert_on_conflict(dice: Dice, me: str) -> str:
    table, key, change = dice.random.choice(
        (
            ("user_team_membership", "(user_id, team_id)", f"role_id = {dice.id('team_roles')}"),
            ("mixture_components", "(mixture_id, molecule_id)", "amount = 99"),
            ("user_profiles", "(user_id)", "display_name = 'attack'"),
        )
    )
    columns, values = dice.values(table, me)
    if dice.random.random() < 0.7:  # meet a row that is there
        row = dice.row(table)
        values = ", ".join(
            f"'{row[column]}'" if row[column] is not None and column != "created_by" else value
            for column, value in zip(columns.split(", "), values.split(", "), strict=True)
        )
    what = dice.random.choice(("do nothing", f"{key} do update set {change}", f"{key} do nothing"))
    return f"insert into public.{table} ({columns}) values ({values}) on conflict {what} returning *"


def insert_with_id(dice: Dice, me: str) -> str:
    table = dice.table(("projects", "molecules", "mixtures"))
    columns, values = dice.values(table, me)
    key = dice.id(table)
    return (
        f"insert into public.{table} (id, {columns}) values ({key}, {values}) "
        "on conflict (id) do update set name = 'attack' returning *"
    )


def merge_rows(dice: Dice, me: str) -> str:
    table = dice.table(PLACED)
    return (
        f"merge into public.{table} as t using (select {dice.id(table)}::text as key) as s on t.id::text = s.key "
        f"when matched then {dice.random.choice(('delete', f'update set {dice.change(table, me)}'))}"
    )


def share_with_myself(dice: Dice, me: str) -> str:
    row = dice._share(me)
    columns, values = ", ".join(row), ", ".join(row.values())
    return f"insert into public.shared_content ({columns}) values ({values}) returning *"


def whole_table(dice: Dice, _: str) -> str:
    table = dice.table()
    return dice.random.choice(
        (
            f"truncate public.{table} cascade",
            f"alter table public.{table} disable row level security",
            f"alter table public.{table} owner to authenticated",
            f"create policy open on public.{table} using (true)",
            f"create trigger t before insert on public.{table} for each row execute function private_eye()",
            f"grant all on public.{table} to authenticated",
            f"lock table public.{table} in access exclusive mode",
            f"create index on public.{table} ((t::text))",
            f"comment on table public.{table} is 'attack'",
            f"drop table public.{table} cascade",
            f"create table public.copied as select * from public.{table}",
            f"alter table public.{table} disable trigger all",
        )
    )


def become_more(dice: Dice, _: str) -> str:
    """SET SESSION AUTHORIZATION is tried over a real login: these sessions were a superuser's before."""
    table = dice.table()
    change = dice.random.choice(
        (
            "set local role postgres",
            "set local row_security = off",
            "set local session_replication_role = replica",
            "alter role authenticated bypassrls",
            "create role attack superuser",
            "grant service_role to authenticated",
        )
    )
    return f"{change}; select t::text from public.{table} as t"


def shadow_by_temporary(dice: Dice, me: str) -> str:
    """Temporary tables come before every schema of the search path, so what the policies call must name its schema."""
    table = dice.table()
    return (
        "create temporary table user_team_membership (user_id uuid, team_id uuid, role_id uuid); "
        "create temporary table team_roles as select * from public.team_roles; "
        f"insert into user_team_membership values ({me}, {dice.id('teams')}, {dice.id('team_roles')}); "
        f"select t::text from public.{table} as t"
    )


def prepared_by_victim(dice: Dice, _: str) -> str:
    return "execute planned_by_another"


def call_private(dice: Dice, me: str) -> str:
    return dice.random.choice(
        (
            f"select private.share_holds({me}, {dice.id('teams')}, {me})",
            "select * from private.read_feature_flags()",
            "select private.keep_last_owner()",
            "select private.role_rank('owner')",
            "create function private.mine() returns int language sql as 'select 1'",
            "drop function private.my_teams(text) cascade",
        )
    )


FAMILIES: tuple[tuple[Family, int], ...] = (
    (read_by_id, 6),
    (read_all, 4),
    (read_join, 2),
    (read_sub_select, 4),
    (read_leaky_function, 3),
    (read_leaky_cast, 2),
    (read_through_view, 1),
    (read_through_function, 1),
    (read_statistics, 2),
    (read_locked, 2),
    (update_rows, 10),
    (update_without_where, 3),
    (update_from_join, 3),
    (update_in_cte, 3),
    (update_through_view, 2),
    (move_rows, 5),
    (place_rows, 4),
    (point_elsewhere, 3),
    (promote, 5),
    (delete_rows, 5),
    (delete_using_join, 2),
    (insert_rows, 12),
    (insert_from_select, 1),
    (insert_on_conflict, 5),
    (insert_with_id, 2),
    (merge_rows, 3),
    (share_with_myself, 4),
    (whole_table, 2),
    (become_more, 2),
    (shadow_by_temporary, 1),
    (prepared_by_victim, 1),
    (call_private, 1),
)
# Doors that only a deployment opens: made by the superuser before the attacks.
DOORS = """
create function public.private_eye(what text) returns boolean language plpgsql cost 0.0000001 as $$
begin raise notice '%', what; return true; end $$;
create function public.private_eye() returns trigger language plpgsql as $$ begin return new; end $$;
create view public.view_of_molecules with (security_invoker = true) as select * from public.molecules;
grant select, insert, update, delete on public.view_of_molecules to authenticated;
create function public.find_molecules(wanted uuid) returns setof public.molecules language sql stable as
'select * from public.molecules where id = wanted';
alter database {database} set search_path = public;
set search_path = public;
grant select on auth.users to postgres;
"""


def generate(random: Random, world: World, count: int, tables: tuple[str, ...] = READABLE) -> list[Attack]:
    """Attacks by random people; with `tables`, aimed at those where a family lets one choose."""
    dice, people = Dice(random, world, tables), claimants()
    families = [family for family, weight in FAMILIES for _ in range(weight)]
    found = []
    for _ in range(count):
        family, who = random.choice(families), random.choice(people)
        me = f"'{who.claims.get('sub', make_id('nobody at all'))}'"
        before = ""
        if family is prepared_by_victim:
            victim = token(random.choice(PEOPLE))
            table = dice.table(tuple(UPDATABLE))
            planned = f"prepare planned_by_another as select t::text from public.{table} as t"
            before = (
                f"deallocate all; {victim.become()}; {planned}; execute planned_by_another; "
                "reset role; reset session authorization"
            )
        found.append(Attack(family.__name__, who, family(dice, me), before))
    return found
