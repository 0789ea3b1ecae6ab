"""Files that we put into a partner's directory: acknowledgements, documents, reports, each under a name that says
which it is.

The name holds the idempotency key's hash, so that the same file has the same name over attempts and restarts; what
lies there under it can be read back and compared.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from crossdock.errors import Misconfigured, Refused, WireDown, WireQuiet
from crossdock.kit.file_settings import InboxSettings
from crossdock.messages import Delivered, Outcome, Receipt, Reject, Retry, Unsure, WriteBack
from crossdock.ports import CheckStep
from crossdock.wires.files import FORBIDDEN, MISSING, Files, Put


class FileInbox:
    """Where a partner wants what we send."""

    def __init__(self, settings: InboxSettings, wire: Files, *, operations: tuple[str, ...]) -> None:
        self._settings = settings
        self._operations = operations
        self._wire = wire

    def deliver(self, write_back: WriteBack) -> Outcome:
        """One upload: temporary name, rename, read back. Raises ``Misconfigured`` when nobody could deliver."""
        if write_back.operation not in self._operations:
            return Reject(reason=f"nothing is written there for {write_back.operation!r}", status="operation")
        name = self.name_of(write_back)
        try:
            put = self._wire.put(self._settings.directory, name, write_back.body)
        except WireDown as error:
            return Retry(reason=str(error), wire=True)
        except WireQuiet as error:
            return Unsure(reason=str(error), wire=True)
        except Refused as error:
            return self._refused(error)
        return Delivered(receipt=_receipt(put))

    def preview(self, write_back: WriteBack) -> Mapping[str, Any]:
        """The file that ``deliver`` would put there."""
        return {"method": "PUT", "address": f"{self._settings.directory}/{self.name_of(write_back)}"}

    def find(self, write_back: WriteBack) -> Receipt | None:
        """The file that lies there with exactly this content, or ``None``.

        A partner that takes files away at once leaves nothing to be found: ``None`` then, and the put of the same
        file under the same name is what a repeat is.
        """
        put = self._wire.find(self._settings.directory, self.name_of(write_back), write_back.body)
        return None if put is None else _receipt(put)

    def check(self) -> Iterator[CheckStep]:
        """Connect with the pinned host key, log in, look into the directory."""
        yield from self._wire.check(self._settings.directory, write=True)

    def close(self) -> None:
        self._wire.close()

    def name_of(self, write_back: WriteBack) -> str:
        """``997-<subject>-<hash of the key>.edi``, ``x12-855-…``: always the same for one write-back."""
        subject = re.sub(r"[^A-Za-z0-9]+", "-", write_back.subject).strip("-")[:80] or "x"
        operation = re.sub(r"[^A-Za-z0-9]+", "-", write_back.operation).strip("-") or "out"
        mark = hashlib.sha256(write_back.idempotency_key.encode()).hexdigest()[:16]
        return f"{operation}-{subject}-{mark}{self._settings.suffix}"

    def _refused(self, error: Refused) -> Outcome:
        if error.status == "other":
            return Reject(reason=str(error), status=error.status)
        if error.status in FORBIDDEN | MISSING:
            raise Misconfigured(
                f"{error}; ask the partner to make {self._settings.directory} and to permit writing"
            ) from error
        # The server answered that it failed (a full disk, a quota): the file has not got its name.
        return Retry(reason=str(error), wire=True)


def _receipt(put: Put) -> Receipt:
    return Receipt(
        reference=put.path,
        evidence={"size": put.size, "sha256": put.sha256, "earlier": put.earlier, "read_back": not put.taken},
    )
