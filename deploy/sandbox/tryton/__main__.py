"""Build the sandbox's ERP, run it, and say how to connect."""

import argparse
import json
import sys
import tempfile
import threading
from pathlib import Path

from deploy.sandbox.tryton.books import Books
from deploy.sandbox.tryton.environment import NotToBeHad
from deploy.sandbox.tryton.running import DATABASE, Server


def connection(books: Books, server: Server) -> str:
    """The connection ``crossdock_tryton`` to this server, as Airflow's environment variables take it."""
    return json.dumps(
        {
            "conn_type": "crossdock_tryton",
            "host": "127.0.0.1",
            "port": server.port,
            "schema": "http",
            "login": "crossdock",
            "password": books.hub_password,
            "extra": {"database": DATABASE, "api_key": books.hub_key},
        }
    )


def main() -> int:
    """0, or 1 when it cannot be had here."""
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox.tryton", description=__doc__)
    parser.add_argument("--prepare", action="store_true", help="install and build, and run nothing")
    parser.add_argument("--port", type=int, help="listen on this port of 127.0.0.1 (a free one)")
    arguments = parser.parse_args()
    try:
        books = Books.built()
        if arguments.prepare:
            return 0
        with (
            tempfile.TemporaryDirectory() as folder,
            books.running(Path(folder), port=arguments.port) as server,
        ):
            sys.stdout.write(
                f"Tryton runs at {server.url}, user admin, password {books.admin_password}\n"
                f"To connect, in another terminal:\n\n"
                f"export AIRFLOW_CONN_CROSSDOCK_TRYTON='{connection(books, server)}'\n"
                f"crossdock connector check tryton\n\nCtrl-C ends it.\n"
            )
            sys.stdout.flush()
            threading.Event().wait()
    except NotToBeHad as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
