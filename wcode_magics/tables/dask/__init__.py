"""A run over many workers: one process leads, the others ask it for leave to send.

The process where a table was asked keeps the limits: requests and tokens per minute,
requests in flight, ¥. Workers lease each permit from it, over the Dask scheduler that
both already talk to, so that a limit holds whatever the number of workers, and a
``Retry-After`` seen by one stops all. Each worker commits its answers to a journal of
its own and sends them home as it goes.
"""
