"""Chaos: a small trading day, made to fail in every place and in every way, restarted, and judged by what is left.

* ``world``: an ERP and a supplier's SFTP that lie, and what really happened there
* ``worker``: the hub's whole day as one program, which can be killed anywhere and run again
* ``people``: what people do in it at the desk
* ``workers``: workers as processes: started, stopped, continued, killed
* ``promises``: what must hold afterwards, whatever happened
* ``sweep``: every fault point, every kind of death, first and later times
"""
