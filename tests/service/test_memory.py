from __future__ import annotations

import subprocess
import sys

import pytest

# A process of its own: how much this one holds depends on the tests before.
PROBE = """
import sys
from organizer.service.memory import give_back

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

blocks = [bytes(100_000) for _ in range(1_000)]
keep = [bytes(100) for _ in range(1_000)]
full = resident()
del blocks
give_back()
print(full - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is resident")
def test_what_was_freed_goes_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 50_000_000
