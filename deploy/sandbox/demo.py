"""The main job, on this machine, from one command: files come in, and it is shown what becomes of each.

    python -m deploy.sandbox.demo [--once] [--home DIR]

Starts a database, Airflow and the sandbox, plays one morning of a distributor, and shows what the hub does. With
``--once`` it ends by itself: exit 0 when the ERP's, the carrier's and the supplier's own records hold exactly
what they must, 1 otherwise. Without, it stays until Ctrl-C. It leaves no process behind, and no file outside its
folder.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

from rich.console import Console

from crossdock.errors import CrossdockError
from crossdock.manifests import tenant_from_environment
from crossdock.store.engine import Store
from deploy.sandbox import expected
from deploy.sandbox.home import Home, Unusable
from deploy.sandbox.hub_processes import ROOT, HubProcesses, dag_ids
from deploy.sandbox.narrator import Narrator
from deploy.sandbox.play import Play
from deploy.sandbox.programs import Failed, Guard
from deploy.sandbox.records import Records
from deploy.sandbox.world_process import WorldProcess

GIVE_UP_S: Final = 240.0
BETWEEN_SCENES_S: Final = 0.7
BETWEEN_CALLS_S: Final = 7.0
LOOK_S: Final = 0.4
INTERRUPTED: Final = 130


class Demo:
    """One demonstration in one folder."""

    def __init__(self, home: Home, console: Console) -> None:
        self.home = home.path
        self._home = home
        self._console = console
        self._began = time.monotonic()

    def run(self, *, once: bool) -> int:
        """The exit code."""
        with ExitStack() as stack:
            guard = stack.enter_context(Guard())
            world = WorldProcess(self.home / "world", guard, log=self.home / "logs" / "world.log")
            stack.callback(world.stop)
            self._step("starting the sandbox: supplier, ERP, carrier")
            world.start()
            addresses = world.wait_until_ready()
            hub = stack.enter_context(HubProcesses(self.home, addresses["environment"], guard))
            hub.start(lambda what: self._step(f"starting {_STARTING[what]}"))
            shell = self._home.write_shell(hub.environment())
            store = Store.open(application="crossdock-demo", home=self.home)
            stack.callback(store.close)
            narrator = Narrator(
                store,
                tenant_from_environment(),
                self._console,
                command=lambda text: f"source {_short(shell)} && {text}",
            )
            self._step("everything is up; the morning begins")
            play = Play(self.home, addresses)
            play.prepare()
            missing = self._perform(hub, world, play, narrator)
            balanced = self._summary(hub, addresses, shell, narrator, missing, once=once)
            if once:
                return 0 if balanced and not missing else 1
            self._console.print(
                "\n[bold]It goes on until Ctrl-C.[/] Drop a file into "
                f"{_short(Path(addresses['supplier']['root']) / 'outbound')} and watch."
            )
            while True:
                hub.keep_up(lambda what: narrator.say("trouble", what))
                world.keep_up()
                narrator.look()
                time.sleep(LOOK_S)

    def _perform(self, hub: HubProcesses, world: WorldProcess, play: Play, narrator: Narrator) -> list[str]:
        """Act scene after scene and tell what comes of it, until the partners' books are as they must be.

        Returns what is missing in them when the time is up.
        """
        records = Records(self.home / "world")
        until = time.monotonic() + GIVE_UP_S
        next_scene_at = next_call_at = time.monotonic()
        while True:
            if not play.over and time.monotonic() >= next_scene_at:
                scene = play.next()
                if scene is not None:
                    narrator.say("leaves", f"{scene.where} · {scene.name}: {scene.story}")
                next_scene_at = time.monotonic() + BETWEEN_SCENES_S
            if time.monotonic() >= next_call_at:
                # receivers run twice a minute by themselves; nobody wants to watch a clock
                for dag in sorted(one for one in dag_ids(hub.off) if one.startswith("receive__")):
                    hub.trigger(dag)
                next_call_at = time.monotonic() + BETWEEN_CALLS_S
            narrator.look()
            missing = ["the play is not over"] if not play.over else expected.missing(records, play.at)
            if (not missing and narrator.at_rest()) or time.monotonic() > until:
                narrator.look()  # at rest, so this look has the last line
                return missing
            hub.keep_up(lambda what: narrator.say("trouble", what))
            world.keep_up()
            time.sleep(LOOK_S)

    def _summary(
        self,
        hub: HubProcesses,
        addresses: dict[str, Any],
        shell: Path,
        narrator: Narrator,
        missing: list[str],
        *,
        once: bool,
    ) -> bool:
        say = self._console.print
        say()
        balanced = narrator.balance()
        took = time.monotonic() - self._began
        if missing:
            say(f"\n[bold red]After {took:.0f} s this is not as it must be:[/]")
            for sentence in missing:
                say(f"  · {sentence}", highlight=False, markup=False)
            for log in hub.logs_of_failed_tasks():
                say(f"\nthe end of {log}:\n{_end_of(log)}", highlight=False, markup=False)
        else:
            say(f"\n[bold green]Everything expected is in the partners' own records, after {took:.0f} s.[/]")
        if not balanced:
            say("[bold red]The ledger does not balance.[/]")
        say(
            f"Set aside, waiting for a person: {narrator.waiting()}; "
            f"source {_short(shell)} && crossdock dead-letters list",
            highlight=False,
            soft_wrap=True,
        )
        shown = {
            "commands": f"source {_short(shell)} && crossdock cases list",
            "logs": _short(self.home / "logs"),
        }
        if not once:  # with it, nobody answers there when this is read
            shown = {
                "Airflow": hub.url,
                "Crossdock": f"{hub.url}/crossdock/",
                "ERP": f"{addresses['erp']['url']}/_control/effects",
                "rules": _short(self.home / "routes" / "main.toml"),
                "partners": _short(self.home / "partners"),
                **shown,
            }
        say()
        for name, where in shown.items():
            say(f"  {name:<12}{where}", highlight=False, soft_wrap=True)
        say(f"  {_short(self.home)} is emptied at the next start", highlight=False, soft_wrap=True)
        return balanced

    def _step(self, words: str) -> None:
        self._console.print(f"[dim]{time.monotonic() - self._began:5.1f} s  {words}[/]", highlight=False)


_STARTING: Final = {
    "database": "PostgreSQL, in the demonstration's own folder",
    "tables": "the tables of Crossdock and of Airflow",
    "Airflow": "Airflow: API server, scheduler, DAG processor, triggerer",
}


_ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def _signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demonstration as Ctrl-C does: in order, with everything cleared away.

    SIGINT is named too: a shell starts what runs in the background with it ignored.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _short(path: Path) -> str:
    """The path from here, when that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)


