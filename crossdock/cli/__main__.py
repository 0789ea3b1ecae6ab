"""``python -m crossdock.cli`` is the same as ``crossdock``."""

from crossdock.cli import main

main()
