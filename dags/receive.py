"""One Airflow DAG for every connector.toml that is polled."""

from crossdock.airflow.dags import receive_dags

globals().update(receive_dags())
