"""Connectors and mappings are found by name, and a wrong file is named with its line."""

import subprocess
import sys
import textwrap
from importlib.metadata import EntryPoint

import pytest

from crossdock import registry as registry_module
from crossdock.errors import Misconfigured
from crossdock.formats.x12 import guides
from crossdock.mapping import Body
from crossdock.ports import Login, Secret, SystemClock
from crossdock.registry import Registry
from tests.edi_tries import RELEASES, SUPPLY_CHAIN

GOOD = """\
title = "Acme"
owner = "integration"
wire = "rest"
connection = "acme"
connection_type = "crossdock_rest"
version = "1"

[source]
document = "erp_order_hold"
media_type = "application/json"
every_s = 30
batch = 10

[sink]
operations = ["note"]
idempotency = "key"
remembers_s = 86400
schedule_s = [5, 15]
concurrency = 1
batch = 10
every_s = 15
"""


@pytest.fixture
def root(tmp_path):
    def write(text: str = GOOD, name: str = "acme", **files: str):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "connector.toml").write_text(text)
        for file, content in files.items():
            (folder / f"{file}.py").write_text(textwrap.dedent(content))
        return tmp_path

    return write


def test_our_own_connectors_are_right():
    found = Registry()
    assert {"supplier_edi", "erp", "carrier", "erp_push"} <= set(found.manifests())
    assert found.broken() == {}
    erp = found.manifest("erp")
    assert (erp.wire, erp.source.document, erp.sink.idempotency) == ("rest", "erp_order_hold", "key")
    assert found.manifest("erp_push").source.every_s is None
    written = {name for name in found.outbound_mappings() if name.startswith("x12_")}
    assert set(found.manifest("supplier_edi").sink.operations) == {"997", "999", "TA1"} | written


def test_each_of_our_connectors_opens_nothing_until_it_is_used():
    found = Registry()
    login = Login(
        connection_id="c",
        host="no-such-host.invalid",
        user="u",
        extra={
            "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJgwuq2YDDP4grx5THE7JbLgDhTwDrjb6eLGPF8lgVjo",
            "database": "erp",
        },
        secrets={"api_key": Secret("key")},
    )
    for manifest in found.manifests().values():
        if manifest.source is not None and manifest.source.every_s is not None:
            found.source(manifest, login, SystemClock()).close()
        if manifest.sink is not None:
            found.sink(manifest, login, SystemClock()).close()


