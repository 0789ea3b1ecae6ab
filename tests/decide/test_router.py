"""First hit decides; whatever goes wrong with one event or rule, the others are decided and that one is triaged."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canonical import taxonomy
from crossdock.decide import jdm
from crossdock.decide.context import FIELDS
from crossdock.decide.reference import first_match
from crossdock.decide.router import Router
from crossdock.messages import Action, Decision

from .conftest import DEFAULT, TARGETS, an_event, backorder, row

MakeRouter = Callable[[str], Router]

DATED = 'code = "INV.BACKORDER", has_promised_date = true'


def test_a_decision_says_which_row_what_it_saw_what_follows_and_why(router: MakeRouter) -> None:
    made = router(
        row(
            "dated",
            DATED + ', value_at_risk = ">= 100"',
            actions='["erp:note", "erp:change_date"]',
            because="{partner} backordered {affected} of {ordered} on PO {subject}",
        )
        + DEFAULT
    )
    (decision,) = made.decide([backorder(date="2026-12-04")])
    assert decision == Decision(
        event_id=uuid.UUID(backorder(date="2026-12-04")["id"]),
        table="main",
        rule="dated",
        version=made.version,
        queue="supply",
        owner="planning",
        priority=30,
        actions=(
            Action(
                target="erp",
                operation="note",
                arguments={"text": "acme_supply backordered 40 of 100 on PO 4500123456"},
            ),
            Action(target="erp", operation="change_date", arguments={"line": "2", "date": "2026-12-04"}),
        ),
        because="acme_supply backordered 40 of 100 on PO 4500123456",
        saw={"code": "INV.BACKORDER", "has_promised_date": True, "value_at_risk": "124"},
        trace={
            "rule": "dated",
            "where": "main.toml:2",
            "conditions": {"code": "INV.BACKORDER", "has_promised_date": "true", "value_at_risk": ">= 100"},
        },
    )


def test_the_first_row_that_matches_decides(router: MakeRouter) -> None:
    made = router(row("dated", DATED) + row("any", 'family = "INV"') + DEFAULT)
    events = [backorder(), backorder(date="2026-12-04"), an_event("SHP.DELAY"), an_event("INV.SHORTAGE")]
    assert [decision.rule for decision in made.decide(events)] == ["any", "dated", "default", "any"]


def test_nothing_asked_nothing_decided(router: MakeRouter) -> None:
    assert router(DEFAULT).decide([]) == []


def test_a_code_that_the_taxonomy_does_not_know_yet_still_meets_every_row(router: MakeRouter) -> None:
    made = router(row("any", 'code = "INV.*"') + DEFAULT)
    assert [d.rule for d in made.decide([an_event("INV.FROM_A_NEWER_VERSION"), an_event("X.Y")])] == [
        "any", "default",
    ]  # fmt: skip


def test_deciding_again_decides_the_same(router: MakeRouter) -> None:
    made = router(row("dated", DATED) + DEFAULT)
    events = [backorder(), backorder(date="2026-12-04")]
    assert made.decide(events) == made.decide(events)


def test_an_argument_of_the_row_goes_before_the_default(router: MakeRouter) -> None:
    made = router(
        row(
            "hold",
            'code = "CMP.EXPORT_BLOCK"',
            actions='["erp:hold", { do = "erp:hold", reason = "export: {subject}" }]',
        )
        + DEFAULT
    )
    first, second = made.decide([an_event("CMP.EXPORT_BLOCK")])[0].actions
    assert first.arguments == {"reason": "Export rules block the order."}
    assert second.arguments == {"reason": "export: 4500123456"}


# ── what fails ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_event_that_cannot_be_read_is_triaged_and_the_others_are_decided(router: MakeRouter) -> None:
    made = router(row("any", 'family = "INV"') + DEFAULT)
    broken: Any = {"id": "no uuid"}
    odd = an_event(refs=["not a reference"])
    decisions = made.decide([backorder(), broken, odd, an_event("SHP.DELAY")])
    assert [(d.rule, d.queue) for d in decisions[:2]] == [("any", "supply"), ("", "triage")]
    assert decisions[3].rule == "default"
    assert decisions[1].error is not None
    assert "cannot be read" in decisions[1].error
    assert decisions[1].actions == ()
    assert decisions[0].error is None


def test_an_action_whose_argument_is_not_known_sends_the_event_to_triage(router: MakeRouter) -> None:
    made = router(
        row("note", 'code = "INV.BACKORDER"', actions='[{ do = "erp:note", text = "by {customer}" }]')
        + DEFAULT
    )
    without, with_customer = made.decide([backorder(), an_event(ext={"customer": "C-17"})])
    assert without.queue == "triage"
    assert without.rule == "note"
    assert without.error is not None
    assert "'customer' is not known for this event" in without.error
    assert without.saw == {"code": "INV.BACKORDER"}
    assert with_customer.actions[0].arguments == {"text": "by C-17"}


class _Breaks:
    """An engine that cannot stand one event, as a defect of a library would show itself."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.calls = 0

    def evaluate(self, asked: dict[str, list[dict[str, Any]]]) -> Any:
        self.calls += 1
        if any(event["partner"] == "poison" for events in asked.values() for event in events):
            raise RuntimeError("NodeError\n\nStack backtrace:\n  0: <unknown>")
        return self.engine.evaluate(asked)


