"""The Airflow DAG between the wires."""

from crossdock.airflow.dags import process_dag

dag = process_dag()