def test_the_tenant_comes_from_the_environment_or_the_file(root, monkeypatch):
    monkeypatch.setenv("CROSSDOCK_TENANT", "acme")
    assert Registry(root()).manifest("acme").tenant == "acme"
    assert Registry(root('tenant = "two"\n' + GOOD)).manifest("acme").tenant == "two"
    monkeypatch.setenv("CROSSDOCK_TENANT", "Not A Tenant")
    assert "CROSSDOCK_TENANT" in str(Registry(root()).broken()["acme"])


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("owner =", "ownr =", 2, "unknown key 'ownr' in the file (did you mean 'owner'?)"),
        ('owner = "integration"\n', "", 1, "the file lacks 'owner'"),
        ('title = "Acme"', "title = 7", 1, "'title' must be a text that is not empty, not 7"),
        ('title = "Acme"', 'title = ""', 1, "a text that is not empty"),
        ('"rest"', '"pigeon"', 3, "one of rest, soap, sftp, webhook"),
        ("every_s = 30", 'every_s = "30"', 11, "'every_s' must be a whole number"),
        ("every_s = 30", "every_s = true", 11, "must be a whole number"),
        ("every_s = 30", "every_s = 0", 11, "above 0"),
        ("every_s = 30\n", "", 8, "how often it is read"),
        ("batch = 10\n\n", "batches = 10\n\n", 12, "did you mean 'batch'?"),
        ('["note"]', "[]", 15, "a list of operation names"),
        ('"key"', '"hope"', 16, "one of key, natural_key, conditional, readback, harmless, none"),
        ("remembers_s = 86400\n", "", 16, "[sink] lacks 'remembers_s'"),
        (
            '"key"',
            '"harmless"',
            16,
            "'harmless' is for notices that people read (notify), and 'note' changes",
        ),
        ('"key"', '"readback"', 17, "'remembers_s' is about keys, and idempotency is 'readback'"),
        ("86400", "0", 17, "'remembers_s' must be a whole number above 0"),
        ("[5, 15]", "[5, -1]", 18, "waits in whole seconds"),
        ("[5, 15]", '"5"', 18, "must be a list"),
        (
            "every_s = 15\n",
            "every_s = 15\nmax_age_s = 4\n",
            22,
            "shorter than the first wait of 'schedule_s'",
        ),
        ("every_s = 15\n", "every_s = 15\nburst = 4\n", 22, "'burst' belongs to 'rate_per_s'"),
        ("every_s = 15\n", "every_s = 15\nrate_per_s = 0\n", 22, "'rate_per_s' must be a number above 0"),
        ("every_s = 15\n", "every_s = 15\nretry_share = 0.5\n", 22, "must be a number from 0 to 0.2"),
        (
            "every_s = 15\n",
            'every_s = 15\nordering = "line"\n',
            22,
            "'ordering' must be one of subject, none",
        ),
        (
            "every_s = 15\n",
            'every_s = 15\nblackouts = ["at night"]\n',
            22,
            "'at night' is no blackout window",
        ),
        (
            "every_s = 15\n",
            'every_s = 15\nblackouts = ["Mon 01:00-02:00 Mars/Base"]\n',
            22,
            "no time zone 'Mars/Base'",
        ),
        ("concurrency = 1\n", "", 14, "[sink] lacks 'concurrency'"),
        ('wire = "rest"', 'wire = "rest', 3, "is not TOML"),
        ("[sink]", "[sinks]", 14, "did you mean 'sink'?"),
    ],
)
def test_a_wrong_file_is_named_with_its_line_and_what_was_meant(root, old, new, line, words):
    assert old in GOOD
    found = Registry(root(GOOD.replace(old, new, 1)))
    assert found.manifests() == {}
    with pytest.raises(Misconfigured) as caught:
        found.manifest("acme")
    assert f"acme/connector.toml:{line}: " in str(caught.value)
    assert words in str(caught.value)


def test_a_webhook_is_not_polled_and_everything_else_is(root):
    text = GOOD.replace('"rest"', '"webhook"')
    with pytest.raises(Misconfigured, match="not polled"):
        Registry(root(text)).manifest("acme")


def test_a_connector_that_does_nothing_is_refused(root):
    with pytest.raises(Misconfigured, match=r"neither \[source\] nor \[sink\]"):
        Registry(root(GOOD.partition("[source]")[0])).manifest("acme")


def test_a_bad_connector_does_not_stop_the_good_one_beside_it(root):
    root(GOOD, "good")
    found = Registry(root("nonsense", "bad"))
    assert list(found.manifests()) == ["good"]
    assert list(found.broken()) == ["bad"]


@pytest.mark.parametrize(("name", "meant"), [("acm", "did you mean 'acme'?"), ("zzz", "known: acme")])
def test_an_unknown_name_is_told_what_was_meant(root, name, meant):
    with pytest.raises(Misconfigured) as caught:
        Registry(root()).manifest(name)
    assert meant in str(caught.value)


CONNECT = """
from .shared import WORD

class End:
    def __init__(self, manifest): self.said = WORD + manifest.name
    def read(self, after): return iter(())
    def settle(self, message, verdict): pass
    def deliver(self, write_back): raise NotImplementedError
    def close(self): pass

def connect(manifest, login, clock): return End(manifest)
"""


