"""What a connector.toml declares beyond names and numbers: the values of its tables, as they were checked.

``docs/connectors.md`` says what each key means to somebody who writes one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

CONNECTION = "connection"
"""Among ``hosts``: the host that the connection names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionField:
    """``[fields.NAME]``: what the connection's form asks for this connector beside the fields of its wire."""

    label: str
    description: str = ""
    secret: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """``[source.request]``: the read of one page.

    ``query`` holds templates: ``{since}``, ``{now}``, ``{size}``, ``{page}``, ``{offset}``, ``{token}``,
    ``{after_key}``; one that comes out empty is left out. ``records`` is the way to the list of records in the
    answer, with dots; empty when the answer is the list. ``{now}`` is ``behind_s`` seconds ago.
    ``conditional``: a read that is one page is asked with its validator, and 304 means nothing new. Deadlines are
    seconds for a whole call, and for its connection.
    """

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    records: str = ""
    accept: str = "application/json"
    behind_s: int = 0
    conditional: bool = False
    deadline_s: float = 30.0
    connect_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """``[source.paging]``: how one page leads to the next.

    ``none``: there is one page. ``page``: numbers from ``first`` on. ``offset``: so many records are passed over.
    Where the cursor is ``ordered`` both are counted anew from the last moment on: what changes meanwhile shifts all
    that is behind it.
    ``cursor``: a token at ``next``. ``link``: the header ``Link`` with ``rel="next"`` (RFC 8288). ``next_link``: an
    address at ``next`` (OData: ``@odata.nextLink``). ``delta_link``: the same, and behind the last page an address at
    ``delta`` that tells what changed since (OData: ``@odata.deltaLink``). ``keyset``: what comes after the last
    record's moment and key; with an address at ``next`` where the system cuts pages shorter than they were asked for.
    ``size`` records are asked for; at most ``most_pages`` are read in a run, and the next run goes on.
    """

    kind: str = "none"
    size: int = 100
    most_pages: int = 200
    first: int = 1
    next: str = ""
    delta: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """``[source.view]``: a table or view of a database. ``columns``: those that are read; none: all.

    A page has ``size`` rows; at most ``most_pages`` are read in a run, and the next run goes on. ``timezone`` is what
    its moments without a zone mean. Deadlines are seconds for one page, and for the connection.
    """

    name: str
    schema: str = ""
    columns: tuple[str, ...] = ()
    size: int = 500
    most_pages: int = 100
    timezone: str = "UTC"
    deadline_s: float = 30.0
    connect_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRule:
    """``[[source.mailbox.rules]]``: what becomes of an attachment. The first rule that fits counts.

    ``sender``, ``subject``, ``file`` and ``media_type`` are patterns in which ``*`` stands for anything; case does
    not matter, and an empty one fits. ``document`` is what the file is (``x12``, or an inbound mapping), ``partner``
    whose it is where nothing in it says so; ``ignore``: it is no document; ``unpack``: it is an archive, whose files
    go by the rules themselves.
    """

    sender: str = ""
    subject: str = ""
    file: str = ""
    media_type: str = ""
    document: str = ""
    partner: str = ""
    ignore: bool = False
    unpack: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFolder:
    """``[source.mailbox]``: the folder that is read, and where taken mails go (empty: they are marked, and stay)."""

    folder: str = "INBOX"
    archive: str = ""
    rules: tuple[MailRule, ...] = ()
    most_mib: int = 35
    deadline_s: float = 60.0
    connect_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """``[source.cursor]``: what orders the records. ``field`` and ``key`` are ways in a record, with dots.

    ``written`` is how ``{since}`` is written for the system (see ``crossdock.kit.moments``). Records that commit
    behind the cursor are found for ``overlap_s`` seconds; the first poll starts at ``begin_at``, RFC 3339.
    ``ordered``: the system gives the records in the order of ``field``, the oldest change first; its contract alone
    can tell, because a page may look so by chance.
    """

    field: str
    key: str
    overlap_s: int = 300
    begin_at: str = "2000-01-01T00:00:00Z"
    written: str = "rfc3339"
    ordered: bool = False
