"""File system of a path: its type, whether other hosts may write to it, its space.

SQLite's WAL works for processes of one host only: its index is shared memory
(https://sqlite.org/wal.html). On a network file system the store uses a rollback
journal, whose locks the server manages.
"""

import ctypes
import math
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

Magic = Callable[[Path], int | None]
"""Returns the statfs magic number of the file system of a path; None if unknown."""

SMB = 0xFE534D42
NETWORK = frozenset(
    {
        0x00006969,  # NFS
        0x0000517B,  # SMB
        0xFF534D42,  # CIFS
        SMB,  # 2 and 3
        0x0BD00BD0,  # Lustre
        0x47504653,  # GPFS
        0x00C36400,  # CephFS
        0x19830326,  # BeeGFS
        0x20030528,  # OrangeFS
        0x5346414F,  # AFS
        0x01021997,  # 9P, as between WSL and Windows
        0x65735546,  # FUSE: may be sshfs, GlusterFS, a Colab drive
    }
)
_SIZE = 1024  # larger than struct statfs on any platform
_REMOTE = 4
"""What Windows' GetDriveType says of a network drive or share."""


def magic_of(path: Path) -> int | None:
    """Return the file system number, the first field of Linux's statfs.

    Any network drive of Windows counts as SMB.
    """
    if sys.platform == "win32":
        kind = ctypes.windll.kernel32.GetDriveTypeW(path.absolute().anchor)
        return SMB if kind == _REMOTE else None
    if sys.platform != "linux":
        return None
    buffer = ctypes.create_string_buffer(_SIZE)
    if ctypes.CDLL(None).statfs(bytes(path), buffer):
        return None
    return ctypes.c_ulong.from_buffer(buffer).value & 0xFFFFFFFF


def is_shared(path: Path, magic: Magic = magic_of) -> bool:
    """Return whether the folder of a file is on a network file system."""
    return magic(path.parent) in NETWORK


def space(path: Path) -> float:
    """Return the free bytes of the disk that holds a file; inf if it does not tell."""
    with suppress(OSError, AttributeError):  # not every system can be asked
        whole, _used, free = shutil.disk_usage(path.parent)
        if whole:
            return free
    return math.inf


def longest_file() -> float:
    """Return the size in bytes beyond which this process may grow no file."""
    try:
        import resource
    except ImportError:  # on Windows
        return math.inf
    limit, _most = resource.getrlimit(resource.RLIMIT_FSIZE)
    return math.inf if limit == resource.RLIM_INFINITY else limit
