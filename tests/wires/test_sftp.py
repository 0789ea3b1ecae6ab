"""The SFTP wire against a real server: nothing short, nothing changed, nothing from a stranger is ever taken."""

import hashlib
import os
import time
from pathlib import Path

import asyncssh
import pytest

from crossdock.errors import Misconfigured, Refused, WireDown, WireQuiet
from crossdock.ports import Secret
from crossdock.testing.sftp_server import SftpServer
from crossdock.wires.sftp import FileChanged, FileTooLarge, Sftp, is_plain, is_temporary


@pytest.fixture
def server(tmp_path):
    for folder in ("outbound/archive", "inbound"):
        (tmp_path / "files" / folder).mkdir(parents=True)
    with SftpServer(tmp_path / "files") as running:
        yield running


@pytest.fixture
def wire(server):
    wire = Sftp(server.login(), channel_s=5.0)
    yield wire
    wire.close()


def drop(server: SftpServer, name: str, body: bytes) -> Path:
    path = server.root / "outbound" / name
    path.write_bytes(body)
    return path


def only(wire: Sftp, name: str):
    return next(file for file in wire.listing("/outbound").files if file.name == name)


@pytest.mark.parametrize("size", [0, 1, 32768, 32769, 2_000_000])
def test_a_file_is_read_whole(server, wire, size):
    body = os.urandom(size)
    drop(server, "a.edi", body)
    content = wire.read("/outbound", only(wire, "a.edi"))
    assert content.body == body
    assert content.sha256 == hashlib.sha256(body).hexdigest()
    assert (content.file.size, content.file.name) == (size, "a.edi")


def test_one_connection_is_kept(server, wire):
    for number in range(3):
        drop(server, f"{number}.edi", b"x")
        wire.read("/outbound", only(wire, f"{number}.edi"))
    assert server.connections == 1


def test_files_come_by_time_and_those_on_their_way_do_not_come(server, wire):
    for age, name in enumerate(["new.edi", "old.edi", "a.part", "a.TMP", "a.filepart", ".hidden"]):
        path = drop(server, name, b"x")
        os.utime(path, (1_700_000_000 - age, 1_700_000_000 - age))
    listing = wire.listing("/outbound")
    assert [file.name for file in listing.files] == ["old.edi", "new.edi"]
    assert [skipped.code for skipped in listing.skipped] == ["sftp.directory"]


