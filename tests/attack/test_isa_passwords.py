"""A file that is cut, glued or mangled brings passwords of its ISA where nobody expects them: they reach no row."""

import sqlalchemy as sa

from crossdock.store import tables
from tests.attack import test_edi_order
from tests.attack.test_edi_order import a_set, balance, interchange, take

hub = test_edi_order.hub

SECRET = "OPENSESAME"
PLAIN = interchange(
    1, a_set("855", 1, "BAK*00*AT*46000001*20261120", "PO1*1*10*EA*2.5**VN*V-1", "ACK*IA*10*EA", "CTT*1")
)
ISA = PLAIN.decode().split("~")[0].replace("*00*          *00*          *", f"*03*{SECRET}*01*{SECRET}*")


def mangled() -> list[str]:
    """Files in which an ISA stands whole and where none belongs, or in which it is none any more."""
    good = PLAIN.decode()
    whole = good.replace(good.split("~")[0], ISA)
    other = ISA.replace("*", "|")
    places = ("BAK*00*AT*4600", "ACK*IA*10*EA", "CTT*1", "ST*855", "GE*1", "IEA*1")
    return [
        whole,
        *(whole.replace(f"*03*{SECRET}*01*", each, 1) for each in (f"*{SECRET}*01*", f"*03*{SECRET}*")),
        *(whole.replace("*", separator) for separator in "x7 '\n"),
        whole.replace("ISA*", "isa*"),
        ISA,
        ISA[:45],
        good + ISA[:60],
        good + " " + ISA.replace("*", "|", 3),
        ISA[:50] + "~\n" + good.split("~\n", 1)[1],
        whole.replace("ACMESUPPLY     ", "NOBODY         "),
        whole.replace(f"*{SECRET}*01", f"*{SECRET}\r\n*01"),
        *(
            good.replace(place, f"{place}{glue}{ISA}", 1)
            for place in places
            for glue in ("", "*", "*\t", "~")
        ),
        *(good.replace(place, f"{place}*{other}", 1) for place in places),
        good.replace("GS*PR*", f"GS*PR*{ISA}*", 1),
        good.replace("*X*004010", f"*{ISA}", 1),
        good.replace("GS*", f"TA1*{ISA}~GS*", 1),
    ]


def test_no_password_of_an_isa_reaches_a_row(hub):
    for number, text in enumerate(mangled()):
        take(hub, f"file {number}", text.encode())
    hub.process()
    assert balance(hub) == []
    read = 0
    with hub.store.transaction("main") as connection:
        for table in tables.metadata.tables.values():
            received = table.name in ("raw_bodies", "raw_messages")
            for row in connection.execute(sa.select(table)).mappings():
                said = repr({name: value for name, value in row.items() if not received or name != "body"})
                assert "OPENSES" not in said, f"{table.name}: {said}"
                read += 1
    assert read > len(mangled()), "there are rows to look at"
