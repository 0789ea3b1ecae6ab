"""What there is to know about a connector: every setting with its value and where it comes from, its connection,
what it may open and what it can do. The page of the docs, the command line and ``--json`` say the same.
"""

import dataclasses
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from crossdock.airflow.provider import CONNECTION_TYPES
from crossdock.kit import schema
from crossdock.manifests import MANIFEST_NAME
from crossdock.ports import Login, Manifest
from crossdock.toml_lines import TomlFile
from crossdock.toml_lines import read as read_toml

TABLES: Final = (
    (),
    ("source",),
    ("source", "request"),
    ("source", "paging"),
    ("source", "cursor"),
    ("sink",),
)
OWN: Final = (("source", "settings"), ("sink", "settings"))
DEFAULT: Final = "default"
NOT_SET: Final = "not set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key of a connector.toml. ``came_from``: a file and line, ``default``, or ``not set``. ``required``: a table
    without it is refused."""

    table: str
    key: str
    value: Any
    came_from: str
    wanted: str
    default: Any
    required: bool
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a connection. ``is_set``: ``None`` where the connection cannot be read here. Never its value."""

    name: str
    label: str
    meaning: str
    secret: bool
    required: bool
    is_set: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """A connector, told. ``own``: the classes of its ``[source.settings]`` and ``[sink.settings]``, by side."""

    manifest: Manifest
    settings: tuple[Setting, ...]
    connection_from: str
    fields: tuple[Field, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        manifest = self.manifest
        return {
            "name": manifest.name,
            "title": manifest.title,
            "owner": manifest.owner,
            "version": manifest.version,
            "wire": manifest.wire,
            "like": manifest.like or None,
            "hosts": list(manifest.hosts),
            "capabilities": sorted(manifest.capabilities),
            "personal_data": list(manifest.personal_data),
            "document": manifest.source.document if manifest.source else None,
            "operations": list(manifest.sink.operations) if manifest.sink else [],
            "connection": {
                "id": manifest.connection,
                "type": manifest.connection_type,
                "came_from": self.connection_from,
                "fields": [dataclasses.asdict(field) for field in self.fields],
            },
            "settings": [dataclasses.asdict(setting) for setting in self.settings],
        }


def about(
    manifest: Manifest, *, base: Manifest | None, own: Mapping[str, type], login: Login | None
) -> About:
    """Everything about this connector. ``base``: the one that it is like; ``login``: its connection, where it can be
    read."""
    files = [read_toml(Path(one.folder) / MANIFEST_NAME) for one in (manifest, base) if one is not None]
    variable = f"AIRFLOW_CONN_{manifest.connection.upper()}"
    told = (
        variable if variable in os.environ else "Airflow" if login is not None else "not in this environment"
    )
    return About(
        manifest=manifest,
        settings=(*_settings(files), *_own_settings(files, own)),
        connection_from=told,
        fields=tuple(_fields(manifest, login)),
    )


def _settings(files: list[TomlFile]) -> Iterator[Setting]:
    for way in TABLES:
        if way and not any(_at(file, way) is not None for file in files):
            continue
        required = schema.declared(*way).get("required", ())
        for key, said in schema.keys(*way):
            if key in ("settings", "fields"):
                continue
            value, came_from = _value(files, (*way, key), said.get("default"))
            yield Setting(
                table=".".join(way),
                key=key,
                value=value,
                came_from=came_from,
                wanted=schema.wanted(said),
                default=said.get("default"),
                required=key in required,
                meaning=str(said.get("description", "")),
            )


def _own_settings(files: list[TomlFile], own: Mapping[str, type]) -> Iterator[Setting]:
    """The connector's own settings: those of their class, else those that are written."""
    for way in OWN:
        fields: dict[str, Any] = {}
        settings = own.get(way[0])
        if settings is not None:
            fields = {field.name: field for field in dataclasses.fields(settings)}
        written = [key for file in files for key in (_at(file, way) or {})]
        for key in dict.fromkeys([*fields, *written]):
            field = fields.get(key)
            default = None if field is None or field.default is dataclasses.MISSING else field.default
            value, came_from = _value(files, (*way, key), default)
            required = field is not None and default is None and _has_no_default(field)
            kind = getattr(field.type, "__name__", str(field.type)) if field is not None else ""
            yield Setting(
                table=".".join(way),
                key=key,
                value=value,
                came_from=came_from,
                wanted=kind,
                default=default,
                required=required,
                meaning="",
            )


def _has_no_default(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _fields(manifest: Manifest, login: Login | None) -> Iterator[Field]:
    wanted = (manifest.connection_type, f"crossdock_{manifest.wire}")
    kind = next((one for one in CONNECTION_TYPES if one["connection-type"] in wanted), {})
    for name, field in kind.get("conn-fields", {}).items():
        secret = field["schema"].get("format") == "password"
        yield Field(
            name=name,
            label=field["label"],
            meaning=field.get("description", ""),
            secret=secret,
            required=False,
            is_set=_is_set(login, name),
        )
    for name, declared in manifest.fields.items():
        yield Field(
            name=name,
            label=declared.label,
            meaning=declared.description,
            secret=declared.secret,
            required=declared.required,
            is_set=_is_set(login, name),
        )


def _is_set(login: Login | None, name: str) -> bool | None:
    if login is None:
        return None
    return bool(login.extra.get(name)) or any(one.partition(".")[0] == name for one in login.secrets)


def _value(files: list[TomlFile], way: tuple[str, ...], default: Any) -> tuple[Any, str]:
    """A value, and where it comes from: the nearest file that says it, for people as ``folder/connector.toml:12``."""
    for file in files:
        table = _at(file, way[:-1])
        if table is not None and way[-1] in table:
            path, _, line = file.at(*way).rpartition(":")
            return table[way[-1]], f"{Path(path).parent.name}/{MANIFEST_NAME}:{line}"
    return (None, NOT_SET) if default is None else (default, DEFAULT)


def _at(file: TomlFile, way: tuple[str, ...]) -> Mapping[str, Any] | None:
    found: Any = file.values
    for name in way:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None
