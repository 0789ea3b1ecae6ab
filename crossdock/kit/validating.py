"""Whether a connector is whole, as far as that is seen without opening anything: code, mapping and samples."""

import json
from collections.abc import Iterator
from pathlib import Path

from crossdock.errors import CrossdockError
from crossdock.kit import golden
from crossdock.partners import Partners
from crossdock.ports import Login, Manifest, SystemClock
from crossdock.registry import Registry
from crossdock.toml_lines import did_you_mean


def complaints(registry: Registry, manifest: Manifest) -> Iterator[str]:
    """One sentence for each thing that a person must mend. Its connector.toml was read already."""
    login = Login(connection_id=manifest.connection, host="connector.invalid")
    for side, wanted, connect in (
        ("source", manifest.source is not None and manifest.wire != "webhook", registry.source),
        ("sink", manifest.sink is not None, registry.sink),
    ):
        if not wanted:
            continue
        try:
            connect(manifest, login, SystemClock()).close()
        except CrossdockError as error:
            if manifest.connection not in str(error):  # what only the real connection can say
                yield f"its {side} cannot be made: {error}"
    partner = manifest.source.settings.get("partner") if manifest.source is not None else None
    if partner and (near := _unknown(partner)) is not None:
        yield f"[source.settings] names the partner {partner!r}, and nobody is called so{near}; correct it"
    for document in manifest.source.documents if manifest.source is not None else ():
        yield from _of_the_mapping(registry, document)


def _unknown(partner: str) -> str | None:
    """Which partner was probably meant, where none is called so; ``None`` for one that is there."""
    names = [one.name for one in Partners.load()]
    return None if partner in names else did_you_mean(partner, names)


def _of_the_mapping(registry: Registry, document: str) -> Iterator[str]:
    mapping = registry.inbound(document)
    if mapping is None:
        yield f"no mapping reads {document!r}; write one in mappings/inbound, or correct 'document'"
        return
    folder = Path(mapping.folder)
    if not (folder / "samples").is_dir():
        yield f"the mapping of {document!r} has no samples; put what the system sends into {folder / 'samples'}"
        return
    partners = Partners.load()
    for sample in golden.samples(folder):
        expected = golden.expected_path(sample)
        said = json.loads(json.dumps(golden.run(mapping, sample, partners)))
        if not expected.is_file():
            yield f"{sample} has no expected result beside it; write it with --update, and read it"
        elif json.loads(expected.read_text("utf-8")) != said:
            yield f"{sample} does not come to what {expected.name} says; correct one, or write it with --update"


def approve(registry: Registry, document: str) -> Iterator[Path]:
    """Write the expected result of each sample of this document's mapping anew, where it changed: for a person to
    read before it is kept."""
    mapping = registry.inbound(document)
    if mapping is None:
        return
    partners = Partners.load()
    for sample in golden.samples(Path(mapping.folder)):
        expected = golden.expected_path(sample)
        said = golden.written(golden.run(mapping, sample, partners))
        if not expected.is_file() or expected.read_text("utf-8") != said:
            expected.write_text(said, encoding="utf-8")
            yield expected