def test_a_connector_outside_the_package_is_loaded_with_its_own_modules(root):
    found = Registry(root(GOOD, source=CONNECT, sink=CONNECT, shared="WORD = 'from '"))
    manifest = found.manifest("acme")
    login = Login(connection_id="c")
    assert found.source(manifest, login, SystemClock()).said == "from acme"
    assert found.sink(manifest, login, SystemClock()).said == "from acme"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "has no source.py"),
        ({"source": "x = 1"}, "lacks connect"),
        ({"source": "import no_such_module"}, "does not load: ModuleNotFoundError"),
        ({"source": "1/0"}, "does not load: ZeroDivisionError"),
        ({"source": "raise SystemExit(3)"}, "does not load: SystemExit: 3"),
    ],
)
def test_a_connector_whose_code_is_wrong_says_so(root, files, words):
    found = Registry(root(GOOD, **files))
    with pytest.raises(Misconfigured) as caught:
        found.source(found.manifest("acme"), Login(connection_id="c"), SystemClock())
    assert words in str(caught.value)


def test_a_side_that_is_not_declared_is_misconfigured(root):
    found = Registry(root(GOOD.partition("[sink]")[0]))
    with pytest.raises(Misconfigured, match=r"no \[sink\]"):
        found.sink(found.manifest("acme"), Login(connection_id="c"), SystemClock())


SETTINGS = """
from dataclasses import dataclass
from typing import Literal
from crossdock.manifests import typed

@dataclass(frozen=True, kw_only=True)
class Source:
    path: str
    pages: int = 3
    wait_s: float = 1.0
    kind: Literal["a", "b"] = "a"
    names: tuple[str, ...] = ()
    note: str | None = None
    def __post_init__(self):
        if self.pages < 1:
            raise ValueError("pages must be above 0")

def check(manifest):
    return typed(Source, manifest, "source")
"""


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('path = "/x"\npages = 2\nwait_s = 2\nkind = "b"\nnames = ["a"]\nnote = "n"', None),
        ('path = "/x"\nwait_s = 2.5', None),
        ('pth = "/x"', ":15: unknown key 'pth' in [source.settings] (did you mean 'path'?)"),
        ("pages = 2", ":14: [source.settings] lacks 'path'"),
        ("path = 7", ":15: 'path' must be a text, not 7"),
        ('path = "/x"\npages = true', ":16: 'pages' must be a whole number"),
        ('path = "/x"\nkind = "c"', ":16: 'kind' must be one of a, b"),
        ('path = "/x"\nnames = "a"', ":16: 'names' must be a list of texts"),
        ('path = "/x"\npages = 0', ":14: pages must be above 0"),
    ],
)
def test_the_settings_of_a_connector_are_checked_when_it_is_listed(root, settings, words):
    text = GOOD.replace("[sink]", f"[source.settings]\n{settings}\n\n[sink]")
    found = Registry(root(text, settings=SETTINGS))
    if words is None:
        assert found.broken() == {}
    else:
        assert words in str(found.broken()["acme"])


