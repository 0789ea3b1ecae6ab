"""Shows Crossdock's page inside Airflow. The plugin itself is in the installed package."""

from crossdock.airflow.plugin import CrossdockPlugin

__all__ = ["CrossdockPlugin"]
