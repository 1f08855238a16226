"""The texts that tell systemd and launchd how to run the service. Nothing is installed here."""

from __future__ import annotations

import plistlib
from pathlib import Path

LABEL = "organizer"
# What each text says of itself, so that it is known again.
OURS = "Organizer as a service of the user"

# Where pipx and `pip install --user` put the command; what the shipped example says.
USUAL_COMMAND = "%h/.local/bin/organizer"

# No option that would give the service a mount namespace (ProtectHome, ReadWritePaths, BindPaths ...):
# with one, moves between two folders of one disk fail as if they lay on two. No UMask: folders made in
# the library are the user's, as open as the user's own. No StateDirectory: systemd would link it to the
# configuration folder of the same name.
_UNIT = """\
# Organizer as a service of the user. `organizer service install` installs it; by hand:
#   cp organizer.service ~/.config/systemd/user/ && systemctl --user enable --now organizer
[Unit]
Description=Organizer: hears new samples and files them by your rules
Documentation=man:systemd.service(5)
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=main
{environment}ExecStart={command} run
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=5
# A wrong configuration, broken rules or a missing model do not mend themselves.
RestartPreventExitStatus=2 3 4
TimeoutStartSec=120
# A file in hand is given up at once; a slow disk may still be writing a part of it.
TimeoutStopSec=60
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


def systemd_unit(executable: Path | None = None, *, home: str = "") -> str:
    """Write the user unit for this installation's `organizer`; without one, the shipped example.

    `home` is the folder that `ORGANIZER_HOME` names, where it does.
    """
    return _UNIT.format(
        command=USUAL_COMMAND if executable is None else _quoted(executable),
        environment=f"Environment={_value('ORGANIZER_HOME', home)}\n" if home else "",
    )


def launchd_plist(executable: Path | None = None, *, home: str = "") -> str:
    """Write the launchd agent that does the same; see launchd.plist(5)."""
    command = Path("~/.local/bin/organizer").expanduser() if executable is None else executable
    agent = {
        "Label": LABEL,
        "ServiceDescription": OURS,
        "ProgramArguments": [str(command), "run"],
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "Nice": 10,
        "ExitTimeOut": 120,
        **({"EnvironmentVariables": {"ORGANIZER_HOME": home}} if home else {}),
    }
    return plistlib.dumps(agent).decode()


def _value(name: str, value: str) -> str:
    """Write an assignment as systemd.exec(5) reads it: one word, in which nothing is expanded."""
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{name}={text}"'


def _quoted(path: Path) -> str:
    """Write a path so that systemd reads it as one word and expands nothing in it.

    Of a command's first word systemd expands no variables, so that `$` stands for itself.
    """
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text}"' if any(character.isspace() or character in "\"';\\" for character in text) else text
