"""Every connection that docs/logins.md shows is read, and opens what it says."""

import json
import re
from pathlib import Path

import pytest

from crossdock.logins import from_fields
from crossdock.ports import SystemClock
from crossdock.wires.http_login import KINDS
from crossdock.wires.rest import Rest
from crossdock.wires.sftp_session import Session
from crossdock.wires.soap import Soap
from crossdock.wires.webhook import sign
from tests.wires.authorities import Authority

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "logins.md").read_text("utf-8")
SHOWN = [json.loads(text) for text in re.findall(r"^```json connection\n(.*?)^```", PAGE, re.M | re.S)]


def opened(fields, tmp_path):
    extra = fields.get("extra", {})
    if "client_certificate" in extra:
        pair = Authority(tmp_path).client()
        extra = {**extra, "client_certificate": pair[0], "client_private_key": pair[1]}
    login = from_fields("shown", {**fields, "extra": extra})
    match fields["conn_type"]:
        case "crossdock_rest":
            token_host = re.findall(r"https://([^/]+)/", str(extra.get("token_url", "")))
            hosts = (*login.hosts, *token_host)
            return Rest(type(login)(**{name: getattr(login, name) for name in login.__slots__} | {"hosts": hosts}),
                        deadline_s=1)  # fmt: skip
        case "crossdock_soap":
            return Soap(
                login, folder=ROOT, wsdl="x.wsdl", wsdl_sha256="", path="/", deadline_s=1, clock=SystemClock()
            )
        case "crossdock_sftp":
            return Session(login)
    return [sign(secret.reveal(), "msg_1", SystemClock().now(), b"{}") for secret in login.secrets.values()]


def test_the_page_shows_a_connection_of_every_kind():
    assert len(SHOWN) > 9
    shown = {fields.get("extra", {}).get("auth") for fields in SHOWN} | {"basic", "bearer", "none"}
    assert shown - {None} == set(KINDS)
    told = re.findall(r"^\| `(\w+)` \|", PAGE.partition("| `auth` |")[2].partition("\n\n")[0], re.M)
    assert told == list(KINDS)


@pytest.mark.parametrize("fields", SHOWN, ids=lambda fields: fields.get("extra", {}).get("auth", "usual"))
def test_a_connection_of_the_page_opens_what_it_says(fields, tmp_path):
    assert opened(fields, tmp_path)


def test_no_field_of_the_page_is_unknown_to_the_form():
    from crossdock.airflow.provider import CONNECTION_TYPES

    for fields in SHOWN:
        (kind,) = (one for one in CONNECTION_TYPES if one["connection-type"] == fields["conn_type"])
        assert set(fields.get("extra", {})) <= set(kind["conn-fields"])
