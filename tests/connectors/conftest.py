"""What the tests of the connectors share: a clock that is moved, manifests, and write-backs."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crossdock.manifests import read_manifest
from crossdock.messages import WriteBack
from crossdock.ports import Manifest

CONNECTORS = Path(__file__).resolve().parents[2] / "connectors"


class MovedClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def move(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def manifest_of(tmp_path):
    """The manifest of a connector, with lines of its connector.toml replaced."""

    def read(name: str, **changed: str) -> Manifest:
        if not changed:
            return read_manifest(CONNECTORS / name)
        folder = tmp_path / "connectors" / name
        folder.mkdir(parents=True, exist_ok=True)
        lines = (CONNECTORS / name / "connector.toml").read_text().splitlines()
        for key, value in changed.items():
            found = [index for index, line in enumerate(lines) if line.startswith(f"{key} =")]
            assert found, f"connector.toml of {name} has no {key}"
            for at in found:
                lines[at] = f"{key} = {value}"
        (folder / "connector.toml").write_text("\n".join(lines) + "\n")
        return read_manifest(folder)

    return read


@pytest.fixture
def write_back():
    def make(
        operation: str,
        body: bytes,
        *,
        subject: str = "supplier_po/4500123456",
        key: str = "key-1",
        target: str = "erp",
        **headers: str,
    ) -> WriteBack:
        return WriteBack(
            id=uuid.uuid5(uuid.NAMESPACE_URL, key),
            tenant="main",
            target=target,
            operation=operation,
            idempotency_key=key,
            body=body,
            media_type="application/json",
            subject=subject,
            headers=headers,
            attempt=1,
        )

    return make
