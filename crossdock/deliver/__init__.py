"""Deliver: one effect for each write-back, or a plain word that it could not be had.

``deliverer`` makes the attempts, ``policy`` says what each outcome leads to, ``conflicts`` decides again what the
target found outdated. Whether a target may be called at all is ``crossdock.standing``.
"""

from crossdock.deliver.deliverer import Deliverer, TargetPaused
from crossdock.deliver.policy import Step, next_step

__all__ = ["Deliverer", "Step", "TargetPaused", "next_step"]
