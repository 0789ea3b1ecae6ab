"""What the steps hold while they write: a transaction of one tenant."""

import sqlalchemy as sa

Transaction = sa.Connection
"""An open transaction: role and tenant are set, row-level security holds. Made by ``Store.transaction``."""
