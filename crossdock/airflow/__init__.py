"""Where Airflow is met: it says when, and shows what happened. No other room imports it."""
