"""A real ERP to try the hub against: Tryton, in an environment and a process of its own.

    python -m deploy.sandbox.tryton             build what is not built yet, run it, and say how to connect
    python -m deploy.sandbox.tryton --prepare   build only

``environment`` installs it from its own lock file, ``books`` makes the company's database once, ``running`` starts a
server on a copy of it, ``desk`` is a clerk at a screen of it. Nothing of Tryton is imported: it is reached by HTTP.
"""
