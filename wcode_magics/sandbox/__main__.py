"""Command line of the sandbox: ``python -m wcode_magics.sandbox --port N``."""

import argparse
import threading

from . import Sandbox, parameter_faults
from .request_body import NAMES

MOST_PORT = 65_535


def _port(text: str) -> int:
    if text.isdecimal() and int(text) <= MOST_PORT:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text} is no port: 0 to {MOST_PORT}")


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in NAMES:
            known = ", ".join(sorted(NAMES))
            raise argparse.ArgumentTypeError(f"no parameter {name}. There are: {known}")
    return names


def main() -> None:
    """Parse the options and serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m wcode_magics.sandbox",
        description="A small offline model with an OpenAI-compatible API on 127.0.0.1.",
    )
    parser.add_argument(
        "--port", type=_port, default=0, help="port; 0 takes a free one"
    )
    parser.add_argument("--key", help="API key that requests must carry")
    for way in parameter_faults.WAYS:
        parser.add_argument(
            f"--{way}",
            type=_names,
            default=[],
            help=f"parameters that are {way}: seed,top_k",
        )
    options = parser.parse_args()
    switched = {
        name: way for way in parameter_faults.WAYS for name in getattr(options, way)
    }
    try:
        with Sandbox(port=options.port, key=options.key, switches=switched) as sandbox:
            print(f"sandbox on {sandbox.base_url}", flush=True)  # noqa: T201
            threading.Event().wait()
    except KeyboardInterrupt:
        return
    except OSError as error:
        parser.error(f"port {options.port} cannot be used: {error.strerror or error}")


main()
