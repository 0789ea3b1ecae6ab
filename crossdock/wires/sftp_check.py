"""The check of an SFTP partner, step by step: resolve, connect, host key, login, permission. Stops at what fails."""

from collections.abc import Iterator, Mapping
from typing import Final

from crossdock.errors import CrossdockError, Misconfigured
from crossdock.ports import CheckStep
from crossdock.wires.sftp_session import Session

STAGES: Final[Mapping[str, tuple[str, str]]] = {
    "resolve": ("host", "Correct the host of the connection, or ask who keeps the names of this network."),
    "connect": (
        "host",
        "Look whether the server runs and whether host and port of the connection are right, from where this ran.",
    ),
    "host key": ("host_key", "Confirm the key with the partner by another way, then update host_key."),
    "login": ("password", "Correct the user, the password or the private key of the connection."),
}
"""The steps of an opening, with the field to look at and what to do, where the failure itself does not say."""


def reach(session: Session) -> Iterator[CheckStep]:
    """As far as one comes without looking into a directory."""
    failure: CrossdockError | None = None
    try:
        session.check_host_key()
    except CrossdockError as error:
        failure = error
    done = {
        "resolve": "the name is known",
        "connect": f"{session.where} takes connections",
        "host key": f"{session.where} has the pinned host key",
        "login": "the login is accepted",
    }
    for step, sentence in done.items():
        if failure is not None and step == session.stage:
            field, remedy = STAGES[step]
            if isinstance(failure, Misconfigured) and failure.field:
                field = failure.field
            yield CheckStep(step=step, ok=False, sentence=str(failure), remedy=remedy, field=field)
            return
        yield CheckStep(step=step, ok=True, sentence=sentence)


def look(session: Session, directory: str, *, write: bool, within_s: float) -> CheckStep:
    """Whether this directory may be listed, and (``write``) whether it looks as if it may be written."""
    try:
        with session.use(f"look at {directory}", deadline_s=within_s) as sftp:
            mode = sftp.stat(directory).st_mode
            next(sftp.entries(directory), None)
    except CrossdockError as error:
        remedy = f"Ask the partner to make {directory} and to permit it, or correct connector.toml."
        return CheckStep(step="permission", ok=False, sentence=str(error), remedy=remedy, field="directory")
    if write and mode is not None and not mode & 0o222:
        return CheckStep(
            step="permission",
            ok=False,
            sentence=f"nobody may write into {directory}",
            remedy="Ask the partner to permit it.",
            field="directory",
        )
    doing = "listed; that it may be written is known only by writing" if write else "listed"
    return CheckStep(step="permission", ok=True, sentence=f"{directory} can be {doing}")
