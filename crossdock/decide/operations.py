"""The operations that a rule may name, as far as the taxonomy and the targets do not say it themselves."""

from collections.abc import Mapping
from typing import Final

DEFAULT_ARGUMENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "note": {},  # its text is the decision's ``because``
    "hold": {"reason": "{meaning}"},
    "change_date": {"line": "{line}", "date": "{promised_date}"},
    "release": {"reason": "taken back: {meaning}"},
    "notify": {},  # its text is the decision's ``because``
    "crm_case": {},  # likewise
    "split": {"line": "{line}", "quantity": "{affected}"},
}
"""What an operation says when the row does not: sentences over the event's fields."""

DOCUMENTS: Final[Mapping[str, str]] = {
    "x12_824": "advise",
    "x12_855": "acknowledge",
    "x12_860": "change_order",
    "x12_865": "answer_change",
    "x12_870": "report_status",
    "x12_990": "answer_tender",
}
"""Operations that are documents to a trading partner, with the taxonomy's word for what each does."""

DOES: Final[Mapping[str, str]] = {**DOCUMENTS, "crm_case": "notify"}
"""The taxonomy's word for what an operation does, where it is not the operation's own name."""

TO_PARTNER: Final = "partner"
"""The target of a document that goes by the connector that the partner's profile names."""