def test_an_event_that_breaks_the_engine_is_found_and_the_others_are_decided(router: MakeRouter) -> None:
    made = router(row("acme", 'partner = "acme_supply"') + DEFAULT)
    made.decide([backorder()])
    made._engine = _Breaks(made._engine)
    events = [backorder(affected=str(n), partner="poison" if n == 3 else "acme_supply") for n in range(6)]
    decisions = made.decide(events)
    assert [d.rule for d in decisions] == ["acme", "acme", "acme", "", "acme", "acme"]
    assert decisions[3].queue == "triage"
    assert decisions[3].error == "the rule engine failed: RuntimeError: NodeError"
    assert decisions[3].saw == {"partner": "poison"}


def test_an_answer_that_is_no_answer_is_an_error_and_no_decision(router: MakeRouter) -> None:
    made = router(DEFAULT)
    made.decide([backorder()])
    made._engine = type("Mute", (), {"evaluate": lambda self, asked: {"result": {}}})()
    (decision,) = made.decide([backorder()])
    assert decision.queue == "triage"
    assert decision.error is not None


# ── what people write never becomes code ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        '" or true or "', "' or true or '", '"', "'", "\\", '\\" or true or \\"', "$", "${code}", "`", "`${1}`",
        '", "acme_supply', "startsWith($, 'a')", "acme_supply\\", "__import__('os').system('true')", "#", "//",
        "é\u2028",
    ],
)  # fmt: skip
def test_a_text_of_a_table_is_compared_and_never_run(router: MakeRouter, text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    for written in (f'"{quoted}"', f'["{quoted}", "zzz"]', f'"{quoted}*"'):
        made = router(row("odd", f"partner = {written}") + DEFAULT)
        decisions = made.decide([backorder(), backorder(partner=text), backorder(partner="")])
        assert [d.rule for d in decisions] == ["default", "odd", "default"], written


def test_an_event_cannot_write_into_a_sentence_what_would_be_read_again(router: MakeRouter) -> None:
    made = router(row("a", 'family = "INV"', because="from {partner}") + DEFAULT)
    (decision,) = made.decide([backorder(partner="{code} {0.__class__}")])
    assert decision.because == "from {code} {0.__class__}"


# ── the engine and the plain reference agree on everything ───────────────────────────────────────────────────

CODES = sorted(taxonomy.codes())
WORDS = st.text(
    st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"], exclude_characters='*"'),
    min_size=1,
    max_size=6,
)
NUMBERS = st.decimals(
    min_value=-(10**9), max_value=10**9, allow_nan=False, allow_infinity=False, places=4
).map(lambda number: f"{number:f}")
PLAIN = NUMBERS.filter(lambda text: len(text.replace("-", "").replace(".", "").lstrip("0")) <= 15)
SMALL = st.integers(-3, 3).map(str) | st.sampled_from(["0.1", "0.2", "0.3", "1.005", "-0.5"]) | PLAIN
PARTNERS = st.sampled_from(["acme", "acme_supply", "a\\b", "it`s", "x$y", "'"]) | WORDS


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\") + '"'


@st.composite
def conditions(draw: st.DrawFn) -> str:
    parts = []
    if draw(st.booleans()):
        codes = draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=3, unique=True))
        parts.append("code = [" + ", ".join(_quoted(code) for code in codes) + "]")
    elif draw(st.booleans()):
        parts.append("code = " + _quoted(draw(st.sampled_from(["INV.*", "SHP.D*", "EDI.*", "ORD.LINE*"]))))
    elif draw(st.booleans()):
        parts.append("family = " + _quoted(draw(st.sampled_from(["INV", "SHP", "EDI"]))))
    if draw(st.booleans()):
        parts.append("partner = " + _quoted(draw(PARTNERS) + draw(st.sampled_from(["", "*"]))))
    if draw(st.booleans()):
        number = draw(SMALL)
        sign = draw(st.sampled_from(["", "=", ">=", ">", "<", "<="]))
        parts.append(f'value_at_risk = "{sign} {number}"')
    if draw(st.booleans()):
        low, high = sorted([draw(st.integers(0, 100)), draw(st.integers(0, 100))])
        parts.append(
            f'affected_share = "0.{low:02}..0.{high:02}"' if high < 100 else 'affected_share = "<= 1"'
        )
    if draw(st.booleans()):
        parts.append(f"has_promised_date = {draw(st.sampled_from(['true', 'false']))}")
    return ", ".join(parts)


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if draw(st.booleans()):
        data["value_at_risk"] = {"amount": draw(SMALL), "currency": "USD"}
    if draw(st.booleans()):
        data["ext"] = {"partner": draw(PARTNERS)}
    if draw(st.booleans()):
        data["lines"] = [
            {
                "line_ref": "1",
                "ordered": {"value": draw(st.sampled_from(["100", "3", "0", "0.7"])), "uom": "EA"},
                "affected": {"value": draw(st.integers(0, 100).map(str)), "uom": "EA"},
            }
        ]
    if draw(st.booleans()):
        data["variances"] = [{"attribute": "date", "expected": None, "actual": "2026-12-04"}]
    return an_event(draw(st.sampled_from(CODES)), **data)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(conditions().filter(bool), min_size=1, max_size=8), st.lists(events(), min_size=1, max_size=12)
)
def test_the_engine_and_the_reference_agree(
    tmp_path_factory: pytest.TempPathFactory, whens: list[str], asked: list[dict[str, Any]]
) -> None:
    from crossdock.errors import Misconfigured

    folder = tmp_path_factory.mktemp("agree")
    (folder / "queues.toml").write_text('[queues]\ntriage = "x"\nsupply = "x"\n', encoding="utf-8")
    text = "".join(row(f"r{number}", when) for number, when in enumerate(whens)) + DEFAULT
    (folder / "main.toml").write_text(text, encoding="utf-8")
    try:
        made = Router.load(folder, targets=TARGETS)
    except Misconfigured as refused:
        # drawn tables hold unreachable rows and quotes of both kinds now and then; nothing else may be refused
        assert all("unreachable" in each or "quotation" in each for each in str(refused).splitlines()), (
            refused
        )
        return
    for event, decision in zip(asked, made.decide(asked), strict=True):
        rule = first_match(made.table, made.values(event))
        assert rule is not None
        assert decision.error is None
        assert decision.rule == rule.id
        assert made.explain(event)[-1].rule == rule.id


