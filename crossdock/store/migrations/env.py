"""Run the migrations on the connection and in the transaction of ``crossdock.store.schema.upgrade``."""

from alembic import context

from crossdock.store.schema import SCHEMA, VERSION_TABLE
from crossdock.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    version_table_schema=SCHEMA,
    include_schemas=True,
    transaction_per_migration=False,
)
context.run_migrations()
