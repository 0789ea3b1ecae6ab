"""The ERP's view of open purchase order lines, read over SQL."""
