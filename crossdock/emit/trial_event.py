"""A made-up event for trying a receiver: valid, and about nothing that there is."""

import uuid
from datetime import datetime
from typing import Any

from canonical.events import EVENT_SCHEMA


def trial_event(tenant: str, now: datetime) -> dict[str, Any]:
    """An event with the code of an unknown outcome, whose subject and title say that it is a trial."""
    moment = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": f"/{tenant}/trial",
        "type": "io.crossdock.exception.detected.v1",
        "subject": "message/1",
        "time": moment,
        "recordedtime": moment,
        "datacontenttype": "application/json",
        "dataschema": EVENT_SCHEMA,
        "tenantid": tenant,
        "partitionkey": f"{tenant}|message:1@{tenant}",
        "correlationid": f"message:1@{tenant}",
        "dataclassification": "public",
        "severitytext": "DEBUG",
        "severitynumber": 5,
        "data": {
            "code": "INT.OUTCOME_UNKNOWN",
            "kind": "fact",
            "title": "This is a trial: nothing happened",
            "severity": "S4",
            "detected_at": moment,
            "refs": [{"kind": "message", "value": "1", "issuer": tenant}],
            "classification": {"method": "code-map"},
            "fold_key": f"{tenant}|INT.OUTCOME_UNKNOWN|message:1@{tenant}",
            "provenance": {
                "connector": "trial",
                "connector_version": "1",
                "mapping": "trial",
                "mapping_version": "1",
                "raw_id": str(uuid.uuid4()),
                "raw_sha256": "0" * 64,
                "received_at": moment,
                "place": {},
            },
        },
    }
