"""The hook classes behind our connection types: thin, because connectors reach systems and hooks do not.

What a hook adds is the *Test* button of the connection form: the connector's own check, step by step.
"""

from typing import TYPE_CHECKING, ClassVar

from airflow.sdk import BaseHook

from crossdock.errors import CrossdockError

if TYPE_CHECKING:
    from crossdock.ports import Login


class ConnectorHook(BaseHook):
    """A connection that one or more connectors use."""

    conn_name_attr: ClassVar[str] = "connection_id"
    conn_type: ClassVar[str]
    hook_name: ClassVar[str]

    def __init__(self, connection_id: str) -> None:
        super().__init__()
        self.connection_id = connection_id

    def get_conn(self) -> "Login":
        """The login, with its secrets already registered for masking."""
        from crossdock.airflow.connections import fetch

        return fetch(self.connection_id)

    def test_connection(self) -> tuple[bool, str]:
        """Check every connector that uses this connection, step by step, up to the first step that fails."""
        try:
            return self._check()
        except CrossdockError as error:
            return False, str(error)

    def _check(self) -> tuple[bool, str]:
        from crossdock.checking import CALLED_ONLY, check
        from crossdock.ports import SystemClock
        from crossdock.registry import Registry

        registry, clock, login = Registry(), SystemClock(), self.get_conn()
        told: list[str] = []
        for name, manifest in registry.manifests().items():
            if manifest.connection != self.connection_id:
                continue
            for one in check(registry, name, login=lambda _id: login, clock=clock):
                step = one.step
                if step.sentence == CALLED_ONLY or (step.step == "connection" and step.ok):
                    continue
                told.append(f"{name} {step.step}: {step.sentence}")
                if not step.ok:
                    blamed = [f"look at {step.field}"] if step.field else []
                    return False, " · ".join([*told, *blamed, *([step.remedy] if step.remedy else [])])
        if not told:
            if self.conn_type == "crossdock_webhook":
                return True, "nothing to call: this system calls us, and its signature is checked then"
            return False, (
                f"no connector that can be checked uses the connection {self.connection_id!r}; "
                "name it in the 'connection' line of a connector.toml"
            )
        return True, " · ".join(told)


class SftpHook(ConnectorHook):
    """An SFTP partner."""

    conn_type = "crossdock_sftp"
    hook_name = "Crossdock SFTP partner"


class RestHook(ConnectorHook):
    """A system over REST."""

    conn_type = "crossdock_rest"
    hook_name = "Crossdock REST system"


class SoapHook(ConnectorHook):
    """A service over SOAP."""

    conn_type = "crossdock_soap"
    hook_name = "Crossdock SOAP service"


class SqlHook(ConnectorHook):
    """The database of a system, read only."""

    conn_type = "crossdock_sql"
    hook_name = "Crossdock SQL view"


class ImapHook(ConnectorHook):
    """A mailbox."""

    conn_type = "crossdock_imap"
    hook_name = "Crossdock mailbox"


class WebhookHook(ConnectorHook):
    """A system that calls us."""

    conn_type = "crossdock_webhook"
    hook_name = "Crossdock webhook"


class SmtpHook(ConnectorHook):
    """A mail server."""

    conn_type = "crossdock_smtp"
    hook_name = "Crossdock mail server (SMTP)"


def __getattr__(name: str) -> type[ConnectorHook]:
    """The hook of a connector's own connection type: ``HookOf_`` and that type."""
    from crossdock.airflow.provider import HOOK_OF, types_of_connectors

    for kind in types_of_connectors() if name.startswith(HOOK_OF) else ():
        if kind["connection-type"] == name.removeprefix(HOOK_OF):
            said = {"conn_type": kind["connection-type"], "hook_name": kind["hook-name"]}
            return type(name, (ConnectorHook,), said)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
