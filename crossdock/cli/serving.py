"""``crossdock serve``: the console and the webhooks, without Airflow."""

from typing import Annotated

import typer

from crossdock.cli.command import command
from crossdock.cli.talk import Talk


def declare(app: typer.Typer) -> None:
    """Add this command to the application."""
    command(app, "serve", examples=("crossdock serve", "crossdock serve --port 8090"))(serve)


def serve(
    talk: Talk,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The port to listen on.")] = 8975,
) -> None:
    """Serve the console and the webhooks until it is stopped (Ctrl-C)."""
    from crossdock.console import serve as console
    from crossdock.console.serve import open_store

    store = open_store()
    try:
        store.require_current()
    finally:
        store.close()
    talk.say(
        f"the console is at http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/  (Ctrl-C ends it)"
    )
    console.serve(host, port)
