"""Checksum inside each stored record, to detect corruption.

A record is JSON; its last field is the checksum of everything before it and of what
the record is about: the request's hash if it is an answer.
"""

import hashlib
import json
from functools import partial
from typing import Any

from wcode_magics.runtime.strict_json import encoded

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_FIELD = b',"checksum":"'
_HASH = hashlib.blake2b(digest_size=16)
"""A hash of nothing yet; to copy it takes half as long as to make one."""


def encode(data: dict[str, Any], about: str = "") -> bytes:
    """Encode a non-empty record, with its checksum."""
    return seal(encoded(data, partial(_leniently, data)), about)


def _leniently(data: dict[str, Any]) -> bytes:
    return _ENCODER.encode(data).encode("utf-8", "surrogatepass")


def sealed(record: Any, about: str, moment: float | None) -> Any:
    """Add the checksum and, if not None, the time to a record of an early version.

    A record that has them, or a value that is not a record, is returned unchanged.
    """
    if not isinstance(record, bytes) or _FIELD in record or record[-1:] != b"}":
        return record
    if moment is not None:
        record = b'%s,"time":%s}' % (record[:-1], repr(moment).encode())
    return seal(record, about)


def seal(record: bytes, about: str = "") -> bytes:
    """Add the checksum to a record that is JSON already."""
    body = record[:-1]
    return b"%s%s%s" % (body, _FIELD, _end(body, about))


def check(record: bytes, about: str = "") -> bytes:
    """Return the record without its checksum; early versions wrote none.

    Raises:
        ValueError: the record does not match its checksum.
    """
    body, field, end = record.rpartition(_FIELD)
    if not field:
        return record
    if end != _end(body, about):
        raise ValueError("checksum")
    return body + b"}"


def _end(body: bytes, about: str) -> bytes:
    made = _HASH.copy()
    made.update(about.encode())
    made.update(body)
    return f'{made.hexdigest()}"}}'.encode()
