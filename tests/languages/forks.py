"""Run Python programs in forks of a process that has imported their library.

To import the OpenAI SDK takes a second of a processor, and a hundred runs start with
it. ``forks.py SOCKET MODULE`` imports the module and serves until its standard input
ends; ``forks.py SOCKET PROGRAM.py`` runs the program there as ``python PROGRAM.py``
would: with its own standard streams, key and exit status.
"""

import importlib
import os
import runpy
import select
import signal
import socket
import sys

KEY = "WCODE_API_KEY"
STREAMS = (0, 1, 2)
MOST = 4096


def ask(path: str, program: str) -> int:
    """Have a program run; return its exit status."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        said = f"{program}\0{os.environ.get(KEY, '')}".encode()
        socket.send_fds(server, [said], list(STREAMS))
        return int(server.recv(MOST))


def serve(path: str, module: str) -> str | None:
    """Serve; return a program to run in the process that was forked for it."""
    importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in ready:
                return None
            client, _ = listener.accept()
            with client:
                if not os.fork():
                    return _forked(client)


def _forked(client: socket.socket) -> str:
    """Take the client's streams and key; tell it how the program ended."""
    said, streams, _, _ = socket.recv_fds(client, MOST, len(STREAMS))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        client.send(b"%d" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    for theirs, ours in zip(streams, STREAMS, strict=True):
        os.dup2(theirs, ours)
        os.close(theirs)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    program, key = said.decode().split("\0")
    os.environ.update({KEY: key} if key else {})
    return program


if __name__ == "__main__":
    _, place, what = sys.argv
    if what.endswith(".py"):
        sys.exit(ask(place, what))
    given = serve(place, what)
    if given is not None:
        sys.argv = [given]
        runpy.run_path(given, run_name="__main__")
