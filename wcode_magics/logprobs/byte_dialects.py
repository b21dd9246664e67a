r"""How servers spell a token whose bytes are no text, and how to read it.

A token is a run of bytes and may end inside a character, but the API reports it as
text. There are five dialects:

* ``bytes``: whatever the text says, the ``bytes`` beside it are right;
* ``escaped``: ``\xe9\xbe`` spelt out, with no bytes beside it;
* ``lost``: U+FFFD stands for bytes that are gone;
* ``empty``: no text, and the character comes with a later token or never;
* ``alphabet``: each byte as one printable character (GPT-2's table).
"""

import re

from wcode_magics.logprobs.token import Alternative

LOST = "\ufffd"
LOST_BYTES = LOST.encode()
ESCAPE = re.compile(r"(\\x[0-9a-fA-F]{2})")


def _byte_alphabet() -> dict[str, int]:
    """Characters of GPT-2's byte-level vocabulary and the bytes they stand for."""
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in own]
    shifted = {chr(0x100 + place): byte for place, byte in enumerate(others)}
    return {chr(byte): byte for byte in own} | shifted


ALPHABET = _byte_alphabet()


def encode(text: str) -> bytes:
    """UTF-8; a lone surrogate, which JSON can carry, gets the bytes it would have."""
    return text.encode("utf-8", "surrogatepass")


def decode(data: bytes) -> str | None:
    """The text of whole characters, or None where ``data`` splits one."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None


def of_alphabet(text: str) -> bytes | None:
    """The bytes that ``text`` spells in the byte alphabet, or None."""
    try:
        return bytes(map(ALPHABET.__getitem__, text))
    except KeyError:
        return None


def unescape(text: str) -> bytes:
    r"""The bytes of ``text`` with each ``\xNN`` taken as one byte."""
    pieces = ESCAPE.split(text)
    return b"".join(
        bytes.fromhex(piece[2:]) if place % 2 else encode(piece)
        for place, piece in enumerate(pieces)
    )


def spelt(alternative: Alternative, *, alphabet: bool = False) -> bytes | None:
    """The bytes of a token that the text does not confirm; None where they are lost."""
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
