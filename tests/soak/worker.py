"""A worker of the soak: what the DAGs ``process`` and ``deliver__erp`` do, over and over, as long as it lives."""

import os
import sys
import time
from pathlib import Path

from crossdock.errors import CrossdockError
from crossdock.hub import Hub
from crossdock.registry import Registry


def main(connectors: Path) -> None:
    while True:
        try:
            with Hub.open(registry=Registry(connectors)) as hub:
                while True:
                    done = hub.process(limit_s=2).counts.get("messages", 0)
                    done += hub.deliver("erp", limit_s=2).counts.get("attempts", 0)
                    if not done:
                        time.sleep(0.1)
        except CrossdockError as error:  # as Airflow: the task failed, and is started again soon
            sys.stderr.write(f"{os.getpid()}: {error}\n")
            time.sleep(0.5)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
