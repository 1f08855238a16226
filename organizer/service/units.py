"""The text of the systemd user unit. Nothing is installed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Where pipx and `pip install --user` put the command; what the shipped example says.
USUAL_COMMAND = "%h/.local/bin/organizer"

# No option that would give the service a mount namespace (ProtectHome, ReadWritePaths, BindPaths ...):
# with one, moves between two folders of one disk fail as if they lay on two. No UMask: folders made in
# the library are the user's, as open as the user's own. No StateDirectory: systemd would link it to the
# configuration folder of the same name.
_UNIT = """\
# Organizer as a service of the user. To install this example by hand:
#   cp organizer.service ~/.config/systemd/user/ && systemctl --user enable --now organizer
[Unit]
Description=Organizer: hears new samples and files them by your rules
Documentation=man:systemd.service(5)
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=main
ExecStart={command} run
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=5
# A wrong configuration, broken rules or a missing model do not mend themselves.
RestartPreventExitStatus=2 3 4
TimeoutStartSec=120
# Long enough for one large file to be copied to a slow disk.
TimeoutStopSec=120
# Longer than filing ever waits for another command to be done.
WatchdogSec=900

# Music comes first.
Nice=10
IOSchedulingClass=idle
CPUWeight=20

NoNewPrivileges=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RestrictRealtime=yes
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX

[Install]
WantedBy=default.target
"""


def systemd_unit(executable: Path | None = None) -> str:
    """Write the user unit for this installation's `organizer`; without one, the shipped example."""
    return _UNIT.format(command=USUAL_COMMAND if executable is None else _quoted(executable))


def _quoted(path: Path) -> str:
    """Write a path so that systemd reads it as one word and expands nothing in it.

    Of a command's first word systemd expands no variables, so that `$` stands for itself.
    """
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text}"' if any(character.isspace() or character in "\"';\\" for character in text) else text
