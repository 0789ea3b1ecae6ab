"""No DAG: shows a broken connector.toml among the import errors of Airflow; the DAGs of the others stay."""

from crossdock.airflow.dags import require_whole_connectors

require_whole_connectors()