HOSTILE = [
    b"a\nb.edi",
    b"-rf",
    b"<img onerror=x>.edi",
    b"bad-\xff\xfe.edi",
    b"n" * 240 + b".edi",
    b"=cmd,' C calc'!A0",
    b"$(touch x).edi",
    b"a;b.edi",
    b"..\\..\\x.edi",
    "a\u202eide.edi".encode(),
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_is_skipped_with_a_reason_and_the_good_file_beside_it_is_read(server, wire, name):
    (Path(os.fsdecode(os.fsencode(server.root) + b"/outbound/" + name))).write_bytes(b"x")
    drop(server, "good.edi", b"good")
    listing = wire.listing("/outbound")
    assert [file.name for file in listing.files] == ["good.edi"]
    skipped = [one for one in listing.skipped if one.code == "sftp.name"]
    assert len(skipped) == 1
    assert skipped[0].name.isprintable()
    assert skipped[0].sentence


def test_symlinks_fifos_and_directories_are_skipped_with_a_reason(server, wire):
    folder = server.root / "outbound"
    (folder / "link.edi").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe.edi")
    (folder / "folder.edi").mkdir()
    skipped = {one.name: one.code for one in wire.listing("/outbound").skipped}
    assert skipped == {
        "link.edi": "sftp.symlink",
        "pipe.edi": "sftp.fifo",
        "folder.edi": "sftp.directory",
        "archive": "sftp.directory",
    }


def test_a_file_that_becomes_a_symlink_after_the_listing_is_refused(server, wire):
    path = drop(server, "a.edi", b"x")
    file = only(wire, "a.edi")
    path.unlink()
    path.symlink_to(server.root / "inbound")
    with pytest.raises(Refused, match="no regular file"):
        wire.read("/outbound", file)


def test_too_many_names_are_not_all_looked_at_and_it_is_said(server, wire):
    for number in range(12):
        drop(server, f"{number:02}.edi", b"x")
    listing = wire.listing("/outbound", most=10)
    assert len(listing.files) <= 10
    assert "sftp.too_many" in {one.code for one in listing.skipped}


def test_a_file_that_grows_while_it_is_read_is_not_followed(server, wire):
    path = drop(server, "a.edi", b"x" * 100_000)
    file = only(wire, "a.edi")
    appended = []

    def append(_server, _path, _offset):
        if len(appended) < 1000:
            appended.append(1)
            with path.open("ab") as handle:
                handle.write(b"y" * 50_000)

    server.before_read = append
    with pytest.raises(FileChanged):
        wire.read("/outbound", file)
    assert len(appended) < 20


def test_a_file_that_is_truncated_while_it_is_read_is_not_taken(server, wire):
    path = drop(server, "a.edi", b"x" * 500_000)
    file = only(wire, "a.edi")
    server.before_read = lambda *_: os.truncate(path, 1000)
    with pytest.raises(FileChanged):
        wire.read("/outbound", file)


def test_a_file_that_is_replaced_while_it_is_read_is_not_taken(server, wire):
    path = drop(server, "a.edi", b"x" * 1000)
    file = only(wire, "a.edi")

    def replace(*_):
        other = path.with_name(".other")
        other.write_bytes(b"y" * 1000)
        os.utime(other, (1_700_000_000, 1_700_000_000))
        other.replace(path)

    server.before_read = replace
    with pytest.raises(FileChanged):
        wire.read("/outbound", file)


def test_a_file_that_is_too_long_is_not_read_at_all(server, wire):
    drop(server, "a.edi", b"x" * 1001)
    with pytest.raises(FileTooLarge):
        wire.read("/outbound", only(wire, "a.edi"), most_bytes=1000)
    assert not [made for made in server.made if made[0] == "open"]


def test_a_file_that_vanished_is_refused(server, wire):
    path = drop(server, "a.edi", b"x")
    file = only(wire, "a.edi")
    path.unlink()
    with pytest.raises(Refused) as caught:
        wire.read("/outbound", file)
    assert caught.value.status == "SSH_FX_NO_SUCH_FILE"


def test_a_server_that_dies_while_we_read_is_down_and_the_next_read_connects_again(server, wire):
    drop(server, "a.edi", b"x" * 2_000_000)
    file = only(wire, "a.edi")
    server.before_read = lambda running, _path, _offset: running.drop()
    with pytest.raises(WireDown):
        wire.read("/outbound", file)
    server.before_read = None
    assert len(wire.read("/outbound", file).body) == 2_000_000
    assert server.connections == 2


def test_a_server_that_stalls_is_left_after_the_deadline(server):
    drop(server, "a.edi", b"x" * 10)
    wire = Sftp(server.login(), step_s=0.5)
    file = only(wire, "a.edi")

    def stall(running, _path, _offset):
        time.sleep(2.0)  # the server's own slowness, in its own thread

    server.before_read = stall
    began = time.monotonic()
    with pytest.raises(WireDown, match="in time"):
        wire.read("/outbound", file)
    assert time.monotonic() - began < 1.8


def test_another_host_key_is_refused_before_the_password_is_sent(server, wire):
    wire.listing("/outbound")
    for kind in ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"):
        server.change_host_key(kind)
        pinned = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJgwuq2YDDP4grx5THE7JbLgDhTwDrjb6eLGPF8lgVjo"
        other = Sftp(server.login(extra={"host_key": pinned}))
        with pytest.raises(Misconfigured, match=r"host key of 127.0.0.1:\d+ is not the pinned one.*SHA256:"):
            other.listing("/outbound")


def test_a_fingerprint_can_be_pinned_instead(server):
    key = asyncssh.import_public_key(server.host_key)
    wire = Sftp(server.login(extra={"host_key": key.get_fingerprint()}))
    wire.listing("/outbound")
    wire.close()
    wrong = Sftp(server.login(extra={"host_key": "SHA256:" + "A" * 43}))
    with pytest.raises(Misconfigured, match="is not the pinned one"):
        wrong.listing("/outbound")


@pytest.mark.parametrize("host_key", [None, "", "nonsense", "ssh-ed25519 ???", "ssh-ed25519"])
def test_no_host_key_no_connection(server, host_key):
    with pytest.raises(Misconfigured, match="host"):
        Sftp(server.login(extra={"host_key": host_key}))
    assert server.connections == 0


def test_a_wrong_password_is_misconfigured(server):
    wire = Sftp(server.login(password=Secret("wrong")))
    with pytest.raises(Misconfigured, match="login is not accepted") as caught:
        wire.listing("/outbound")
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "passphrase"),
    [("ssh-ed25519", None), ("ssh-ed25519", "open"), ("ecdsa-sha2-nistp256", None), ("ssh-rsa", None)],
)
def test_a_private_key_logs_in(tmp_path, kind, passphrase):
    key = asyncssh.generate_private_key(kind)
    with SftpServer(tmp_path, client_key=key.export_public_key().decode()) as server:
        # asyncssh writes every second ECDSA key in a form that paramiko does not read; OpenSSH never does.
        form = "pkcs1-pem" if kind.startswith("ecdsa") else "openssh"
        secrets = {"private_key": Secret(key.export_private_key(form, passphrase).decode())}
        if passphrase:
            secrets["private_key_passphrase"] = Secret(passphrase)
        wire = Sftp(server.login(password=Secret(""), secrets=secrets))
        assert wire.listing("/").files == ()
        wire.close()


