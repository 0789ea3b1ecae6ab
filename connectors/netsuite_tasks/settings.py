"""What may be set for NetSuite's tasks over REST."""

from crossdock.kit.call_times import CallTimes

SETTINGS = {"sink": CallTimes}
