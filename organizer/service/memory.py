"""Giving memory back to the system after work: a service sits idle for most of its life.

The allocator of the C library keeps what was freed, for itself; malloc_trim(3) of glibc lets go of it.
"""

from __future__ import annotations

import ctypes
import gc
import sys


def give_back() -> None:
    """Let go of what is free; where the C library knows no way, of what Python can."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
