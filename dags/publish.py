"""The Airflow DAG that tells downstream systems."""

from crossdock.airflow.dags import publish_dag

dag = publish_dag()