def test_nobody_listens(server, wire):
    server.stop()
    try:
        with pytest.raises(WireDown, match="nothing was sent"):
            wire.listing("/outbound")
    finally:
        server.stop = lambda: None


def test_a_missing_directory_is_refused(wire):
    with pytest.raises(Refused):
        wire.listing("/nowhere")


def test_a_file_is_put_under_a_temporary_name_and_then_renamed(server, wire):
    body = os.urandom(100_000)
    put = wire.put("/inbound", "997.edi", body)
    assert (server.root / "inbound" / "997.edi").read_bytes() == body
    assert (put.sha256, put.size, put.earlier) == (hashlib.sha256(body).hexdigest(), 100_000, False)
    assert [made for made in server.made if made[0] == "rename"] == [
        ("rename", b"/inbound/997.edi.part", b"/inbound/997.edi")
    ]
    assert [path.name for path in (server.root / "inbound").iterdir()] == ["997.edi"]


def test_the_same_file_put_again_is_the_earlier_one(server, wire):
    wire.put("/inbound", "997.edi", b"ST*997~")
    assert wire.put("/inbound", "997.edi", b"ST*997~").earlier
    assert len([made for made in server.made if made[0] == "rename"]) == 1


def test_another_file_of_the_same_name_is_never_overwritten(server, wire):
    (server.root / "inbound" / "997.edi").write_bytes(b"other")
    with pytest.raises(Refused, match="not overwritten"):
        wire.put("/inbound", "997.edi", b"ST*99")
    with pytest.raises(Refused, match="not overwritten"):
        wire.put("/inbound", "997.edi", b"ST*997~")
    assert (server.root / "inbound" / "997.edi").read_bytes() == b"other"


def test_a_rest_of_an_earlier_attempt_does_not_matter(server, wire):
    (server.root / "inbound" / "997.edi.part").write_bytes(b"x" * 1000)
    wire.put("/inbound", "997.edi", b"ST*997~")
    assert (server.root / "inbound" / "997.edi").read_bytes() == b"ST*997~"


