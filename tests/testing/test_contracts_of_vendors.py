"""Every published description in the corpus is read, and answers are made from it that it takes back."""

import functools
import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from crossdock.testing.contract_server import ContractDesk
from crossdock.testing.openapi.contract import Contract, Operation
from crossdock.testing.openapi.examples import NoExample, example
from crossdock.testing.openapi.parameters import schema_of

CONTRACTS: Final = Path(__file__).resolve().parents[3] / "shared/corpus/contracts"
FILES: Final = sorted(path for path in CONTRACTS.glob("*/*") if path.suffix in (".json", ".yaml", ".yml"))
UNMADE: Final = {"gs1_epcis_2/openapi.json": 1}
"""Operations whose answer cannot be made: two branches of a ``oneOf`` take everything, and each other's values."""


loaded = functools.cache(Contract.load)


def name_of(path: Path) -> str:
    return path.relative_to(CONTRACTS).as_posix()


def test_the_corpus_is_there() -> None:
    if not FILES:
        pytest.skip("the contracts of the vendors are not at ../shared/corpus: none of them was read")


def filled(contract: Contract, operation: Operation) -> str:
    """The path of an operation with an example for each parameter, behind the first server's path."""
    values: dict[str, Any] = {}
    for parameter in operation.parameters:
        if parameter["in"] == "path":
            values[parameter["name"]] = example(contract, schema_of(parameter))
    server = (contract.document.get("servers") or [{"url": ""}])[0]
    base = re.sub(r"^[a-z]+://[^/]*", "", str(server["url"])).rstrip("/")
    for name in re.findall(r"\{([^{}]*)\}", base):
        base = base.replace(
            f"{{{name}}}", str(server.get("variables", {}).get(name, {}).get("default", "v2"))
        )
    path = re.sub(
        r"\{([^{}]*)\}", lambda found: str(values.get(found[1], "x")).replace("/", "%2F"), operation.template
    )
    return (base + path).replace(" ", "%20").replace("?", "%3F").replace("#", "%23")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_contract_of_a_vendor_is_read_and_answers_from_it_keep_it(path: Path) -> None:
    contract = loaded(path)
    desk = ContractDesk(contract)
    unmade = []
    assert contract.operations
    for operation in contract.operations:
        try:
            answer = desk.made(operation)
        except NoExample as error:
            declares_none = not any(str(key).startswith("2") for key in operation.said["responses"])
            unmade += [] if declares_none else [f"{operation.name}: {error}"]
            continue
        body = b"" if answer.body is None else json.dumps(answer.body).encode()
        headers = {"Content-Type": answer.media_type}
        assert contract.answered(operation, answer.status, headers, body) == ()
    assert len(unmade) == UNMADE.get(name_of(path), 0), unmade


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_each_operation_of_a_vendor_is_found_by_its_path(path: Path) -> None:
    contract = loaded(path)
    lost = []
    for operation in contract.operations:
        target = filled(contract, operation)
        met = contract.met(method=operation.method, target=target, headers={}, body=b"")
        if met.operation is None or met.operation.template.count("{") > operation.template.count("{"):
            lost.append(f"{operation.name} by {target}")
    assert lost == []
