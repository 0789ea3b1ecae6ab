"""Files that a person brings by hand: on the console's page, over its API, or with ``crossdock upload``."""
