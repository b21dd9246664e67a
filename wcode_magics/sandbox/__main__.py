"""Command line of the sandbox: ``python -m wcode_magics.sandbox --port N``."""

import argparse

from . import serve, switches


def main() -> None:
    """Parse the options and serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m wcode_magics.sandbox",
        description="A small offline model with an OpenAI-compatible API on 127.0.0.1.",
    )
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes a free one")
    parser.add_argument("--key", help="API key that requests must carry")
    for way in switches.WAYS:
        parser.add_argument(
            f"--{way}", default="", help=f"parameters that are {way}: seed,top_k"
        )
    options = parser.parse_args()
    held = {
        name: way
        for way in switches.WAYS
        for name in filter(None, getattr(options, way).split(","))
    }
    serve(port=options.port, key=options.key, switches=held)


main()
