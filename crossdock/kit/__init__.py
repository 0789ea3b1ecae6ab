"""The connector kit: what a connector is declared with and made of.

``connector.schema.json`` says what may stand in a connector.toml, ``schema`` reads one against it, ``declarations``
are the values that come of it. ``RestPoll`` (``rest_poll``) reads a system over REST from these declarations alone;
``RestTarget`` (``rest_target``) is what a REST sink is made of.
"""
