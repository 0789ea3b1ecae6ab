"""The sandbox's SFTP server by its real protocol, with another library than its own."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paramiko
import pytest

from deploy.sandbox.supplier import Supplier


@pytest.fixture
def supplier(tmp_path: Path) -> Iterator[Supplier]:
    with Supplier(tmp_path / "supplier") as running:
        yield running


@contextmanager
def login(supplier: Supplier, **how: Any) -> Iterator[paramiko.SFTPClient]:
    transport = paramiko.Transport(("127.0.0.1", supplier.port))
    try:
        transport.connect(username=supplier.user, **how)
        assert f"ssh-ed25519 {transport.get_remote_server_key().get_base64()}" == supplier.host_key
        sftp = paramiko.SFTPClient.from_transport(transport)
        assert sftp is not None
        yield sftp
    finally:
        transport.close()


def test_a_file_is_read_archived_and_answered(supplier: Supplier) -> None:
    supplier.put("855_1.edi", b"ISA*00~")
    with login(supplier, password=supplier.password) as sftp:
        assert sorted(sftp.listdir("/outbound")) == ["855_1.edi", "archive"]
        assert sftp.open("/outbound/855_1.edi").read() == b"ISA*00~"
        sftp.rename("/outbound/855_1.edi", "/outbound/archive/855_1.edi.abc")
        sftp.putfo(io.BytesIO(b"ISA*01~"), "/inbound/.tmp")
        sftp.posix_rename("/inbound/.tmp", "/inbound/997_1.edi")
    assert supplier.waiting() == {}
    assert supplier.archived() == {"855_1.edi.abc": b"ISA*00~"}
    assert supplier.received() == {"997_1.edi": b"ISA*01~"}


def test_the_key_opens_as_the_password_does(supplier: Supplier) -> None:
    key = paramiko.Ed25519Key.from_private_key(io.StringIO(supplier.private_key))
    with login(supplier, pkey=key) as sftp:
        assert sorted(sftp.listdir("/")) == ["inbound", "lists", "outbound", "reports"]


def test_a_wrong_password_or_a_strange_key_stays_outside(supplier: Supplier, tmp_path: Path) -> None:
    other = Supplier(tmp_path / "other")
    stranger = paramiko.Ed25519Key.from_private_key(io.StringIO(other.private_key))
    for how in ({"password": "guess"}, {"pkey": stranger}):
        with pytest.raises(paramiko.AuthenticationException):
            with login(supplier, **how):
                pass


def test_nobody_climbs_out_of_the_folder(supplier: Supplier, tmp_path: Path) -> None:
    (tmp_path / "supplier" / "secret").write_text("x")
    with login(supplier, password=supplier.password) as sftp:
        assert sorted(sftp.listdir("/../..")) == ["inbound", "lists", "outbound", "reports"]
        for path in ("/../secret", "/outbound/../../secret", str(tmp_path / "supplier" / "secret")):
            with pytest.raises(OSError):
                sftp.stat(path)


def test_the_same_server_comes_back_after_a_restart(tmp_path: Path) -> None:
    with Supplier(tmp_path, password="p") as before:
        before.put("a.edi", b"a")
        port = before.port
    with Supplier(tmp_path, password="p", port=port) as after:
        assert (after.host_key, after.private_key) == (before.host_key, before.private_key)
        with login(after, password="p") as sftp:
            assert sftp.open("/outbound/a.edi").read() == b"a"


def test_the_private_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    Supplier(tmp_path)
    for name in ("host_key", "login_key"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
