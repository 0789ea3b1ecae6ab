"""Matching: what one document says is held against what others say of the same business.

An acknowledgement against the order, a ship notice against the order, a receipt against the ship notice, an invoice
against order and receipt, a payment against the invoice, a freight bill against the tender; and repeats. Documents
may come in any order: whichever comes last brings the check about. Pure; tolerances are the partner's.
"""

from crossdock.matching.checks import CODES, KINDS, Finding, check, speaks_alone
from crossdock.matching.dossier import Dossier, Paper
from crossdock.matching.parts import together

__all__ = ["CODES", "KINDS", "Dossier", "Finding", "Paper", "check", "speaks_alone", "together"]
