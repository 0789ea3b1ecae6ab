"""Tryton's REST: the paths, and the base64 in which it takes a domain, an order and a context.

It is entered with the key of a user application. A name with a dot (``party.code``) is read through to the record
that it leads to, except through a reference to several models.
"""

import base64
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from crossdock.errors import CrossdockError, Misconfigured, WireDown, WireQuiet
from crossdock.ports import CheckStep, Login, Secret
from crossdock.wires.rest import Answer, quoted, refused

KEY: Final = "api_key"
"""The field of the connection with the application's key."""

NOT_NOW: Final = (425, 429, 503)


def failed(answer: Answer, *, what: str, now: datetime, effect: bool) -> CrossdockError:
    """What an answer that is no success means. A read that is not answered now is free to be repeated; a change that
    ended in a failure of the server may have been made before that."""
    if effect and answer.status >= 500:
        return WireQuiet(f"{what}: Tryton failed ({answer.status}); whether it took effect is unknown")
    if not effect and (answer.status >= 500 or answer.status in NOT_NOW):
        return WireDown(f"{what}: Tryton does not answer now ({answer.status})")
    return refused(answer, what=what, now=now)


def by_key(login: Login) -> Login:
    """The login with the application's key in the place of user and password."""
    key = login.secrets.get(KEY)
    if not key:
        raise Misconfigured(
            f"connection {login.connection_id!r} has no REST key: add a user application 'REST API' to the hub's "
            "user in Tryton, and its key to the connection as 'api_key'",
            field=KEY,
        )
    return replace(login, user="", password=Secret(key.reveal()), extra={**login.extra, "auth": "bearer"})


def database_of(login: Login) -> str:
    """The name of the ERP's database."""
    database = login.extra.get("database")
    if isinstance(database, str) and database:
        return database
    raise Misconfigured(
        f"connection {login.connection_id!r} does not say which database; add 'database' to its extra fields",
        field="database",
    )


def company_of(login: Login) -> dict[str, int]:
    """The company of the books, as a context says it; nothing where the connection names none."""
    company = login.extra.get("company")
    if company in (None, ""):
        return {}
    try:
        return {"company": int(company)}
    except (TypeError, ValueError):
        raise Misconfigured(
            f"connection {login.connection_id!r}: the company {str(company)[:40]!r} must be the number of its record",
            field="company",
        ) from None


def headers_of(login: Login) -> dict[str, str]:
    """What goes with every call beside the login."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    company = company_of(login)
    return {**headers, "X-Tryton-Context": encoded(company)} if company else headers


def search_path(
    database: str,
    model: str,
    *,
    domain: Sequence[Any],
    fields: Sequence[str],
    order: Sequence[tuple[str, str]] = (("id", "ASC"),),
    limit: int,
) -> str:
    """The path, with its query, of the records that a domain describes."""
    query = [("d", encoded(list(domain))), ("o", encoded([list(one) for one in order])), ("s", str(limit))]
    query += [("f", field) for field in fields]
    return f"{quoted(database, 'rest', 'model', model)}?{urlencode(query)}"


def encoded(value: Any) -> str:
    """A JSON value in the base64 that is safe in an address."""
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode()


def told(step: CheckStep) -> CheckStep:
    """A step of the wire's check in the words of this connection: its key stands in another field, and an address is
    shown without its query, which is a screen long."""
    start, question, rest = step.sentence.partition("?")
    sentence = start + rest[rest.find(" ") :] if question else start
    field = KEY if step.field == "password" else step.field
    remedy = step.remedy.replace("Correct password of", "Correct api_key of")
    if not step.ok and field == "path":
        field = "database"
        remedy = (
            "Look at 'database' of the connection, at 'fields' in connector.toml, and at Tryton's own log."
        )
    return replace(step, sentence=sentence, field=field, remedy=remedy)
