"""Small things that want to become large: made here, and stored nowhere."""

import gzip
import io
import zipfile
import zlib

ISA = b"ISA*00*          *00*          *ZZ*ACMESUPPLY     *ZZ*CROSSDOCK      *261120*1402*U*00401*000000001*0*P*>~"
MIB = 1024 * 1024


def gzip_of(size: int) -> bytes:
    """A gzip of so many zeros, made piece by piece."""
    packer = zlib.compressobj(9, wbits=31)
    pieces = [packer.compress(bytes(MIB)) for _ in range(size // MIB)]
    return b"".join([*pieces, packer.flush()])


def zip_of(*files: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files:
            archive.writestr(name, body)
    return buffer.getvalue()


def zip_that_lies(size: int) -> bytes:
    """A zip whose list says that its one file has ten bytes."""
    body = bytearray(zip_of(("a.edi", bytes(size))))
    central = body.rfind(b"PK\x01\x02")
    body[central + 24 : central + 28] = (10).to_bytes(4, "little")
    body[22:26] = (10).to_bytes(4, "little")
    return bytes(body)


def nested_zip(levels: int) -> bytes:
    body = b"ISA"
    for _ in range(levels):
        body = zip_of(("inner.zip", body))
    return body


def x12_segments(count: int) -> bytes:
    """One set of so many segments."""
    lines = b"".join(b"MSG*%d~" % number for number in range(count))
    return (
        ISA
        + b"GS*TX*ACMESUPPLY*CROSSDOCK*20261120*1402*1*X*004010~ST*864*0001~"
        + lines
        + (b"SE*%d*0001~GE*1*1~IEA*1*000000001~" % (count + 2))
    )


def x12_element(size: int) -> bytes:
    return (
        ISA
        + b"GS*TX*ACMESUPPLY*CROSSDOCK*20261120*1402*1*X*004010~ST*864*0001~MSG*"
        + b"x" * size
        + (b"~SE*3*0001~GE*1*1~IEA*1*000000001~")
    )


def x12_groups(count: int, *, closed: bool = False) -> bytes:
    groups = b"".join(
        b"GS*PO*ACMESUPPLY*CROSSDOCK*20261120*1402*%d*X*004010~" % number
        + (b"GE*0*%d~" % number if closed else b"")
        for number in range(count)
    )
    return ISA + groups + b"IEA*%d*000000001~" % count


def x12_answers(count: int) -> bytes:
    return (
        ISA
        + b"".join(b"TA1*%09d*261120*1402*A*000~" % number for number in range(count))
        + b"IEA*0*000000001~"
    )


def x12_loops(count: int) -> bytes:
    """A ship notice of so many levels, each of them the one below the last."""
    levels = b"".join(b"HL*%d*%d*S*1~" % (number + 1, number) for number in range(count))
    return (
        ISA
        + b"GS*SH*ACMESUPPLY*CROSSDOCK*20261120*1402*1*X*004010~ST*856*0001~BSN*00*1*20261120*1402~"
        + levels
        + b"SE*%d*0001~GE*1*1~IEA*1*000000001~" % (count + 3)
    )


LAUGHS = (
    b'<!DOCTYPE l [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(12))
    + b"]><l>&m;</l>"
)
QUADRATIC = b'<!DOCTYPE q [<!ENTITY a "' + b"x" * 100_000 + b'">]><q>' + b"&a;" * 100_000 + b"</q>"
DEEP_XML = b"<x>" * 100_000 + b"</x>" * 100_000
WIDE_XML = b"<r>" + b"<x/>" * 1_100_000 + b"</r>"
ATTRIBUTES = b"<r " + b" ".join(b'a%d="1"' % number for number in range(1_100_000)) + b"/>"

JSON_BOMBS = {
    "depth": b"[" * 100_000,
    "nodes": b"[" + b"1," * 1_100_000 + b"1]",
    "4301 digits": b"9" * 4301,
    "exponent": b"1e999999999",
    "twice": b'{"a": 1, "a": 2}',
    "nan": b"[NaN]",
    "surrogate": b'"\\ud800"',
    "open": b'{"a":"' + b"x" * 100_000,
}

GZIP_INSIDE_GZIP = gzip.compress(gzip.compress(b"ISA"))

HOSTILE_NAMES = (
    b"new\nline.edi",
    b"-rf",
    b"<img src=x onerror=alert(1)>.edi",
    b"=cmd|' ' !A0.edi",
    b"\xff\xfe.edi",
    b"a" * 255,
    b"sp\x1b[2Jce.edi",
    "r\u202eide.edi".encode(),
    b"$(touch x).edi",
    b"`id`.edi",
    b"a;b.edi",
    b"back\\slash.edi",
)
