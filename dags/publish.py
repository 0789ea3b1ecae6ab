"""The Airflow DAGs that tell downstream systems."""

from crossdock.airflow.dags import publish_dags

globals().update(publish_dags())
