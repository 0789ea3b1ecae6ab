"""Whether the kit can look at all: a side that cannot be played is not well, it is unknown."""

from crossdock.testing.conformance.case import Case
from crossdock.testing.conformance.check import broken, check

PLAYS = {
    "rest": "declare [source.request] with a sample page, or say [played.request] in conformance.toml; "
    "[played.inquiry] where it asks number by number",
    "soap": "say [played.soap] in conformance.toml: the operation, and which elements are the record, its "
    "key and its moment",
    "sftp": "set directory in [source.settings]",
    "webhook": "put a body that the sender posts into samples/",
}
"""By wire, what lets the kit play a source."""


@check(
    "played.its_source_is",
    "The system that it reads can be played, so that reading is looked at.",
    needs=("manifest", "source"),
)
def its_source_is(case: Case) -> None:
    if isinstance(case.play, str):
        broken(case.play)
    if "pushed" not in case.capabilities and "played_source" not in case.capabilities:
        remedy = PLAYS.get(case.manifest.wire, "teach the kit its wire")
        broken(
            f"nothing plays what it reads, so none of its reading is checked; {remedy}, or bring played.py with "
            "record()"
        )


@check(
    "played.its_sink_is",
    "The system that it writes to can be played, so that writing is looked at.",
    needs=("manifest", "sink"),
)
def its_sink_is(case: Case) -> None:
    if isinstance(case.play, str):
        broken(case.play)
    if "played_sink" not in case.capabilities:
        broken(
            "nothing plays what it writes to, so none of its writing is checked; bring played.py with answer()"
        )