def test_listing_connectors_imports_nothing_heavy():
    program = (
        "import sys\nfrom crossdock.registry import Registry\nassert len(Registry().manifests()) >= 4\n"
        "heavy = {'requests', 'zeep', 'paramiko', 'sqlalchemy', 'airflow', 'lxml', 'pyx12', 'tenacity'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.fixture
def mappings(tmp_path, monkeypatch):
    def write(side: str, **packages: str) -> str:
        package = f"test_mappings_{side}_{tmp_path.name.replace('-', '_')}"
        base = tmp_path / package
        base.mkdir()
        (base / "__init__.py").write_text("")
        for name, text in packages.items():
            (base / name).mkdir()
            (base / name / "__init__.py").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        return package

    return write


def test_mappings_are_found_by_document_and_operation(mappings):
    found = Registry(
        inbound_package=mappings(
            "in",
            x12_855="DOCUMENT='x12/855'\nVERSION='1.2.0'\ndef map(document, context): yield document",
            broken="import no_such_module",
            empty="",
            other="DOCUMENT='x12/855'\nVERSION='1'\ndef map(document, context): yield 1",
        ),
        outbound_package=mappings(
            "out", erp_note="OPERATION='note'\nVERSION='1'\ndef write(*a, **k): return 'written'"
        ),
    )
    mapping = found.inbound("x12/855")
    assert (mapping.document, mapping.version) in {("x12/855", "1.2.0"), ("x12/855", "1")}
    assert found.inbound("x12/999") is None
    assert found.outbound("note").write() == "written"
    assert found.outbound("fly") is None
    with pytest.raises(Misconfigured, match="does not load"):
        found.inbound("broken")
    broken = found.broken()
    assert {"inbound/broken", "inbound/empty", "inbound/x12_855"} <= set(broken)
    assert "so does 'other'" in str(broken["inbound/x12_855"])


def test_our_own_mappings_load():
    """Every set of the supply chain has a mapping; what we are told beside X12 has one too."""
    found = Registry()
    documents = set(found.inbound_mappings())
    assert {each for each in documents if "/" in each} == {f"x12/{set_id}" for set_id in SUPPLY_CHAIN}
    assert {"erp_order_hold", "carrier_status", "wms_pick"} <= documents
    assert {"ups_tracking", "ups_track_alert", "fedex_tracking", "dhl_tracking"} <= documents
    assert {"supplier_backorders", "supplier_stock"} <= documents
    written = {f"x12_{set_id}" for set_id in ("824", "855", "860", "865", "870", "990")}
    assert {"note", "hold", "release", "change_date"} | written <= set(found.outbound_mappings())
    assert found.broken() == {}


@pytest.mark.parametrize("set_id", [one for one in SUPPLY_CHAIN if one != "TA1"])
def test_every_set_of_the_supply_chain_has_a_guide_in_both_releases(set_id):
    """A TA1 is a segment and needs none; there is no 999 before 005010."""
    assert set(guides.releases(set_id)) >= ({"005010"} if set_id == "999" else set(RELEASES))
    for release in guides.releases(set_id):
        assert guides.guide(set_id, release).release == release


def test_no_set_outside_of_the_supply_chain_has_a_guide_or_a_mapping_by_accident():
    assert set(guides.set_ids()) == set(SUPPLY_CHAIN) - {"TA1"}
    assert len(SUPPLY_CHAIN) == len(set(SUPPLY_CHAIN)) == 29


def test_packages_of_others_join_by_entry_points(tmp_path, monkeypatch):
    package = tmp_path / "acme_connector"
    (package / "acme").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "acme" / "__init__.py").write_text("")
    (package / "acme" / "connector.toml").write_text(GOOD)
    monkeypatch.syspath_prepend(str(tmp_path))

    def entries(*, group):
        if group != registry_module.CONNECTORS_GROUP:
            return []
        return [
            EntryPoint("acme", "acme_connector.acme", group),
            EntryPoint("erp", "acme_connector.acme", group),
            EntryPoint("gone", "no_such_package.x", group),
            EntryPoint("misnamed", "acme_connector.acme", group),
        ]

    monkeypatch.setattr(registry_module, "entry_points", entries)
    found = Registry()
    assert "acme" in found.manifests()
    assert found.manifest("erp").title != "Acme"
    assert set(found.broken()) == {"erp (acme_connector.acme)", "gone", "misnamed"}


def test_a_body_has_no_headers_unless_given():
    assert Body(body=b"x", media_type="text/plain", subject="a/1").headers == {}


FIELD = '\n[fields.consumer_{}]\nlabel = "Consumer key"\nsecret = true\n'


