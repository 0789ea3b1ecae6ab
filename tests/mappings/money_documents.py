"""One transaction set in its interchange, and what its mapping says of it: for the tests of money and freight."""

from types import ModuleType
from typing import Any

from canonical.events import ExceptionEvent, Fact
from crossdock.formats.x12 import TransactionSet, read
from crossdock.partners import MappingContext, Partner, Partners
from mappings import golden

PARTNERS = Partners.load()
ACME = PARTNERS.named("acme_supply")
LAKESIDE = PARTNERS.named("lakeside_retail")
ROADRUNNER = PARTNERS.named("roadrunner")
LENIENT = Partner(
    name="odd", title="Odd Partner", ids=(("ZZ", "ODD"),), ours=("ZZ", "CROSSDOCK"), lenient=True
)


def a_set(set_id: str, *body: str, release: str = "004010") -> TransactionSet:
    text = "~".join(
        [
            "ISA*00*          *00*          *ZZ*SENDER         *ZZ*CROSSDOCK      "
            f"*261120*1402*U*{'00501' if release == '005010' else '00401'}*000000301*0*P*>",
            f"GS*XX*SENDER*CROSSDOCK*20261120*1402*301*X*{release}",
            f"ST*{set_id}*0001",
            *body,
            f"SE*{len(body) + 2}*0001",
            "GE*1*301",
            "IEA*1*000000301~",
        ]
    )
    (found,) = [item for item in read(text.encode()) if isinstance(item, TransactionSet)]
    return found


def say(
    mapping: ModuleType,
    *body: str,
    partner: Partner | None,
    direction: str = "in",
    release: str = "004010",
) -> list[Any]:
    context = MappingContext(
        partner=partner, received_at=golden.RECEIVED_AT, tenant="main", direction=direction
    )
    return list(mapping.map(a_set(mapping.DOCUMENT[4:], *body, release=release), context))


def facts(said: list[Any]) -> list[Fact]:
    return [each for each in said if isinstance(each, Fact)]


def events(said: list[Any]) -> list[ExceptionEvent]:
    return [each for each in said if isinstance(each, ExceptionEvent)]


def codes(said: list[Any]) -> list[str]:
    return [event.code for event in events(said)]
