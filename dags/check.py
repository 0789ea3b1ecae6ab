"""The Airflow DAG that tries a connector from a worker, when a person asks."""

from crossdock.airflow.dags import check_dag

dag = check_dag()
