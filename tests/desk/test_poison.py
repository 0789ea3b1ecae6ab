"""A message that kills its worker, which is a process of its own here, is set aside before the third try."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from crossdock.hub import Hub
from crossdock.store.tables import dead_letters, facts
from tests.attack.test_edi_order import a_set, balance, interchange, take
from tests.desk.conftest import rows

ROOT = Path(__file__).parents[2]

WORKER = """
import os
from datetime import datetime
from crossdock.hub import Hub
from crossdock.store.engine import Store
from crossdock.testing.clock import MovableClock
with Store.open(os.environ["STORE"]) as store:
    hub = Hub.open(clock=MovableClock(datetime.fromisoformat(os.environ["NOW"])), store=store, tenant="main")
    real = hub.processor._normalizer.normalize
    def normalize(message, **more):
        if message.key == "killer":
            os.kill(os.getpid(), 9)
        return real(message, **more)
    hub.processor._normalizer.normalize = normalize
    hub.process()
"""


def test_a_message_that_kills_its_process_twice_is_set_aside_and_those_beside_it_are_not(hub: Hub) -> None:
    for number in (1, 2, 3):
        good = a_set(
            "855",
            number,
            f"BAK*00*AT*4600000{number}*20261120",
            "PO1*1*10*EA*2.5**VN*V-1",
            "ACK*IA*10*EA",
            "CTT*1",
        )
        take(hub, "killer" if number == 2 else f"good{number}", interchange(number, good))
    ended = []
    now = hub.clock.now()
    for _ in range(8):
        worker = subprocess.run(
            [sys.executable, "-c", WORKER],
            cwd=ROOT,
            env={
                **os.environ,
                "STORE": hub.store.url.render_as_string(hide_password=False),
                "NOW": now.isoformat(),
            },
            timeout=60,
        )
        ended.append(worker.returncode)
        if worker.returncode == 0:
            break
        now += timedelta(minutes=10)
    assert ended == [-signal.SIGKILL, -signal.SIGKILL, 0]
    [letter] = rows(hub.store, dead_letters)
    assert (letter.label, letter.error_class) == ("killer", "PoisonMessage")
    assert "begun 2 times and never finished" in letter.sentence
    assert len(rows(hub.store, facts)) == 2
    assert balance(hub) == []
