"""Parameters that the sandbox ignores, refuses or gets wrong, to try clients against.

Real endpoints do all of this; the HTTP status alone does not reveal it.
"""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from .bad_request import BadRequest

WAYS = ("ignored", "refused", "wrong")
_WRONG: Mapping[str, Callable[[Any], Any]] = {
    "temperature": lambda value: 2 - value,
    "seed": lambda _value: random.getrandbits(32),
    "frequency_penalty": lambda value: -value,
    "max_tokens": lambda value: 8 * value,
    "verbosity": lambda value: {"low": "high", "high": "low"}.get(value, value),
    "top_logprobs": lambda _value: 1,
    "logit_bias": lambda value: {token: -shift for token, shift in value.items()},
    "tool_choice": lambda value: {"none": "required", "required": "none"}.get(
        value, value
    ),
    "parallel_tool_calls": lambda value: not value,
}
"""How a value is misunderstood; a parameter that is not here is left out."""


def applied(raw: bytes, switches: Mapping[str, str]) -> bytes:
    """Return a request body as a server with these switches reads it.

    ``switches`` maps names of parameters to one of :data:`WAYS`.

    Raises:
        BadRequest: the body has a parameter that is refused.
    """
    try:
        body = json.loads(raw)
    except ValueError:
        return raw
    for name, way in switches.items() if isinstance(body, dict) else ():
        if name not in body:
            continue
        if way == "refused":
            raise BadRequest(f"Unrecognized request argument supplied: {name}", name)
        value = body.pop(name)
        if way == "wrong" and name in _WRONG:
            body[name] = _WRONG[name](value)
    return json.dumps(body).encode()