def test_a_row_that_is_called_unreachable_really_never_matches_first() -> None:
    from crossdock.decide.conditions import read

    field = FIELDS["value_at_risk"]
    texts = [f"{sign} {number}" for sign in ("=", ">", ">=", "<", "<=") for number in (1, 2, 3)] + [
        "1..2",
        "2..3",
    ]
    values = [field.read({"value_at_risk": {"amount": f"{n / 2}", "currency": "USD"}}) for n in range(9)]
    for first in texts:
        for second in texts:
            one, other = read(field, first), read(field, second)
            if one.covers(other):
                assert all(one.matches(value) for value in values if other.matches(value)), (first, second)


def test_explaining_tells_why_each_row_did_not_match(router: MakeRouter) -> None:
    made = router(row("dated", DATED) + row("other", 'partner = "other"') + DEFAULT)
    steps = made.explain(backorder())
    assert [(step.rule, step.matched) for step in steps] == [
        ("dated", False),
        ("other", False),
        ("default", True),
    ]
    assert steps[0].sentence == "has_promised_date is no, not true"
    assert steps[1].sentence == "partner is acme_supply, not other"
    assert steps[2].sentence == "it takes all the rest"


def test_the_engine_is_imported_when_the_first_event_is_decided() -> None:
    import subprocess
    import sys

    code = "import sys; from crossdock.decide import Router; Router.load(); print('zen' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_literal_of_a_cell_is_quoted() -> None:
    from crossdock.decide.conditions import OneOf

    assert jdm.cell(OneOf(frozenset({'a"b'}))) == "'a\"b'"
    with pytest.raises(ValueError, match="both kinds"):
        jdm.cell(OneOf(frozenset({"a\"b'c"})))
