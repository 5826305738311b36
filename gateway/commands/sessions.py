"""USE, SET, RESET, PREPARE, DEALLOCATE: what changes a session and nothing else."""

import pyarrow as pa

from catalog.errors import InvalidNameError, SchemaNotFoundError
from catalog.identifiers import Namespace, fold
from gateway import information_schema
from gateway.commands.answer import Answer, table
from gateway.errors import UnknownPreparedStatementError
from gateway.resolver import CatalogResolver
from gateway.session import PROPERTIES, Prepared, Session
from gateway.statements import Deallocate, Prepare, Reset, SetVariable, Use

_PROPERTY_COLUMNS = [
    ("name", pa.string()),
    ("value", pa.string()),
    ("default", pa.string()),
    ("description", pa.string()),
]


def use(session: Session, resolver: CatalogResolver, statement: Use) -> Answer:
    """Move the session to another schema or catalog.

    Raises: CatalogNotFoundError, SchemaNotFoundError.
    """
    match statement.parts:
        case (one,) if statement.kind == "catalog" or (statement.kind is None and _is_catalog(resolver, one)):
            catalog = resolver.catalog(one)
            session.namespace = Namespace(catalog.name, "default")
        case (schema,):
            session.namespace = _namespace(resolver, session.namespace.catalog, schema)
        case (catalog_name, schema):
            session.namespace = _namespace(resolver, catalog_name, schema)
        case _:
            raise InvalidNameError(f"USE takes schema or catalog.schema, not {'.'.join(statement.parts)!r}")
    return Answer(f"USE {session.namespace}", reason="changes the session only")


def _is_catalog(resolver: CatalogResolver, name: str) -> bool:
    return fold(name) in {fold(known) for known in resolver.names()}


def _namespace(resolver: CatalogResolver, catalog_name: str, schema: str) -> Namespace:
    catalog = resolver.catalog(catalog_name)
    for known in (*catalog.schemas(), information_schema.SCHEMA_NAME):
        if fold(known) == fold(schema):
            return Namespace(catalog.name, known)
    raise SchemaNotFoundError(
        f"schema {schema!r} does not exist in catalog {catalog.name}", hint=f"SHOW SCHEMAS IN {catalog.name} lists them"
    )


def set_variable(session: Session, statement: SetVariable) -> Answer:
    """Change a property, or show one or all.

    Raises: InvalidSettingError.
    """
    if statement.key is None:
        return show_session(session)
    if statement.value is None:
        return Answer(rows=table(_PROPERTY_COLUMNS[:2], [(statement.key, session.get(statement.key))]))
    session.set(statement.key, statement.value)
    return Answer(f"SET {statement.key} = {session.get(statement.key)}", reason="changes the session only")


def show_session(session: Session) -> Answer:
    """List the session's properties."""
    rows = [(name, session.get(name), session.defaults[name], known.doc) for name, known in PROPERTIES.items()]
    return Answer(rows=table(_PROPERTY_COLUMNS, rows))


def reset(session: Session, statement: Reset) -> Answer:
    session.reset(statement.key)
    return Answer(f"RESET {statement.key or 'all properties'}", reason="changes the session only")


def prepare(session: Session, statement: Prepare) -> Answer:
    session.prepared[fold(statement.name)] = Prepared(statement.text)
    return Answer(f"PREPARE {statement.name}", reason="changes the session only")


def prepared_text(session: Session, name: str) -> str:
    """Return the text that PREPARE kept.

    Raises: UnknownPreparedStatementError.
    """
    found = session.prepared.get(fold(name))
    if found is None:
        known = ", ".join(session.prepared) or "none"
        raise UnknownPreparedStatementError(
            f"there is no prepared statement {name!r}", hint=f"this session has prepared: {known}"
        )
    return found.text


def deallocate(session: Session, statement: Deallocate) -> Answer:
    """Forget a prepared statement.

    Raises: UnknownPreparedStatementError.
    """
    prepared_text(session, statement.name)
    del session.prepared[fold(statement.name)]
    return Answer(f"DEALLOCATE {statement.name}", reason="changes the session only")
