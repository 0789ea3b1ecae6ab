"""The whole sandbox as a program: started, asked, killed and started again."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy.sandbox.world import World

ROOT = Path(__file__).parents[2]


def run(home: Path) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """Start a world in this folder and wait until its own process has written its addresses."""
    command = [sys.executable, "-m", "deploy.sandbox.world", "--home", str(home)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            told: dict[str, Any] = json.loads((home / "world.json").read_bytes())
            if told["pid"] == process.pid:
                return process, told
        except FileNotFoundError:
            pass
        time.sleep(0.02)  # another process: there is no clock of its own to move
    process.kill()
    raise AssertionError(f"no world came up, exit {process.wait()}")


def test_a_killed_world_comes_back_as_it_was_and_ends_cleanly(tmp_path: Path) -> None:
    process, told = run(tmp_path)
    assert process.stdout is not None
    said = process.stdout.readline().decode()
    assert said.startswith(
        f"the sandbox is up: the supplier's SFTP on 127.0.0.1:{told['supplier']['port']}, "
    )
    assert told["supplier"]["password"] not in said
    headers = {"Authorization": f"Bearer {told['erp']['token']}", "Idempotency-Key": "k1"}
    note = f"{told['erp']['url']}/api/purchase-orders/45/notes"
    assert requests.post(note, json={"text": "x"}, headers=headers, timeout=10).status_code == 201
    process.kill()
    process.wait()
    process, again = run(tmp_path)
    try:
        assert {**again, "pid": told["pid"]} == told
        assert requests.post(note, json={"text": "x"}, headers=headers, timeout=10).status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(told["erp"]["url"], timeout=10)


def test_its_connections_are_what_the_hub_reads_from_the_environment(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        connections = {name: json.loads(text) for name, text in world.environment().items()}
        assert connections["AIRFLOW_CONN_CROSSDOCK_ERP"]["port"] == world.erp.port
        assert connections["AIRFLOW_CONN_CROSSDOCK_SUPPLIER_EDI"]["extra"] == {
            "host_key": world.supplier.host_key
        }
        assert connections["AIRFLOW_CONN_CROSSDOCK_CARRIER"]["login"] == world.carrier.login
        [secret] = connections["AIRFLOW_CONN_CROSSDOCK_ERP_PUSH"]["extra"]["webhook_secrets"]
        assert secret.startswith("whsec_")


def test_two_worlds_stand_beside_each_other_but_not_in_one_folder(tmp_path: Path) -> None:
    with World(tmp_path / "a") as one, World(tmp_path / "b") as other:
        assert one.erp.url != other.erp.url
        assert one.supplier.host_key != other.supplier.host_key
        with pytest.raises(RuntimeError, match="already running"):
            World(tmp_path / "a")


def test_a_port_that_somebody_took_meanwhile_is_left_to_them(tmp_path: Path) -> None:
    with World(tmp_path / "a") as before:
        ports = {"erp": before.erp.port, "carrier": before.carrier.port, "supplier": before.supplier.port}
        addresses = before.describe()
    (tmp_path / "b").mkdir()
    with World(tmp_path / "a") as sitting:
        assert sitting.erp.port == ports["erp"]
        (tmp_path / "b" / "world.json").write_text(json.dumps(addresses))
        with World(tmp_path / "b") as coming:
            assert coming.erp.port != ports["erp"]
            assert coming.carrier.port != ports["carrier"]
            assert coming.supplier.port != ports["supplier"]


def test_only_the_owner_reads_the_addresses_with_their_logins(tmp_path: Path) -> None:
    with World(tmp_path):
        for name in ("world.json", "logins.json"):
            assert (tmp_path / name).stat().st_mode & 0o077 == 0
