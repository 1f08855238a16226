"""Whether some program still has a file open to write to it: a paused download, a recorder, a file server.

The kernel tells by a lease: one to read is given only while nobody has the file open for writing (fcntl(2),
"Leases"; local disks of Linux, for files of one's own). Where it is not told, nobody counts as writing.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def is_being_written(path: Path) -> bool:
    """Say whether a program has a file open for writing, as far as the system tells."""
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        # Not to wait for the other end of a pipe that has taken the file's place.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Whoever opens the file for writing at this moment is let through at once, and the kernel tells us by
        # this signal, which does nothing; by SIGIO, which it would send otherwise, a program ends.
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)
    return False
