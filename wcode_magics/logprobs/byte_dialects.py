r"""Decode tokens whose bytes are not valid text, as different servers spell them.

A token is a run of bytes and may end inside a character, but the API reports it as
text. There are five dialects:

* ``bytes``: whatever the text is, the ``bytes`` beside it are correct;
* ``escaped``: a literal ``\xe9\xbe``, without the ``bytes`` field;
* ``lost``: U+FFFD replaces bytes that are lost;
* ``empty``: no text; the character is in a later token, or lost;
* ``alphabet``: each byte as one printable character (GPT-2's table).
"""

import re

from wcode_magics.logprobs.token import Alternative

LOST = "\ufffd"
LOST_BYTES = LOST.encode()
ESCAPE = re.compile(r"(\\x[0-9a-fA-F]{2})")


def _byte_alphabet() -> dict[str, int]:
    """Return the characters of GPT-2's byte-level vocabulary with their bytes."""
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in own]
    shifted = {chr(0x100 + place): byte for place, byte in enumerate(others)}
    return {chr(byte): byte for byte in own} | shifted


ALPHABET = _byte_alphabet()


def encode(text: str) -> bytes:
    """Encode as UTF-8, with lone surrogates, which JSON allows, passed through."""
    return text.encode("utf-8", "surrogatepass")


def decode(data: bytes) -> str | None:
    """Decode UTF-8; None if ``data`` splits a character."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None


def of_alphabet(text: str) -> bytes | None:
    """Return the bytes that ``text`` spells in the byte alphabet, or None."""
    try:
        return bytes(map(ALPHABET.__getitem__, text))
    except KeyError:
        return None


def unescape(text: str) -> bytes:
    r"""Return the bytes of ``text``, with each ``\xNN`` as one byte."""
    pieces = ESCAPE.split(text)
    return b"".join(
        bytes.fromhex(piece[2:]) if place % 2 else encode(piece)
        for place, piece in enumerate(pieces)
    )


def spelt(alternative: Alternative, *, alphabet: bool = False) -> bytes | None:
    """Return the bytes of a token without checking the text; None if they are lost."""
    if alphabet:
        return of_alphabet(alternative.token)
    if alternative.bytes and LOST_BYTES not in alternative.bytes:
        return alternative.bytes
    if LOST in alternative.token:
        return None
    plain = encode(alternative.token)
    if alternative.bytes is None and "\\x" in alternative.token:
        raw = unescape(alternative.token)
        return plain if decode(raw) is not None else raw
    return plain
