"""The conformance kit: what every connector must keep to, asked of each one that is found.

    report = conform(Fleet().case("erp"), today=date.today())

The checks are found, none is registered: every function of ``checks/`` that is declared with ``@check``. They ask
for capabilities, never for names. The other system is played (``played/``), honest or lying.
``docs/conformance.md`` lists the checks and says what a connector gives the kit.
"""
