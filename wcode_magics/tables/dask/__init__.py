"""``ddf.wcode`` on Dask: one run over many workers, under one set of limits.

The process that defined a run leads it. It lends each worker a share of the remaining
limits: requests in flight, requests and tokens under the caps per minute, ¥ of the
budget (:mod:`wcode_magics.sending.lender`). A worker sends within its share, through
the usual limiter and budget, and so adapts to the endpoint's load by itself.

The leader calls each worker through the scheduler that both are connected to, as
``Client.run`` does, and the worker replies when it has something to report, at the
latest after half a second. One such exchange carries all: the share and how much of it
is used, pauses that a ``Retry-After`` asks for, claims on requests, recorded replies,
and the rows of the worker's journal (:mod:`wcode_magics.sending.exchange`).

- A share counts as used until its borrower has confirmed a smaller one, so all shares
  together never exceed the limits, whatever message is lost or late.
- Shares follow demand: unused shares go to other workers at the next exchange; a
  worker that needs more reports it immediately.
- A worker without messages for 5 s stops sending, and fails after 30 s. The share of a
  dead worker is lent again; its ¥ count as spent, since they may be.
- A request is claimed at the leader before it is sent, so equal prompts are paid for
  once over all partitions and runs; a process that waits for a claim replays the reply.
- Replies are committed to the worker's journal before they are sent home, and the
  journal of a killed worker is taken over by the next one on that host.
- Settings travel without the key, which workers read from their own environment.
- Nothing is kept at the scheduler: no queue, no topic, no task.
"""
