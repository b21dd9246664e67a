"""Images of stored requests: each is kept once, and requests refer to its digest.

A store of an earlier version that is open for reading only has no tables of images.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from wcode_magics.protocol.request import Request
from wcode_magics.store.database import Connection

Uses = Iterable[Sequence[Any]]

INSERT = "INSERT OR IGNORE INTO images (digest, data) VALUES (?, ?)"
INSERT_USE = "INSERT OR IGNORE INTO image_uses (request, digest) VALUES (?, ?)"
_OF_REQUEST = (
    "SELECT request, digest, data FROM image_uses JOIN images USING (digest) "
    "WHERE request = ?"
)
_THERE = "SELECT count(*) FROM sqlite_master WHERE name = 'image_uses'"
_FORGET_USES = "DELETE FROM image_uses WHERE request NOT IN (SELECT hash FROM answers)"
_FORGET = "DELETE FROM images WHERE digest NOT IN (SELECT digest FROM image_uses)"


def held_by(request: Request) -> list[tuple[str, str, bytes]]:
    """Return request hash, digest and data of a request's images."""
    held = [image for image in request.images if image.data]
    return [(request.hash, image.digest, image.data) for image in held]


def images_of(source: Connection, hashes: Iterable[str]) -> Iterator[Sequence[Any]]:
    """Yield request hash, digest and data of the images of some requests."""
    if source.execute(_THERE).fetchone()[0]:
        for digest in hashes:
            yield from source.execute(_OF_REQUEST, (digest,))


def find(source: Connection, digest: str) -> bytes | None:
    """Return the data of an image, or None."""
    if not source.execute(_THERE).fetchone()[0]:
        return None
    row = source.execute("SELECT data FROM images WHERE digest = ?", (digest,))
    found = row.fetchone()
    return None if found is None else bytes(found[0])


def put(target: Connection, uses: Uses) -> None:
    """Insert images and the requests that use them, where they are missing."""
    for request, digest, data in uses:
        target.execute(INSERT, (digest, data))
        target.execute(INSERT_USE, (request, digest))


def forget_unused(db: Connection) -> None:
    """Delete images that no stored request uses."""
    db.execute(_FORGET_USES)
    db.execute(_FORGET)


def bare(request: dict[str, Any]) -> dict[str, Any]:
    """Return a request's plain form, its images without their data."""
    messages = [
        {**message, "images": [{**one, "data": ""} for one in message["images"]]}
        if "images" in message
        else message
        for message in request["messages"]
    ]
    return {**request, "messages": messages}
