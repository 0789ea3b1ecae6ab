"""What docs/outgoing.md shows to consumers works as it is shown."""

import base64
import re
from datetime import timedelta
from pathlib import Path

import pytest
import standardwebhooks

from crossdock.emit.publish import violations_of
from crossdock.emit.settings import FeedSettings, Settings, WebhookSettings, load
from crossdock.emit.trial_event import trial_event
from crossdock.errors import Misconfigured
from crossdock.ports import SystemClock
from crossdock.wires.webhook import new_secret, sign

PAGE = (Path(__file__).parents[2] / "docs/outgoing.md").read_text("utf-8")
SECRET, OTHER = new_secret().reveal(), new_secret().reveal()
BODY = '{"a": "ü"}'.encode()


@pytest.fixture(scope="module")
def verify():
    (shown,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names = {}
    exec(compile(shown, "docs/outgoing.md", "exec"), names)
    return names["verify"]


def call(*secrets, body=BODY, ago=timedelta(0)):
    at = SystemClock().now() - ago
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(sign(secret, "msg_1", at, body) for secret in secrets),
    }


@pytest.mark.parametrize("signing", [(SECRET,), (OTHER, SECRET), (SECRET, OTHER)])
@pytest.mark.parametrize("known", [[SECRET], [SECRET, OTHER]])
def test_the_function_of_the_page_takes_a_call_of_ours_as_the_library_does(verify, signing, known):
    headers = call(*signing)
    assert verify(headers, BODY, known) == "msg_1"
    standardwebhooks.Webhook(SECRET).verify(BODY, headers)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (call(OTHER), BODY),
        (call(SECRET), BODY + b" "),
        (call(SECRET, ago=timedelta(hours=6)), BODY),
        (call(SECRET, ago=timedelta(hours=-6)), BODY),
        ({**call(SECRET), "webhook-id": "msg_2"}, BODY),
        ({**call(SECRET), "webhook-signature": "v1,"}, BODY),
    ],
)
def test_the_function_of_the_page_refuses_every_other(verify, headers, body):
    with pytest.raises(ValueError):
        verify(headers, body, [SECRET])


def test_the_settings_of_the_page_are_the_defaults(tmp_path):
    brokers, shown = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "outgoing.toml"
    file.write_text(shown)
    assert load(file) == Settings(public_url="https://hub.example.com/crossdock")
    file.write_text(brokers)
    assert [(one.name, one.driver) for one in load(file).brokers] == [("lake", "kafka"), ("bus", "amqp")]
    for usual, table in ((FeedSettings(), "feed"), (WebhookSettings(), "webhooks")):
        keys = re.findall(r"^(\w+) =", shown.partition(f"[{table}]")[2].partition("\n[")[0], re.MULTILINE)
        assert len(keys) == len(usual.__slots__), "every setting is shown"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[webhook]\n", "unknown field 'webhook'"),
        ("[webhooks]\nschedule_s = [1, 'x']\n", "schedule_s' must list whole numbers"),
        ("[feed]\nkept_days = 0\n", "must be a whole number from 1"),
        ("[brokers.lake]\ndriver = 'kafke'\nconnection = 'c'\nto = 't'\n", "kafke"),
        (
            "[brokers.lake]\ndriver = 'kafka'\nconnection = 'c'\nto = 't'\ncodes = ['INV.BACKORDR']\n",
            "BACKORDER",
        ),
    ],
)
def test_a_mistake_in_the_settings_is_told_with_its_line(tmp_path, text, said):
    file = tmp_path / "outgoing.toml"
    file.write_text(text)
    with pytest.raises(Misconfigured, match=re.escape(said)) as told:
        load(file)
    assert "outgoing.toml:" in str(told.value)


def test_the_event_of_a_trial_is_valid():
    assert violations_of(trial_event("main", SystemClock().now())) == []


def test_a_new_secret_is_one_of_the_standard():
    made = {new_secret().reveal() for _ in range(20)}
    assert len(made) == 20
    assert all(len(base64.b64decode(one.removeprefix("whsec_"))) == 32 for one in made)