@pytest.mark.parametrize(("when", "renamed"), [("before_rename", False), ("after_rename", True)])
def test_a_server_that_dies_at_the_rename_is_quiet_and_can_be_asked(server, wire, when, renamed):
    def die(running, _old, _new):
        running.drop()
        raise asyncssh.SFTPConnectionLost("gone")

    setattr(server, when, die)
    with pytest.raises(WireQuiet):
        wire.put("/inbound", "997.edi", b"ST*997~")
    setattr(server, when, None)
    assert (wire.find("/inbound", "997.edi", b"ST*997~") is not None) == renamed


def test_a_server_that_says_it_failed_and_has_renamed_is_not_believed(server, wire):
    def lie(_server, _old, _new):
        raise asyncssh.SFTPFailure("failed")

    server.after_rename = lie
    assert wire.put("/inbound", "997.edi", b"ST*997~").size == 7
    server.after_rename, server.before_rename = None, lie
    with pytest.raises(Refused):
        wire.put("/inbound", "998.edi", b"ST*998~")


def test_what_the_partner_takes_away_at_once_was_put(server, wire):
    server.after_rename = lambda running, _old, _new: (running.root / "inbound" / "997.edi").unlink()
    put = wire.put("/inbound", "997.edi", b"ST*997~")
    assert (put.taken, put.earlier) == (True, False)


def test_what_is_not_what_was_written_is_quiet(server, wire):
    server.after_rename = lambda running, _old, _new: (running.root / "inbound" / "997.edi").write_bytes(b"X")
    with pytest.raises(WireQuiet, match="cannot be read back"):
        wire.put("/inbound", "997.edi", b"ST*997~")


def test_a_move_never_overwrites(server, wire):
    drop(server, "a.edi", b"new")
    (server.root / "outbound" / "archive" / "a.edi").write_bytes(b"old")
    with pytest.raises(Refused, match="exists already"):
        wire.move("/outbound", "a.edi", "/outbound/archive", "a.edi")
    wire.move("/outbound", "a.edi", "/outbound/archive", "b.edi")
    assert (server.root / "outbound" / "archive" / "a.edi").read_bytes() == b"old"
    assert (server.root / "outbound" / "archive" / "b.edi").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "", "a\nb", "-x"])
def test_a_name_is_never_made_a_path_unless_it_is_plain(wire, name):
    for step in (lambda: wire.put("/inbound", name, b""), lambda: wire.look("/inbound", name)):
        with pytest.raises(Refused):
            step()


def test_plain_and_temporary_names():
    assert is_plain("PO 4500123456_855 (2)-v1.edi")
    assert is_plain("Bestellung_ä.edi")
    assert not is_plain(b"\xff")
    assert is_temporary("x.FILEPART")
    assert not is_temporary("x.partial.edi")


def test_the_check_walks_its_steps(server, wire):
    def walked(one: Sftp, directory: str = "/outbound") -> list[tuple[str, bool, str]]:
        steps = list(one.check(directory, write=False))
        assert all(step.ok or step.remedy for step in steps)
        return [(step.step, step.ok, step.field) for step in steps]

    before = [(name, True, "") for name in ("resolve", "connect", "host key", "login")]
    assert walked(wire) == [*before, ("permission", True, "")]
    assert walked(wire, "/nowhere") == [*before, ("permission", False, "directory")]
    wrong = Sftp(server.login(password=Secret("wrong")))
    assert walked(wrong) == [*before[:3], ("login", False, "password")]
    other = Sftp(server.login(extra={"host_key": "SHA256:" + "A" * 43}))
    assert walked(other) == [*before[:2], ("host key", False, "host_key")]
    nobody = Sftp(server.login(port=1))
    assert walked(nobody) == [*before[:1], ("connect", False, "host")]
    unknown = Sftp(server.login(host="no-such-host.invalid"))
    assert walked(unknown) == [("resolve", False, "host")]
