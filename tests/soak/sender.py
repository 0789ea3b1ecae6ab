"""A system that pushes signed holds to the hub at a rate, each again and again until it was told that it is kept."""

import http.client
import json
import queue
import threading
import time
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

from crossdock.testing.total_queue import TotalQueue
from deploy.sandbox import documents

THREADS: Final = 24
AGAIN_S: Final = 0.5


class Sender:
    """Sends until ``stop``, then goes on with what nobody acknowledged until ``end``."""

    def __init__(self, *, port: int, secret: str, rate: float, books: TotalQueue) -> None:
        self._port, self._rate, self._books = port, rate, books
        self._webhook = Webhook(secret)
        self._waiting: queue.Queue[int] = queue.Queue()
        self._stop, self._end = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self.answered: list[tuple[float, float]] = []  # when it was sent, and how long the answer took
        self.refused = 0
        self.sent = 0
        self._threads = [threading.Thread(target=self._offer, daemon=True)]
        self._threads += [threading.Thread(target=self._push, daemon=True) for _ in range(THREADS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No new ones."""
        self._stop.set()

    def end(self) -> None:
        """Give up."""
        self._stop.set()
        self._end.set()
        for thread in self._threads:
            thread.join(10)

    def _offer(self) -> None:
        began = time.monotonic()
        while not self._stop.is_set():
            due = int((time.monotonic() - began) * self._rate)
            while self.sent < due:
                self.sent += 1
                self._waiting.put(self.sent)
            time.sleep(0.02)

    def _push(self) -> None:
        while not self._end.is_set():
            try:
                number = self._waiting.get(timeout=0.2)
            except queue.Empty:
                continue
            self._push_until_kept(number)

    def _push_until_kept(self, number: int) -> None:
        order = f"SO-{number}"
        record = {
            **documents.order_holds(datetime.now(UTC))[0],
            "hold_id": f"H-{number}",
            "sales_order": order,
        }
        body = json.dumps(record)
        self._books.attempt(order)
        first = True
        while not self._end.is_set():
            at = time.monotonic()
            if self._post(f"msg_{number}", body):
                self._books.acknowledge(order)
                if first:
                    with self._lock:
                        self.answered.append((at, time.monotonic() - at))
                return
            first = False
            with self._lock:
                self.refused += 1
            self._end.wait(AGAIN_S)

    def _post(self, message_id: str, body: str) -> bool:
        now = datetime.now(UTC)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request(
                "POST",
                "/webhooks/erp_push",
                body=body,
                headers={
                    "Content-Type": "application/json",
                    "webhook-id": message_id,
                    "webhook-timestamp": str(int(now.timestamp())),
                    "webhook-signature": self._webhook.sign(message_id, now, body),
                },
            )
            answer = connection.getresponse()
            answer.read()
            return answer.status in (200, 202)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
