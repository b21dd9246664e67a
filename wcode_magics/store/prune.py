"""Delete answers and shrink the file, even when the disk is full.

Deletions are first written to the journal, which cannot grow on a full disk. So the
journal is checkpointed into the file, and a few answers at a time are deleted in the
space it occupied.
"""

import json
from collections.abc import Sequence

from wcode_magics.store.database import Connection, if_there_is_room
from wcode_magics.store.images import forget_unused

AT_A_TIME = 5

_OLD = "SELECT id FROM answers WHERE time < ?"
_MANY = "SELECT id FROM answers ORDER BY time DESC, id DESC LIMIT -1 OFFSET ?"
_FORGET = "DELETE FROM answers WHERE id IN (SELECT value FROM json_each(?))"
_MOST = 2**63 - 1


def forget(db: Connection, before: float | None, keep: int | None) -> int:
    """Delete answers older than ``before`` (s) and all but the ``keep`` newest."""
    doomed: set[int] = set()
    if before is not None:
        doomed.update(number for (number,) in db.execute(_OLD, (before,)))
    if keep is not None:
        doomed.update(number for (number,) in db.execute(_MANY, (min(keep, _MOST),)))
    had, oldest = db.total_changes, sorted(doomed)
    with if_there_is_room():
        _delete(db, oldest)
        return db.total_changes - had
    _empty_journal(db)
    for start in range(0, len(oldest), AT_A_TIME):
        _delete(db, oldest[start : start + AT_A_TIME])
        _empty_journal(db)
    return len(oldest)


def shrink(db: Connection) -> None:
    """Release the space of deleted answers and images, as far as disk space permits."""
    with if_there_is_room():
        forget_unused(db)
        _empty_journal(db)
        db.execute("VACUUM")
        _empty_journal(db)


def _delete(db: Connection, numbers: Sequence[int]) -> None:
    db.execute(_FORGET, (json.dumps(numbers),))


def _empty_journal(db: Connection) -> None:
    with if_there_is_room():
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
