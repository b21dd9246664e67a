"""Which file system a path is on, and whether other hosts may write there too.

SQLite's WAL is for processes of one host: its index is shared memory
(https://sqlite.org/wal.html). On a network file system the store uses a rollback
journal, whose locks the server keeps.
"""

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path

Magic = Callable[[Path], int | None]
"""The number by which statfs names the file system of a path; None: not known."""

NETWORK = frozenset(
    {
        0x00006969,  # NFS
        0x0000517B,  # SMB
        0xFF534D42,  # CIFS
        0xFE534D42,  # SMB 2 and 3
        0x0BD00BD0,  # Lustre
        0x47504653,  # GPFS
        0x00C36400,  # CephFS
        0x19830326,  # BeeGFS
        0x20030528,  # OrangeFS
        0x5346414F,  # AFS
        0x01021997,  # 9P, as between WSL and Windows
        0x65735546,  # FUSE: it may be sshfs, GlusterFS, a drive of Colab
    }
)
_SIZE = 1024  # more than struct statfs has anywhere


def magic_of(path: Path) -> int | None:
    """Ask statfs of Linux, whose struct begins with the number."""
    if sys.platform != "linux":
        return None
    told = ctypes.create_string_buffer(_SIZE)
    if ctypes.CDLL(None).statfs(bytes(path), told):
        return None
    return ctypes.c_ulong.from_buffer(told).value & 0xFFFFFFFF


def is_shared(path: Path, magic: Magic = magic_of) -> bool:
    """Whether the folder of a file is on a file system of several hosts."""
    return magic(path.parent) in NETWORK
