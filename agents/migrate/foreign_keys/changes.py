"""Makes one planned change to a table's shape; every lock is short and asked for through `Repair`."""

from psycopg import errors as pg
from psycopg import sql

from agents.migrate.foreign_keys.actions import Action, Conversion, Step
from agents.migrate.foreign_keys.cast_sql import convert
from agents.migrate.foreign_keys.catalog import load_sql
from agents.migrate.foreign_keys.declaration import Relation, TableName
from agents.migrate.foreign_keys.index_plan import aside_name
from agents.migrate.foreign_keys.plan import not_null_check
from agents.migrate.foreign_keys.repair import SECOND_LOCK_MS, Repair
from agents.migrate.foreign_keys.survey import SCAN_WORK_MEM
from agents.migrate.history import load_sql as load_runner_sql

# Chosen: four times what a table at the row limit takes; a wide one is stopped here, not waited for.
_REWRITE_STATEMENT_MS = 2_000
# The weakest lock that the change takes anyway; taking it first keeps the order child, parent for every step.
_EXCLUSIVE = sql.SQL("access exclusive")
_NO_WRITERS = sql.SQL("share row exclusive")
# A writer added a value that cannot be cast after those were cleaned; the next pass cleans it too.
_VALUE_ERRORS = (pg.InvalidTextRepresentation, pg.NumericValueOutOfRange)


def change_shape(repair: Repair, action: Action) -> bool:
    """Carry out one action that is not about rows.

    Returns:
        False when a writer got in between with a row that prevents it; the next pass finds that row, and the
        relation's further steps must wait for it.
    """
    relation = action.relation
    child = _name(relation.child)
    what = f"{action.step} of {relation.name}"
    match action.step:
        case Step.DROP_INDEX:
            _drop_index(repair, relation, action.subjects[0], what)
        case Step.CREATE_INDEX:
            _create_index(repair, relation, action.subjects[0], what)
        case Step.SET_INDEX_ASIDE:
            repair.change(what, [_rename_index(relation, action.subjects[0], aside_name(action.subjects[0]))])
        case Step.RENAME_INDEX:
            repair.change(what, [_rename_index(relation, *action.subjects)])
        case Step.VALIDATE:
            return _validate(repair, relation, relation.constraint, what)
        case Step.SET_NOT_NULL:
            if not _validate(repair, relation, not_null_check(relation), what):
                return False
            repair.change(what, [_lock(relation.child, _EXCLUSIVE), *_set_not_null(relation, action.subjects)])
        case Step.CONVERT_TYPE:
            return _convert(repair, action, what)
        case _:
            repair.change(what, [*_locks(action), sql.SQL("alter table {} {}").format(child, _alteration(action))])
    return True


def _alteration(action: Action) -> sql.Composable:
    """Return what ALTER TABLE does, for the changes that are one ALTER TABLE."""
    relation = action.relation
    drops = [sql.SQL("drop constraint if exists {}").format(sql.Identifier(name)) for name in action.subjects]
    match action.step:
        case Step.DROP_NOT_NULL:
            return sql.SQL("alter column {} drop not null").format(sql.Identifier(action.subjects[0]))
        case Step.ADD_CHECK:
            filled = [sql.SQL("{} is not null").format(sql.Identifier(name)) for name in relation.columns]
            template = "add constraint {} check ({}) not valid"
            return sql.SQL(template).format(sql.Identifier(action.subjects[0]), sql.SQL(" and ").join(filled))
        case Step.RENAME_CONSTRAINT:
            old, new = action.subjects
            return sql.SQL("rename constraint {} to {}").format(sql.Identifier(old), sql.Identifier(new))
        case Step.ADD_CONSTRAINT | Step.REPLACE_CONSTRAINTS:
            return sql.SQL(", ").join([*drops, _add_constraint(relation)])
        case Step.DROP_CONSTRAINTS | Step.DROP_CHECK:
            return sql.SQL(", ").join(drops)
        case _:
            raise AssertionError(action.step)


def _locks(action: Action) -> list[sql.Composable]:
    """Take the locks in the order that writers take them, waiting for the second one for a moment only."""
    relation = action.relation
    mode = _NO_WRITERS if action.step is Step.ADD_CONSTRAINT else _EXCLUSIVE
    locks: list[sql.Composable] = [_lock(relation.child, mode)]
    if action.step in {Step.ADD_CONSTRAINT, Step.REPLACE_CONSTRAINTS, Step.DROP_CONSTRAINTS}:
        locks.append(sql.SQL("set local lock_timeout = {}").format(SECOND_LOCK_MS))
    if action.step in {Step.ADD_CONSTRAINT, Step.REPLACE_CONSTRAINTS}:
        locks.append(_lock(relation.parent, mode))
    return locks


def _lock(table: TableName, mode: sql.Composable) -> sql.Composed:
    return sql.SQL("lock table {} in {} mode").format(_name(table), mode)


