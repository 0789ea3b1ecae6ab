"""Decides by rules that people can read: decision tables in, a Decision for each event out.

``context`` what a rule may look at · ``conditions`` and ``sentences`` what a row may say · ``row`` one row, checked ·
``table`` all rows, read and checked · ``drawn`` tables of the JDM editor · ``jdm`` compiled for the engine ·
``router`` run in batches · ``reference`` the same in plain Python.
"""

from crossdock.decide.router import Router

__all__ = ["Router"]
