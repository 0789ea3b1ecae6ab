"""Tryton, an ERP, over its REST and its JSON-RPC: orders, shipments, holds and shortages in; notes, dates, holds,
releases and splits out."""