def _end_of(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def main() -> int:
    options = argparse.ArgumentParser(
        prog="python -m deploy.sandbox.demo", description=__doc__.split("\n")[0]
    )
    options.add_argument(
        "--once", action="store_true", help="end by itself, 0 when everything expected was seen"
    )
    options.add_argument(
        "--home", type=Path, help="the folder for everything (default: demo, or demo-2 beside it)"
    )
    asked = options.parse_args()
    console = Console(soft_wrap=not sys.stdout.isatty())
    try:
        home = Home.take(asked.home) if asked.home else Home.take_free(ROOT / "demo")
    except Unusable as error:
        console.print(f"[red]{error}[/]")
        return 2
    if not asked.home and home.path.name != "demo":
        console.print(f"{ROOT / 'demo'} is in use; this demonstration has {home.path}", highlight=False)
    os.environ["TMPDIR"] = str(home.path)
    try:
        with _signals():
            return Demo(home, console).run(once=asked.once)
    except KeyboardInterrupt:
        console.print("\nended; nothing is left running", highlight=False)
        return INTERRUPTED if asked.once else 0
    except (Failed, CrossdockError) as error:
        console.print(f"\n[bold red]The demonstration failed:[/] {error}", highlight=False)
        return 1
    finally:
        home.release()


if __name__ == "__main__":
    sys.exit(main())
