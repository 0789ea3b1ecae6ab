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


def _choice(label: str, description: str, *words: str) -> dict[str, Any]:
    return _field(label, description, enum=[*words, None])


_HTTP: Final[Mapping[str, Any]] = {
    "api_key": _secret("API key", "For auth 'api_key'."),
    "api_key_header": _field(
        "API key: header", "The name of the header that holds it; X-API-Key without a name."
    ),
    "api_key_query": _field(
        "API key: query", "The name in the query, where it goes there and not in a header."
    ),
    "token_url": _field("OAuth2: token URL", "Where tokens are given, for auth 'oauth2': 'https://...'."),
    "client_id": _field("OAuth2: client id", "Who we are there."),
    "client_secret": _secret("OAuth2: client secret", "Of that client."),
    "scope": _field(
        "OAuth2: scope", "What the token is for, as the system's owner says; separated by spaces."
    ),
    "audience": _field("OAuth2: audience", "For whom the token is, where the token URL asks for it."),
    "client_auth": _choice(
        "OAuth2: where the secret goes",
        "'basic' (a header, the usual) or 'post' (the form).",
        "basic",
        "post",
    ),
    "refresh_token": _secret(
        "OAuth2: refresh token",
        "Where the system gives one instead of client credentials. It must stay the same.",
    ),
    "token_header": _field(
        "OAuth2: header of the token", "Where it is not 'Authorization: Bearer': the header that holds it."
    ),
    "client_certificate": _field(
        "Client certificate", "Our certificate in PEM form, for systems that know their callers by it (mTLS)."
    ),
    "client_private_key": _secret("Client private key", "Of that certificate, in PEM form."),
    "client_private_key_passphrase": _secret("Passphrase", "Of that key, when it has one."),
    "region": _field("AWS region", "For auth 'sigv4': 'us-east-1'."),
    "service": _field("AWS service", "For auth 'sigv4': 'execute-api'."),
    "session_token": _secret("AWS session token", "With temporary credentials."),
    "ca_bundle": _field(
        "CA bundle",
        "The path of a file with the authorities to trust instead of the usual ones, on every worker.",
    ),
    "addresses": _choice(
        "Addresses",
        "'public': refuse the host when its name leads into a private network. 'internal' allows that.",
        "internal",
        "public",
    ),
    "at_once": _field(
        "Calls at once", "So many calls of one worker are at the host at once; 8 without a number."
    ),
}
"""What the connections over HTTP ask beside host, user and password. ``docs/logins.md`` has one of each kind."""

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
        "conn-fields": {
            "auth": _choice(
                "Login",
                "How we show who we are. Empty: basic with a user, bearer with a password alone.",
                "basic",
                "bearer",
                "api_key",
                "oauth2",
                "mtls",
                "sigv4",
                "none",
            ),
            **_HTTP,
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
        "conn-fields": {
            "auth": _choice(
                "Login",
                "How we show who we are. Empty: basic with a user, bearer with a password alone.",
                "basic",
                "bearer",
                "ws_security",
                "api_key",
                "oauth2",
                "mtls",
                "sigv4",
                "none",
            ),
            "ws_security_type": _choice(
                "WS-Security: password",
                "'text' (the usual, hidden by TLS) or 'digest' (with nonce and time).",
                "text",
                "digest",
            ),
            **_HTTP,
        },
    },
    {
        "connection-type": "crossdock_sql",
        "hook-name": "Crossdock SQL view",
        "hook-class-name": "crossdock.airflow.hooks.SqlHook",
        "ui-field-behaviour": {
            "hidden-fields": ["schema"],
            "relabeling": {"login": "User (with no right but SELECT)"},
            "placeholders": {"host": "erp-db.example.com", "port": "5432"},
        },
        "conn-fields": {
            "driver": _field(
                "Driver (required)",
                "As SQLAlchemy names it: 'postgresql+psycopg', 'mssql+pyodbc', 'oracle+oracledb', 'mysql+pymysql', "
                "'sqlite'. All but the first and the last are installed beside Crossdock.",
            ),
            "database": _field("Database", "Its name; for sqlite the path of the file."),
            "options": _field(
                "Options",
                "Of the driver, as in a URL: 'sslmode=verify-full&sslrootcert=/etc/ssl/erp.pem', "
                "'driver=ODBC Driver 18 for SQL Server'. PostgreSQL must show its certificate unless sslmode "
                "says less.",
            ),
        },
    },
    {
        "connection-type": "crossdock_smtp",
        "hook-name": "Crossdock mail server (SMTP)",
        "hook-class-name": "crossdock.airflow.hooks.SmtpHook",
        "ui-field-behaviour": {
            "hidden-fields": ["schema"],
            "relabeling": {"login": "User"},
            "placeholders": {"host": "smtp.example.com", "port": "587"},
        },
        "conn-fields": {
            "tls": _choice(
                "Encryption",
                "'starttls' (usual, port 587) or 'implicit' (port 465); 'none' only to a server on the same machine.",
                "starttls",
                "implicit",
                "none",
            ),
            "ca_bundle": _field(
                "CA bundle",
                "The path of a file with the authorities to trust instead of the usual ones, on every worker.",
            ),
            "addresses": _choice(
                "Addresses",
                "'public': refuse the host when its name leads into a private network. 'internal' allows that.",
                "internal",
                "public",
            ),
        },
    },
    {
        "connection-type": "crossdock_imap",
        "hook-name": "Crossdock mailbox",
        "hook-class-name": "crossdock.airflow.hooks.ImapHook",
        "ui-field-behaviour": {
            "hidden-fields": ["schema"],
            "relabeling": {"login": "User"},
            "placeholders": {"host": "imap.example.com", "port": "993"},
        },
        "conn-fields": {
            "security": _choice(
                "Security", "TLS from the beginning (the usual), or 'starttls'.", "tls", "starttls", "none"
            ),
            "auth": _choice(
                "Login", "'password' (the usual), or 'oauth2' as Microsoft and Google want it.", "oauth2"
            ),
            **{
                name: _HTTP[name]
                for name in ("token_url", "client_id", "client_secret", "scope", "refresh_token", "ca_bundle")
            },
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
            "webhook_credentials": _secret(
                "Credentials",
                "For senders that show a credential in a header: 24 characters or more, separated by spaces. Give "
                "two while you rotate.",
            ),
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
        "connection-types": [dict(kind) for kind in (*CONNECTION_TYPES, *types_of_connectors())],
    }


def types_of_connectors() -> list[Mapping[str, Any]]:
    """A connection type for each connector whose form asks more than its wire does (``[fields]``), as
    its ``connection_type`` says. A connector.toml that cannot be read has none, and stops nothing here."""
    from crossdock.registry import Registry

    known = {kind["connection-type"]: kind for kind in CONNECTION_TYPES}
    made: dict[str, Mapping[str, Any]] = {}
    for manifest in Registry().manifests().values():
        if not manifest.fields or manifest.connection_type in known:
            continue
        base = known.get(f"crossdock_{manifest.wire}", {})
        own = {
            name: (_secret if field.secret else _field)(
                f"{field.label} (required)" if field.required else field.label, field.description
            )
            for name, field in manifest.fields.items()
        }
        made[manifest.connection_type] = {
            **base,
            "connection-type": manifest.connection_type,
            "hook-name": f"Crossdock: {manifest.title}",
            "hook-class-name": f"crossdock.airflow.hooks.{HOOK_OF}{manifest.connection_type}",
            "conn-fields": {**own, **base.get("conn-fields", {})},
        }
    return list(made.values())


HOOK_OF: Final = "HookOf_"
"""``crossdock.airflow.hooks`` makes the hook class of such a type when it is asked for it by this name."""


def secret_fields() -> frozenset[str]:
    """The names of all extra fields that are secrets."""
    return frozenset(
        name
        for kind in CONNECTION_TYPES
        for name, field in kind.get("conn-fields", {}).items()
        if field["schema"].get("format") == "password"
    )
