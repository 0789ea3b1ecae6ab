"""The pushed order hold: verified by the settings of connector.toml."""

from pathlib import Path

from crossdock.logins import from_fields
from crossdock.wires.webhook import NotVerified, Verified, sign, verify

SAMPLE = Path(__file__).resolve().parents[2] / "connectors" / "erp_push" / "samples" / "order-hold.json"
SECRET = "whsec_" + "c2VjcmV0" * 4


def test_a_push_is_verified_by_the_manifests_settings(manifest_of, clock):
    manifest = manifest_of("erp_push")
    login = from_fields("crossdock_erp_push", {"extra": {"webhook_secrets": [SECRET]}})
    body = SAMPLE.read_bytes()
    headers = [
        ("webhook-id", "msg_H-1003"),
        ("webhook-timestamp", str(int(clock.now().timestamp()))),
        ("webhook-signature", sign(SECRET, "msg_H-1003", clock.now(), body)),
    ]
    answer = verify(manifest.source.settings, headers, body, login, clock)
    assert answer == Verified(message_id="msg_H-1003", timestamp=clock.now())
    clock.move(301)
    late = verify(manifest.source.settings, headers, body, login, clock)
    assert isinstance(late, NotVerified) and late.status == 401
