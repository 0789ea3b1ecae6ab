"""A secret is known again in whatever a system makes of it: each of these was written by another one's library."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest

from crossdock.secret_forms import Scrubber

SECRET = "Zq9/x+7 pä'=\"<k&v>`w%2Fend"
WRITTEN = {
    "as it is": SECRET,
    "URL": quote(SECRET, safe=""),
    "form": quote_plus(SECRET),
    "URL of .NET": quote_plus(SECRET).replace("%2F", "%2f").replace("%2B", "%2b").replace("%C3%A4", "%c3%a4")
    .replace("%3D", "%3d").replace("%3C", "%3c").replace("%3E", "%3e").replace("%252F", "%252F"),
    "HTML": html.escape(SECRET),
    "HTML of Jinja and Go": html.escape(SECRET).replace("&#x27;", "&#39;"),
    "JSON": json.dumps(SECRET),
    "JSON as it is read": json.dumps(SECRET, ensure_ascii=False),
    "JSON of PHP": json.dumps(SECRET).replace("/", r"\/"),
    "JSON of .NET": json.dumps(SECRET).replace(r"\"", r"\u0022").replace("+", r"\u002B").replace("'", r"\u0027")
    .replace("<", r"\u003C").replace(">", r"\u003E").replace("&", r"\u0026").replace("`", r"\u0060")
    .replace(r"\u00e4", r"\u00E4"),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    **{
        f"base64 of a header, {len(before)} before it": base64.b64encode(f"{before}{SECRET}; x".encode()).decode()
        for before in ("Bearer", "Bearer ", "Bearer: ")
    },
    "base64 for URLs": base64.urlsafe_b64encode(f"k={SECRET}".encode()).decode(),
}  # fmt: skip


@pytest.mark.parametrize("form", WRITTEN)
def test_an_echo_of_a_secret_is_taken_out_however_it_was_escaped(form):
    echo = f"invalid credentials: {WRITTEN[form]}".encode()
    left = Scrubber([SECRET]).scrubbed(echo)
    assert b"***" in left
    for piece in ("Zq9", "x+7", "x%2b7", "k&v", "%2Fend"):
        assert piece.encode() not in left
    assert len(left) < len(b"invalid credentials: ") + 40, "but for what stood around it"
