"""A checksum inside each stored record, so that a flipped byte is noticed.

A record is JSON; its last field is the checksum of all before it and of what the
record is about: the request's hash where it is an answer.
"""

import hashlib
import json
from typing import Any

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_FIELD = b',"checksum":"'
_SIZE = 16


def encode(data: dict[str, Any], about: str = "") -> bytes:
    """A record of some fields at least, with its checksum."""
    return _seal(_ENCODER.encode(data).encode("utf-8", "surrogatepass"), about)


def sealed(record: Any, about: str, moment: float | None) -> Any:
    """A record of an early version as today's: with checksum and, if any, moment.

    One that has them, or is no record, stays as it is.
    """
    if not isinstance(record, bytes) or _FIELD in record or record[-1:] != b"}":
        return record
    if moment is not None:
        record = b'%s,"time":%s}' % (record[:-1], repr(moment).encode())
    return _seal(record, about)


def _seal(record: bytes, about: str) -> bytes:
    body = record[:-1]
    return b'%s%s%s"}' % (body, _FIELD, _digest(body, about))


def check(record: bytes, about: str = "") -> bytes:
    """The record without its checksum; one that early versions wrote has none.

    Raises:
        ValueError: it is not what was written.
    """
    body, field, end = record.rpartition(_FIELD)
    if not field:
        return record
    if end != _digest(body, about) + b'"}':
        raise ValueError("checksum")
    return body + b"}"


def _digest(body: bytes, about: str) -> bytes:
    made = hashlib.blake2b(about.encode(), digest_size=_SIZE)
    made.update(body)
    return made.hexdigest().encode()
