"""What documents that come in mean: one package each, found by name through the registry.

A package has ``DOCUMENT`` (what it maps), ``VERSION`` (raise it when the same document would map otherwise) and
``map(document, context)``, which yields Facts and ExceptionEvents in the order of the document and raises
``Unreadable`` for what it cannot map. It does no I/O and knows no connector.
"""
