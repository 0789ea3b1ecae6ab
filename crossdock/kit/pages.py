"""The docs page of each connector, made from its connector.toml and what its README.md adds.

``python -m crossdock.kit.pages`` says which pages of ``docs/connectors`` are not as they would be made, and
``--update`` writes them.
"""

import argparse
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from crossdock.kit.about import DEFAULT, NOT_SET, About, Setting, about
from crossdock.packages import package_folder
from crossdock.ports import Manifest
from crossdock.registry import Registry

README: Final = "README.md"
INDEX: Final = "README.md"

_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")

_TABLES: Final = {
    "": "The connector",
    "source": "What is read: `[source]`",
    "source.request": "How a page is asked for: `[source.request]`",
    "source.paging": "How pages follow one another: `[source.paging]`",
    "source.cursor": "What orders the records: `[source.cursor]`",
    "source.settings": "Its own settings: `[source.settings]`",
    "sink": "What is written: `[sink]`",
    "sink.settings": "Its own settings: `[sink.settings]`",
}

_IDEMPOTENCY: Final = {
    "key": "each write-back has a key that the target knows again, so a repeat has no second effect",
    "natural_key": "the target knows the same thing by its own number, so a repeat has no second effect",
    "conditional": "a change is taken on the version that was read and on no other",
    "readback": "the target is asked whether an effect is there before anything is repeated",
    "harmless": "a second effect does no harm, so a call whose outcome is unknown is repeated",
    "none": "a call whose outcome is unknown waits for a person",
}


def page(found: About) -> str:
    """The page of a connector, in Markdown."""
    manifest = found.manifest
    lines = [f"# {manifest.title}", "", *_own_words(manifest), *_facts(manifest), *_connection(found)]
    for table in dict.fromkeys(setting.table for setting in found.settings):
        lines += ["", f"## {_TABLES.get(table, table)}", "", *_settings(found, table)]
    lines += [
        "",
        f"This page is made from `connectors/{manifest.name}/connector.toml`; "
        f"`crossdock connector about {manifest.name}` tells the same of the connector as it is set up.",
    ]
    return "\n".join(lines) + "\n"


def index(manifests: Iterable[Manifest]) -> str:
    """The page that lists all of them."""
    rows = [
        (
            f"[{one.title}]({one.name}.md)",
            one.wire,
            f"`{one.source.document}`" if one.source else "",
            ", ".join(f"`{each}`" for each in one.sink.operations) if one.sink else "",
        )
        for one in sorted(manifests, key=lambda one: one.title.lower())
    ]
    lines = [
        "# Connectors",
        "",
        "How one is written is told in [docs/connectors.md](../connectors.md). Each of these was made so.",
        "",
        *_table(("connector", "wire", "reads", "writes"), rows),
    ]
    return "\n".join(lines) + "\n"


def pages(registry: Registry) -> Iterator[tuple[str, str]]:
    """The name and text of each page for the connectors of this package."""
    ours = package_folder("connectors")
    mine = [one for one in registry.manifests().values() if Path(one.folder).parent == ours]
    yield INDEX, index(mine)
    for manifest in mine:
        base = registry.manifest(manifest.like) if manifest.like else None
        yield (
            f"{manifest.name}.md",
            page(about(manifest, base=base, own=registry.settings(manifest), login=None)),
        )


def _own_words(manifest: Manifest) -> list[str]:
    """What its README.md says, without its heading."""
    path = Path(manifest.folder) / README
    if not path.is_file():
        return []
    text = path.read_text("utf-8").strip()
    if text.startswith("# "):
        text = text.partition("\n")[2].strip()
    return [_LINK.sub(lambda found: f"]({_from_here(path.parent, found[1])})", text), ""]


def _from_here(folder: Path, target: str) -> str:
    """A link of a file in this folder, as it is from a page of ours."""
    file, mark, anchor = target.partition("#")
    if "://" in target or not file:
        return target
    pages = package_folder("connectors").parent / "docs" / "connectors"
    return os.path.relpath((folder / file).resolve(), pages) + mark + anchor


def _facts(manifest: Manifest) -> list[str]:
    source, sink = manifest.source, manifest.sink
    told = [("wire", f"`{manifest.wire}`"), ("owner", manifest.owner)]
    if manifest.like:
        told.append(("like", f"[{manifest.like}]({manifest.like}.md)"))
    told.append(
        (
            "may open",
            ", ".join(
                "the host of its connection" if one == "connection" else f"`{one}`" for one in manifest.hosts
            ),
        )
    )
    if manifest.capabilities:
        told.append(("can", ", ".join(sorted(manifest.capabilities))))
    if source is not None:
        often = f"every {source.every_s} s" if source.every_s else "as it is pushed"
        told.append(("reads", f"`{source.document}`, {often}"))
    if sink is not None:
        told.append(("writes", ", ".join(f"`{one}`" for one in sink.operations)))
        told.append(("a write-back twice", _IDEMPOTENCY[sink.idempotency]))
    if manifest.personal_data:
        told.append(("tells of persons", ", ".join(f"`{one}`" for one in manifest.personal_data)))
    return _table(("", ""), told)


def _connection(found: About) -> list[str]:
    manifest = found.manifest
    lines = ["", "## Its connection", "", f"`{manifest.connection}`, of type `{manifest.connection_type}`."]
    if manifest.wire in ("rest", "soap"):
        lines[-1] += " Who we are there is told in one of the ways of [docs/logins.md](../logins.md)."
    own = [one for one in found.fields if one.name in manifest.fields]
    if own:
        rows = [
            (
                f"`{one.name}`",
                one.label,
                "yes" if one.secret else "",
                "yes" if one.required else "",
                one.meaning,
            )
            for one in own
        ]
        lines += ["", *_table(("field", "what", "secret", "needed", "meaning"), rows)]
    return lines


def _settings(found: About, table: str) -> list[str]:
    rows = [_row(one) for one in found.settings if one.table == table and one.came_from != NOT_SET]
    return _table(("key", "value", "", "what it is"), rows)


def _row(setting: Setting) -> tuple[str, str, str, str]:
    value = _literal(setting.value)
    came = "default" if setting.came_from == DEFAULT else "required" if setting.required else ""
    return f"`{setting.key}`", f"`{value}`" if value else "", came, setting.meaning


def _literal(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list() | tuple():
            return ", ".join(_literal(one) for one in value)
        case dict():
            return ", ".join(f"{key} = {_literal(one)}" for key, one in value.items())
        case _:
            return str(value)


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
        *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows),
    ]


def main(arguments: list[str]) -> int:
    """0: every page is as it would be made, or was written."""
    parser = argparse.ArgumentParser(prog="python -m crossdock.kit.pages", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the pages")
    update = parser.parse_args(arguments).update
    folder = package_folder("connectors").parent / "docs" / "connectors"
    made = dict(pages(Registry()))
    there = {path.name for path in folder.glob("*.md")} if folder.is_dir() else set()
    differ = [
        name for name, text in made.items() if name not in there or (folder / name).read_text("utf-8") != text
    ]
    stale = sorted(there - made.keys())
    for name in [*differ, *stale]:
        sys.stdout.write(f"{'written' if update else 'differs'}: {folder / name}\n")
    if update:
        folder.mkdir(exist_ok=True)
        for name in differ:
            (folder / name).write_text(made[name], encoding="utf-8")
        for name in stale:
            (folder / name).unlink()
    return 0 if update or not (differ or stale) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
