"""A day of a distributor from one command.

python -m deploy.sandbox.day [--seed N] [--few] [--home DIR]

Exit 0 when everything that the hub opened, cleared, set aside and answered is what the stories say, 1 otherwise.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console

from crossdock.manifests import tenant_from_environment
from crossdock.store.embedded import EmbeddedServer
from crossdock.store.engine import Store
from deploy.sandbox.day import cast, judge, stage

DATABASE: Final = "crossdock_day"


@contextmanager
def _home(asked: Path | None) -> Iterator[Path]:
    if asked is not None:
        asked.mkdir(parents=True, exist_ok=True)
        yield asked
        return
    made = Path(tempfile.mkdtemp(prefix="crossdock-day-", dir="/tmp"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def main() -> int:
    options = argparse.ArgumentParser(
        description="A day of a distributor, played through the hub and judged."
    )
    options.add_argument(
        "--seed", type=int, default=1, help="whose day it is: partners, stories and date follow"
    )
    options.add_argument(
        "--few", action="store_true", help="fourteen partners instead of forty, and everything once"
    )
    options.add_argument(
        "--home", type=Path, help="a folder to keep what was sent and stored; else nothing is kept"
    )
    asked = options.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    began = time.monotonic()
    script = cast.write(asked.seed, shares=cast.FEW, more=0) if asked.few else cast.write(asked.seed)
    console.print(
        f"seed {asked.seed}: {script.base:%A %d %B %Y}, {len(script.traders)} partners, {len(script.parcels)} files, "
        f"{len(script.opened)} exceptions, {len(script.letters)} documents to be set aside"
    )
    with _home(asked.home) as home, EmbeddedServer.start(home / "postgres") as server:
        with Store.open(server.ensure_database(DATABASE), application="crossdock-day") as store:
            store.upgrade()
            played = stage.play(script, store, home, every_quarter=not asked.few)
            found = judge.differences(script, played, store, tenant_from_environment())
    for sentence in found:
        console.print(sentence, markup=False)
    verdict = "everything is as the stories say" if not found else f"{len(found)} differences"
    console.print(
        f"{verdict}; {played.files} files in {played.ticks} rounds, {time.monotonic() - began:.0f} s"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
