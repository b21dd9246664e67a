"""Runs distributed over Dask workers under one set of limits.

The process that defined the run is the coordinator and enforces the limits: requests
and tokens per minute, requests in flight, ¥. Workers obtain a permit from it for each
request, through the Dask scheduler that both are already connected to, so limits hold
for any number of workers and a ``Retry-After`` received by one pauses all. Each worker
commits its replies to a local journal and sends them to the coordinator as it goes.
"""
