"""One Airflow DAG for every connector.toml that is written to."""

from crossdock.airflow.dags import deliver_dags

globals().update(deliver_dags())
