"""Reads a login in Airflow's own forms, so that the command line needs no Airflow to reach a partner.

``AIRFLOW_CONN_<ID>`` holds JSON (``{"conn_type": ..., "host": ..., "extra": {...}}``) or a URI
(``crossdock-sftp://user:password@host:22/?host_key=...``); a connection of Airflow has the same fields.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from crossdock.errors import Misconfigured
from crossdock.ports import Login, Secret

SECRET_WORDS = ("secret", "password", "passphrase", "token", "private_key", "api_key", "credential")
"""An extra field whose name holds one of these is a secret, whatever its connection type says."""

NOT_SECRET = ("token_url", "token_header", "api_key_header", "api_key_query")
"""Fields whose names hold such a word, and that say where a secret comes from or goes to."""

LISTS_OF_SECRETS = ("webhook_secrets", "hmac_secrets", "webhook_credentials")
"""Fields that may hold several secrets while one is being replaced: a list, or a text with spaces or commas."""


def parse(connection_id: str, text: str, *, where: str | None = None) -> Login:
    """A login from Airflow's JSON or URI form."""
    if text.lstrip().startswith("{"):
        try:
            fields = json.loads(text)
        except ValueError:
            # The parser's message and its cause would show the text, which holds secrets.
            raise Misconfigured(
                f"connection {connection_id!r} starts like JSON and is none; correct it", where=where
            ) from None
        if not isinstance(fields, dict):
            raise Misconfigured(f"connection {connection_id!r} is no JSON object", where=where)
        return from_fields(connection_id, fields, where=where)
    return from_fields(connection_id, _fields_of_uri(connection_id, text, where), where=where)


def from_fields(connection_id: str, fields: Mapping[str, Any], *, where: str | None = None) -> Login:
    """A login from Airflow's fields: conn_type, host, port, login, password, schema, extra (object or JSON text).

    ``schema`` ("https"), or a scheme in front of the host, becomes ``scheme``.
    """
    extra = fields.get("extra") or {}
    if isinstance(extra, str):
        try:
            extra = json.loads(extra)
        except ValueError:
            raise Misconfigured(
                f"the extra of connection {connection_id!r} is no JSON; correct it", where=where
            ) from None
    if not isinstance(extra, Mapping):
        raise Misconfigured(f"the extra of connection {connection_id!r} is no JSON object", where=where)
    host = str(fields.get("host") or "").strip()
    scheme = str(fields.get("schema") or "").strip().lower()
    port = _port(connection_id, fields.get("port"), where)
    if "://" in host:
        try:
            split = urlsplit(host)
            scheme, host = split.scheme.lower(), split.hostname or ""
            port = port or split.port
        except ValueError:
            raise Misconfigured(
                f"the host of connection {connection_id!r} is no URL that can be read; give the name alone",
                where=where,
                field="host",
            ) from None
    if "@" in host:
        raise Misconfigured(
            f"the host of connection {connection_id!r} holds a user or a password; give the name alone, and the rest "
            "in their own fields",
            where=where,
            field="host",
        )
    plain, secrets = _separate(extra)
    return Login(
        connection_id=connection_id,
        scheme=scheme,
        host=host,
        port=port,
        user=str(fields.get("login") or ""),
        password=Secret(str(fields.get("password") or "")),
        extra=plain,
        secrets=secrets,
    )


def is_secret_name(name: str) -> bool:
    """Whether a field of this name is treated as a secret."""
    lowered = name.lower()
    squeezed = re.sub("[^a-z0-9]", "", lowered)  # apiKey, api-key and api_key are one name
    return lowered not in NOT_SECRET and any(word.replace("_", "") in squeezed for word in SECRET_WORDS)


def _separate(extra: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Secret]]:
    """Splits the extra in what may be shown and what may not. Several secrets become ``name.0``, ``name.1``."""
    plain: dict[str, Any] = {}
    secrets: dict[str, Secret] = {}
    for name, value in extra.items():
        if not is_secret_name(name):
            plain[name] = value
            continue
        if name in LISTS_OF_SECRETS and isinstance(value, str):
            value = value.replace(",", " ").split()
        if isinstance(value, list | tuple):
            for index, item in enumerate(value):
                secrets[f"{name}.{index}"] = Secret(str(item))
        elif value not in (None, ""):
            secrets[name] = Secret(value if isinstance(value, str) else json.dumps(value))
    return plain, secrets


def _port(connection_id: str, port: Any, where: str | None) -> int | None:
    if port in (None, ""):
        return None
    if isinstance(port, str) and port.isascii() and port.isdigit():
        port = int(port)
    if type(port) is not int or not 0 < port < 65536:
        raise Misconfigured(f"the port of connection {connection_id!r} is none; correct it", where=where)
    return port


def _fields_of_uri(connection_id: str, text: str, where: str | None) -> dict[str, Any]:
    try:
        split = urlsplit(text.strip())
        port = split.port
    except ValueError:
        raise Misconfigured(f"connection {connection_id!r} is no URI; correct it", where=where) from None
    if not split.scheme or not text.strip().partition(":")[2].startswith("//"):
        raise Misconfigured(
            f"connection {connection_id!r} is neither JSON nor a URI; correct it", where=where
        )
    query = dict(parse_qsl(split.query, keep_blank_values=True))
    extra: Any = query
    if "__extra__" in query:
        extra = query["__extra__"]
    # The host keeps its case and may be percent-encoded (an inner "https://"); urlsplit.hostname would lower it.
    hostname = split.netloc.rpartition("@")[2]
    if port is not None:
        hostname = hostname.rpartition(":")[0]
    return {
        "host": unquote(hostname).strip("[]") if "%" not in hostname else unquote(hostname),
        "port": port,
        "login": unquote(split.username or ""),
        "password": unquote(split.password or ""),
        "schema": unquote(split.path.lstrip("/")),
        "extra": extra,
    }
