"""What we say to other systems: one package for each operation of a target, found by name through the registry.

A package has ``OPERATION``, ``VERSION`` and ``write(event, decision, arguments, *, exception_id, decision_id)``,
which gives the body that will leave. The same event and decision always give the same bytes.
"""