def test_a_connection_has_fields_of_its_connector(tmp_path, monkeypatch):
    """They are shown in Airflow's form under a type of their own."""
    from crossdock.airflow import provider

    folder = tmp_path / "connectors/acme"
    folder.mkdir(parents=True)
    own = GOOD.replace('"crossdock_rest"', '"crossdock_acme"') + FIELD.format("secret")
    (folder / "connector.toml").write_text(own)
    monkeypatch.setenv("CROSSDOCK_SITE_DIR", str(tmp_path))
    (kind,) = [one for one in provider.types_of_connectors() if one["connection-type"] == "crossdock_acme"]
    assert kind["conn-fields"]["consumer_secret"]["schema"]["format"] == "password"
    assert "token_url" in kind["conn-fields"], "what the wire asks is asked as well"
    from crossdock.airflow import hooks

    assert getattr(hooks, kind["hook-class-name"].rpartition(".")[2]).conn_type == "crossdock_acme"
    with pytest.raises(AttributeError):
        _ = hooks.HookOf_no_such


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            GOOD.replace('"crossdock_rest"', '"crossdock_acme"') + FIELD.format("key"),
            "is not one by its name",
        ),
        (GOOD + FIELD.format("secret"), "is shared with other connectors"),
    ],
)
def test_a_field_that_would_be_shown_or_shared_is_refused(root, text, words):
    assert words in str(Registry(root(text)).broken()["acme"])


def test_a_site_has_connectors_and_mappings_of_its_own(root, tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSDOCK_SITE_DIR", str(tmp_path / "site"))
    assert "CROSSDOCK_SITE_DIR" in Registry().broken()
    site = tmp_path / "site"
    for folder in ("connectors/acme", "connectors/erp", "mappings/inbound/acme"):
        (site / folder).mkdir(parents=True)
    (site / "connectors/acme/connector.toml").write_text(GOOD)
    (site / "connectors/erp/connector.toml").write_text(GOOD)
    (site / "mappings/inbound/acme/__init__.py").write_text(
        'DOCUMENT = "acme"\nVERSION = "1"\n\ndef map(document, context):\n    return iter(())\n'
    )
    found = Registry()
    assert found.manifest("acme").title == "Acme"
    assert found.manifest("erp").title == "ERP over REST"
    (complaint,) = found.broken().values()
    assert "has the name of another connector" in str(complaint)
    assert found.inbound("acme").name == "acme"


def test_a_connector_is_like_another_and_says_only_what_differs(root, tmp_path):
    code = "def connect(manifest, login, clock):\n    return manifest.sink.concurrency, manifest.title\n"
    root(GOOD, source=code, sink=code)
    root('title = "Second"\nlike = "acme"\nconnection = "second"\n\n[sink]\nconcurrency = 4\n', "second")
    root('title = "Third"\nlike = "second"\n', "third")
    root('title = "Fourth"\nlike = "acm"\n', "fourth")
    found = Registry(tmp_path)
    second = found.manifest("second")
    assert (second.title, second.owner, second.connection) == ("Second", "integration", "second")
    assert found.sink(second, Login(connection_id="c"), SystemClock()) == (4, "Second")
    assert second.code_folder == str(tmp_path / "acme")
    assert "third/connector.toml:2: 'second' is itself like 'acme'" in str(found.broken()["third"])
    assert "fourth/connector.toml:2" in str(found.broken()["fourth"])
    assert "did you mean 'acme'?" in str(found.broken()["fourth"])


def test_a_login_carries_the_hosts_that_the_connector_declares(root, tmp_path):
    code = "def connect(manifest, login, clock):\n    return login.hosts\n"
    found = Registry(root('hosts = ["connection", "*.ups.com"]\n' + GOOD, source=code))
    login = Login(connection_id="c", host="api.acme.example")
    assert found.source(found.manifest("acme"), login, SystemClock()) == ("api.acme.example", "*.ups.com")
    found = Registry(root('hosts = ["https://ups.com"]\n' + GOOD))
    assert "'hosts' must be a list of host names" in str(found.broken()["acme"])


def test_a_connector_that_a_site_does_not_use_is_there_and_does_nothing(monkeypatch):
    monkeypatch.setenv("CROSSDOCK_CONNECTORS_OFF", "ups, erp")
    found = Registry()
    assert not {"ups", "erp"} & found.manifests().keys()
    assert "carrier" in found.manifests()
    assert found.broken() == {}
    with pytest.raises(Misconfigured, match="'erp' is switched off"):
        found.manifest("erp")
