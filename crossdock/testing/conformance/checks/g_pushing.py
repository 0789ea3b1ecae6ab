"""What is pushed to us: taken when it is signed, refused when it is not, known when it comes again."""

from datetime import timedelta
from typing import Final

from crossdock.testing.conformance.case import Case
from crossdock.testing.conformance.check import broken, check, not_here
from crossdock.testing.conformance.played.webhook import OLD, STRANGE, WebhookPlay, pairs
from crossdock.wires.webhook import NotVerified, Verified, verify

PUSHED: Final = ("pushed", "played")
JUNK: Final = (
    "",
    " ",
    "v1,",
    "sha256=",
    "\x00",
    "v1,%%%",
    "é" * 50,
    "v1," + "A" * 5000,
    "v1,AAAA v1,BBBB" * 40,
)


def _play(case: Case) -> WebhookPlay:
    system = case.system
    if not isinstance(system, WebhookPlay):
        not_here("it is pushed by another wire than the webhook")
    return system


def _judged(case: Case, headers: dict[str, str], body: bytes) -> Verified | NotVerified:
    return verify(_play(case).settings, pairs(headers), body, case.system.login(), case.clock)


@check(
    "webhook.signed_is_taken",
    "A post that its sender signed is taken, also with the secret that is being replaced.",
    needs=PUSHED,
)
def signed_is_taken(case: Case) -> str:
    play = _play(case)
    for body in play.samples:
        for headers in (play.signed(body, case.clock.now()), play.signed(body, case.clock.now(), secret=OLD)):
            if not isinstance(said := _judged(case, headers, body), Verified):
                broken(
                    f"a post that was signed as [source.settings] says is refused ({said.sentence}); compare "
                    "the settings with the sender's documents"
                )
    return f"{len(play.samples)} samples, both secrets"


@check(
    "webhook.unsigned_is_refused", "A post that is not signed, or by somebody else, is refused.", needs=PUSHED
)
def unsigned_is_refused(case: Case) -> None:
    play = _play(case)
    body = play.samples[0]
    signed = play.signed(body, case.clock.now())
    tries = {
        "without a signature": {},
        "with another's secret": play.signed(body, case.clock.now(), secret=STRANGE),
    }
    tries |= {f"without {name}": {n: v for n, v in signed.items() if n != name} for name in signed}
    for what, headers in tries.items():
        if isinstance(_judged(case, headers, body), Verified):
            broken(f"a post {what} is taken; have verify() of the webhook wire judge it")


@check("webhook.a_changed_body_is_refused", "A post whose body changed on the way is refused.", needs=PUSHED)
def a_changed_body_is_refused(case: Case) -> None:
    play = _play(case)
    if play.settings.scheme == "credential":
        not_here("its sender signs nothing, and shows what it knows: only TLS keeps the body")
    body = play.samples[0]
    headers = play.signed(body, case.clock.now())
    for changed in (body + b" ", body[:-1], bytes([body[0] ^ 1]) + body[1:], b""):
        if isinstance(_judged(case, headers, changed), Verified):
            broken("a body that is not the signed one is taken; the signature is over the raw bytes")


@check(
    "webhook.an_old_post_is_refused",
    "A post that is older than the tolerance is refused, where it says when it was made.",
    needs=PUSHED,
)
def an_old_post_is_refused(case: Case) -> None:
    play = _play(case)
    body, now = play.samples[0], case.clock.now()
    headers = play.signed(body, now)
    said = _judged(case, headers, body)
    if isinstance(said, Verified) and said.timestamp is None:
        not_here("its scheme says no time; a repeat is known by its body alone")
    for late in (
        timedelta(seconds=play.settings.tolerance_s + 1),
        -timedelta(seconds=play.settings.tolerance_s + 1),
    ):
        if isinstance(_judged(case, play.signed(body, now - late), body), Verified):
            broken(f"a post of {late} ago is taken; tolerance_s is {play.settings.tolerance_s}")


@check(
    "webhook.a_repeat_is_known",
    "The same post, sent again, has the same key; another one has another.",
    needs=PUSHED,
)
def a_repeat_is_known(case: Case) -> None:
    play = _play(case)
    body, now = play.samples[0], case.clock.now()
    first = _judged(case, play.signed(body, now), body)
    again = _judged(case, play.signed(body, now + timedelta(seconds=30)), body)
    other = _judged(case, play.signed(body + b"\n", now, message_id="msg_2"), body + b"\n")
    if not (isinstance(first, Verified) and isinstance(again, Verified) and isinstance(other, Verified)):
        broken("a signed post is refused; see webhook.signed_is_taken")
    if first.message_id != again.message_id:
        broken(
            "the same post, signed again half a minute later, has another key; take the sender's id, or the "
            "body's hash"
        )
    if first.message_id == other.message_id:
        broken(
            "two different posts have one key, so the second would be dropped; take the sender's id, or the "
            "body's hash"
        )


@check(
    "webhook.junk_is_refused", "Headers of any kind are judged, and never fail the receiver.", needs=PUSHED
)
def junk_is_refused(case: Case) -> str:
    play = _play(case)
    body = play.samples[0]
    signed = play.signed(body, case.clock.now())
    for name in signed:
        for junk in JUNK:
            if isinstance(_judged(case, {**signed, name: junk}, body), Verified):
                broken(
                    f"a post with {junk[:20]!r} as {name} is taken; have verify() of the webhook wire judge it"
                )
    return f"{len(signed) * len(JUNK)} ways"