def _add_constraint(relation: Relation) -> sql.Composed:
    template = (
        "add constraint {} foreign key ({}) references {} ({}) on delete "
        + relation.on_delete.sql
        + " on update "
        + relation.on_update.sql
        + " not valid"
    )
    return sql.SQL(template).format(
        sql.Identifier(relation.constraint),
        sql.SQL(", ").join(map(sql.Identifier, relation.columns)),
        _name(relation.parent),
        sql.SQL(", ").join(map(sql.Identifier, relation.parent_columns)),
    )


def _set_not_null(relation: Relation, columns: tuple[str, ...]) -> list[sql.Composed]:
    """Return statements that are quick, because the validated check saves the scan."""
    parts = [sql.SQL("alter column {} set not null").format(sql.Identifier(name)) for name in columns]
    check = sql.Identifier(not_null_check(relation))
    child = _name(relation.child)
    return [
        sql.SQL("alter table {} {}").format(child, sql.SQL(", ").join(parts)),
        sql.SQL("alter table {} drop constraint {}").format(child, check),
    ]


def _convert(repair: Repair, action: Action, what: str) -> bool:
    relation = action.relation
    parts = [sql.SQL("drop constraint if exists {}").format(sql.Identifier(name)) for name in action.subjects]
    for conversion in action.conversions:
        parts += _convert_column(conversion)
    alter = sql.SQL("alter table {} {}").format(_name(relation.child), sql.SQL(", ").join(parts))
    lock = _lock(relation.child, _EXCLUSIVE)
    second = sql.SQL("set local lock_timeout = {}").format(SECOND_LOCK_MS)

    def attempt() -> bool:
        try:
            with repair.runner.conn.transaction():
                repair.set_step_local(_REWRITE_STATEMENT_MS)
                repair.runner.conn.execute(sql.SQL("; ").join([lock, second, alter]), prepare=False)
        except _VALUE_ERRORS as error:
            reason = error.diag.message_primary
            repair.runner.log.warning("migrate.type.postponed", relation=relation.name, reason=reason)
            return False
        return True

    return repair.retry(what, attempt)


def _convert_column(conversion: Conversion) -> list[sql.Composed]:
    column = sql.Identifier(conversion.column)
    to_type = sql.SQL(conversion.cast.to_type)
    # Not the cast that gives null: a value that a writer has just added must be an error, not be lost.
    using = convert(conversion.cast, column)
    parts = [sql.SQL("alter column {} type {} using {}").format(column, to_type, using)]
    if conversion.default is not None:
        default = sql.SQL(conversion.default)  # as the server printed it
        parts.insert(0, sql.SQL("alter column {} drop default").format(column))
        parts.append(sql.SQL("alter column {} set default ({})::{}").format(column, default, to_type))
    return parts


def _validate(repair: Repair, relation: Relation, constraint: str, what: str) -> bool:
    """Check every row under a lock that lets writers work, in a transaction of its own."""
    statement = sql.SQL("alter table {} validate constraint {}").format(
        _name(relation.child), sql.Identifier(constraint)
    )

    def attempt() -> bool:
        try:
            with repair.runner.conn.transaction():
                repair.set_step_local(repair.scan.statement_s * 1000)
                repair.runner.conn.execute(load_sql("set_validate_local"), {"work_mem": SCAN_WORK_MEM})
                repair.runner.conn.execute(statement)
        except (pg.ForeignKeyViolation, pg.CheckViolation) as error:
            # Somebody wrote past the constraint since the scan; the next pass cleans and validates again.
            reason = error.diag.message_primary
            repair.runner.log.warning("migrate.validate.postponed", relation=relation.name, reason=reason)
            return False
        return True

    return repair.retry(what, attempt)


def _drop_index(repair: Repair, relation: Relation, index: str, what: str) -> None:
    name = sql.Identifier(relation.child.schema, index)
    _run_alone(repair, what, [sql.SQL("drop index concurrently if exists {}").format(name)])


def _create_index(repair: Repair, relation: Relation, index: str, what: str) -> None:
    """Build it while writers work; a try that failed leaves an invalid index, which the next one drops first."""
    columns = sql.SQL(", ").join(map(sql.Identifier, relation.columns))
    drop = sql.SQL("drop index concurrently if exists {}").format(sql.Identifier(relation.child.schema, index))
    create = sql.SQL("create index concurrently {} on {} ({})").format(
        sql.Identifier(index), _name(relation.child), columns
    )
    _run_alone(repair, what, [drop, create])


def _run_alone(repair: Repair, what: str, statements: list[sql.Composed]) -> None:
    """Run statements that refuse to be in a transaction."""
    conn = repair.runner.conn

    def attempt() -> None:
        parameters = {"lock_ms": str(repair.scan.lock_ms), "statement_ms": str(repair.scan.statement_s * 1000)}
        conn.execute(load_runner_sql("set_timeouts_session"), parameters)
        for statement in statements:
            conn.execute(statement)

    repair.retry(what, attempt)


def _rename_index(relation: Relation, old: str, new: str) -> sql.Composed:
    return sql.SQL("alter index {} rename to {}").format(
        sql.Identifier(relation.child.schema, old), sql.Identifier(new)
    )


def _name(table: TableName) -> sql.Identifier:
    return sql.Identifier(table.schema, table.table)
