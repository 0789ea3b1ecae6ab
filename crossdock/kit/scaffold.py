"""Writes a new connector and the mapping of its document, which work and pass the conformance kit as they are.

Each wire has a folder of templates; what is to be filled in stands in them as ``$name``. Nothing that is there is
ever overwritten.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path
from string import Template
from typing import Final

from crossdock.errors import Misconfigured
from crossdock.manifests import CONNECTOR_NAME
from crossdock.packages import package_folder
from crossdock.registry import SITE, inbound_at

TEMPLATES: Final = Path(__file__).with_name("templates")

_JSON_IMPORTS: Final = """\
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from canonical.events import ExceptionEvent, Fact, Line, Ref, Statement
from crossdock.errors import Place, Unreadable
from crossdock.partners import MappingContext"""

_XML_IMPORTS: Final = """\
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from canonical.events import ExceptionEvent, Fact, Line, Ref, Statement
from crossdock.errors import Place, Unreadable
from crossdock.partners import MappingContext

if TYPE_CHECKING:
    from lxml.etree import _Element"""

_READING: Final[Mapping[str, Mapping[str, str]]] = {
    "json": {
        "imports": _JSON_IMPORTS,
        "constants": "",
        "kind": "Any",
        "value": "document.get(name) if isinstance(document, Mapping) else None",
        "place": 'json_pointer=f"/{name}"',
    },
    "xml": {
        "imports": _XML_IMPORTS,
        "constants": (
            '\nNAMESPACE: Final = "urn:$name:1"\nELEMENTS: Final = {\n    "id": "Id",\n    "order": "Order",\n'
            '    "line": "Line",\n    "item": "Item",\n    "quantity": "Quantity",\n    "status": "Status",\n'
            '    "promised_on": "PromisedOn",\n}\n'
        ),
        "kind": '"_Element"',
        "value": 'document.findtext(f"{{{NAMESPACE}}}{ELEMENTS[name]}")',
        "place": 'xpath=f"/OrderStatus/{ELEMENTS[name]}"',
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaffold:
    """What was written, and what is to be set before it works: the connection that it waits for."""

    name: str
    document: str
    connector: Path
    mapping: Path | None
    files: tuple[Path, ...]
    connection: Mapping[str, object]


def wires() -> tuple[str, ...]:
    """The wires that have templates."""
    return tuple(
        sorted(folder.name for folder in TEMPLATES.iterdir() if (folder / "connector.toml.txt").is_file())
    )


def write(
    name: str, wire: str, *, into: Path, document: str | None = None, owner: str = "integration"
) -> Scaffold:
    """A connector of this name in ``into/connectors``, and the mapping of its document in ``into/mappings/inbound``
    unless a document is named that has one already. Raises ``Misconfigured``; then nothing was written."""
    if not CONNECTOR_NAME.fullmatch(name) or iskeyword(name):
        raise Misconfigured(
            f"{name!r} is no name for a connector: a-z, 0-9 and _, at most 40, a letter first, and no word of Python"
        )
    if wire not in wires():
        raise Misconfigured(
            f"there is no template for the wire {wire!r}; there is one for {', '.join(wires())}"
        )
    connector, mapping = into / "connectors" / name, into / "mappings" / "inbound" / name
    if not into.is_dir():
        raise Misconfigured(f"{into} is no folder; make it, or name another one")
    planned = dict(_planned(name, wire, connector, None if document else mapping, document or name, owner))
    there = next(
        (folder for folder in (connector, mapping) if folder.exists() and _of(folder, planned)), None
    )
    if there is not None:
        raise Misconfigured(f"{there} is there already; nothing was written")
    for path, text in planned.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    files = list(planned)
    if document is None:
        files += _expected(mapping)
    return Scaffold(
        name=name,
        document=document or name,
        connector=connector,
        mapping=None if document else mapping,
        files=tuple(files),
        connection=_CONNECTIONS[wire],
    )


def place() -> Path:
    """Where a new connector belongs: the site's folder, else the checkout that Crossdock runs from."""
    named = os.environ.get(SITE)
    if named:
        return Path(named).resolve()
    here = package_folder("connectors").parent
    if not (here / "pyproject.toml").is_file():
        raise Misconfigured(
            f"Crossdock is installed and not run from a checkout; say where your own connectors lie with --into, "
            f"and set {SITE} to it"
        )
    return here


_HTTP: Final = {"schema": "https", "host": "api.example.com", "password": "..."}
_CONNECTIONS: Final[Mapping[str, Mapping[str, object]]] = {
    "rest": {"conn_type": "crossdock_rest", **_HTTP},
    "soap": {"conn_type": "crossdock_soap", **_HTTP, "login": "..."},
    "sql": {
        "conn_type": "crossdock_sql",
        "host": "erp-db.example.com",
        "login": "crossdock",
        "password": "...",
        "extra": {"driver": "postgresql+psycopg", "database": "erp"},
    },
    "sftp": {
        "conn_type": "crossdock_sftp",
        "host": "sftp.example.com",
        "login": "...",
        "password": "...",
        "extra": {"host_key": "ssh-ed25519 ..."},
    },
    "file": {"conn_type": "fs", "extra": {"path": "/srv/share"}},
    "webhook": {"conn_type": "crossdock_webhook", "extra": {"webhook_secrets": "whsec_..."}},
}
"""What the connection of a new connector looks like, for the person who makes it."""


def _of(folder: Path, planned: Mapping[Path, str]) -> bool:
    return any(path.is_relative_to(folder) for path in planned)


def _planned(
    name: str, wire: str, connector: Path, mapping: Path | None, document: str, owner: str
) -> Iterator[tuple[Path, str]]:
    values = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "document": document,
        "owner": owner,
    }
    xml = wire == "soap"
    if (TEMPLATES / wire / "service.wsdl.txt").is_file():
        wsdl = _filled(TEMPLATES / wire / "service.wsdl.txt", values)
        values["wsdl_sha256"] = hashlib.sha256(wsdl.encode()).hexdigest()
        yield connector / "contract" / "service.wsdl", wsdl
    yield connector / "README.md", _filled(TEMPLATES / "README.md.txt", values)
    yield connector / "__init__.py", f'"""{values["title"]}."""\n'
    for template in sorted((TEMPLATES / wire).iterdir()):
        file = template.name.removesuffix(".txt")
        if file == "service.wsdl":
            continue
        code = file.endswith((".toml", ".py"))
        yield (connector if code else connector / "samples") / file, _filled(template, values)
    if mapping is None:
        return
    kind = "xml" if xml else "json"
    reading = {key: Template(text).safe_substitute(values) for key, text in _READING[kind].items()}
    text = _filled(TEMPLATES / "mapping" / "mapping.py.txt", {**values, **reading})
    yield mapping / "__init__.py", text
    for template in sorted((TEMPLATES / "mapping").glob(f"*.{kind}.txt")):
        yield mapping / "samples" / template.name.removesuffix(".txt"), _filled(template, values)


def _filled(template: Path, values: Mapping[str, str]) -> str:
    return Template(template.read_text("utf-8")).substitute(values)


def _expected(mapping: Path) -> Iterator[Path]:
    """The golden results of the new samples: what the new mapping says of them."""
    from crossdock.kit import golden
    from crossdock.partners import Partners

    loaded, partners = inbound_at(mapping), Partners.load()
    for sample in golden.samples(mapping):
        path = golden.expected_path(sample)
        path.write_text(golden.written(golden.run(loaded, sample, partners)), encoding="utf-8")
        yield path
