"""The Airflow DAG that puts dead letters back, at the rate that somebody asked for."""

from crossdock.airflow.dags import redrive_dag

dag = redrive_dag()
