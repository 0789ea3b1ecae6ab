"""A small trading world of real servers on loopback: a supplier's SFTP, an ERP over HTTP, a carrier over SOAP.

Each keeps records of its own in files, as a partner's system would, so that what the hub did can be checked
from the other side of the wire. ``world`` runs them together, ``demo`` shows the hub at work between them.
"""
