"""The store: PostgreSQL through SQLAlchemy, and the only room that knows it."""
