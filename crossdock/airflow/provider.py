"""What Airflow's connection form shows for our connection types.

Found through the entry point ``apache_airflow_provider``. Fields declared here are drawn without importing a hook;
those with ``format: password`` are masked by Airflow and are secrets to us (``crossdock.airflow.connections``).
"""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

_TEXT: Final = ["string", "null"]


def _field(label: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": _TEXT, **schema}}


def _secret(label: str, description: str) -> dict[str, Any]:
    return _field(label, description, format="password")


CONNECTION_TYPES: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "connection-type": "crossdock_sftp",
        "hook-name": "Crossdock SFTP partner",
        "hook-class-name": "crossdock.airflow.hooks.SftpHook",
        "ui-field-behaviour": {
            "hidden-fields": ["schema"],
            "relabeling": {"login": "User", "password": "Password (or a private key below)"},
            "placeholders": {"host": "sftp.partner.example", "port": "22"},
        },
        "conn-fields": {
            "host_key": _field(
                "Host key (required)",
                "The partner's public host key, as they confirmed it: 'ssh-ed25519 AAAA...'. "
                "Another key is refused; there is no switch to turn that off.",
            ),
            "private_key": _secret("Private key", "Our OpenSSH private key, when the partner wants one."),
            "private_key_passphrase": _secret("Passphrase", "Of the private key, when it has one."),
        },
    },
    {
        "connection-type": "crossdock_rest",
        "hook-name": "Crossdock REST system",
        "hook-class-name": "crossdock.airflow.hooks.RestHook",
        "ui-field-behaviour": {
            "hidden-fields": [],
            "relabeling": {
                "schema": "Scheme",
                "login": "User (only for HTTP basic)",
                "password": "Bearer token (or the password of the user)",
            },
            "placeholders": {"host": "erp.example.com", "schema": "https", "port": "443"},
        },
    },
    {
        "connection-type": "crossdock_soap",
        "hook-name": "Crossdock SOAP service",
        "hook-class-name": "crossdock.airflow.hooks.SoapHook",
        "ui-field-behaviour": {
            "hidden-fields": [],
            "relabeling": {"schema": "Scheme", "login": "User"},
            "placeholders": {"host": "carrier.example.com", "schema": "https", "port": "443"},
        },
    },
    {
        "connection-type": "crossdock_webhook",
        "hook-name": "Crossdock webhook",
        "hook-class-name": "crossdock.airflow.hooks.WebhookHook",
        "ui-field-behaviour": {
            "hidden-fields": ["host", "port", "schema", "login", "password"],
            "relabeling": {},
            "placeholders": {},
        },
        "conn-fields": {
            "webhook_secrets": _secret(
                "Signing secrets",
                "Standard Webhooks secrets ('whsec_...'), separated by spaces. Give two while you rotate: "
                "both are accepted.",
            ),
            "hmac_secret": _secret("HMAC secret", "For senders that sign the body with a plain HMAC-SHA256."),
        },
    },
)


def get_provider_info() -> dict[str, Any]:
    """The provider metadata that Airflow reads at start-up."""
    return {
        "package-name": "crossdock",
        "name": "Crossdock",
        "description": "The exception hub of a distributor.",
        "versions": [version("crossdock")],
        "connection-types": [dict(kind) for kind in CONNECTION_TYPES],
    }


def secret_fields() -> frozenset[str]:
    """The names of all extra fields that are secrets."""
    return frozenset(
        name
        for kind in CONNECTION_TYPES
        for name, field in kind.get("conn-fields", {}).items()
        if field["schema"].get("format") == "password"
    )
