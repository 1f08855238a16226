"""Drop a folder of real packs into the inbox of a running service, look at what came of it, undo all of it.

    python -m tests.acceptance.packs PACKS [--settle 1] [--keep] [--json FILE]

PACKS holds packs as a user would drop them and, for the accuracy, `truth.csv` (path, label, kind). It is
copied, never touched. The script fails when a readable sound is not filed exactly once, when `status`
does not name what cannot be read, when `log` does not show one batch a pack, or when `undo --all` does
not give the inbox back byte for byte, names and times included, and through a restart.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from organizer.labels import CATEGORY_OF, DRUM_CATEGORIES

Tree = dict[str, tuple[str, int, int]]
Heard = dict[str, dict[str, Any]]  # path below the packs -> what `classify --json` says
EARS = {"with_names": (), "audio_only": ("--audio-only",)}
SURE = 0.8  # of the default rules


def tree_of(root: Path) -> Tree:
    found = {}
    for path in sorted(root.rglob("*")):
        stat = path.lstat()
        kind = "folder" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
        found[os.fsdecode(os.fsencode(path.relative_to(root)))] = (kind, stat.st_mode, stat.st_mtime_ns)
    return found


class Installation:
    def __init__(self, root: Path) -> None:
        self.inbox, self.library = root / "Inbox", root / "Library"
        self.environment = {**os.environ, "ORGANIZER_HOME": str(root / "home")}
        self.log = root / "service.log"
        self.service: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "organizer", *arguments],
            env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode not in codes:
            raise SystemExit(f"organizer {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
        return done.stdout

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.service = subprocess.Popen(
                [sys.executable, "-m", "organizer", "run"],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.wait("the service to be alive", lambda status: status["running"] and status["last_scan"])

    def stop(self) -> None:
        assert self.service is not None
        self.service.send_signal(signal.SIGTERM)
        if self.service.wait(60) != 0:
            raise SystemExit(f"the service ended with {self.service.returncode}; see {self.log}")

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("status", "--json", codes=(0, 1, 6)))
        return found

    def wait(self, what: str, holds: Any, seconds: float = 300.0) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = self.status()
            if holds(status):
                return status
            time.sleep(0.5)
        raise SystemExit(f"waited {seconds:.0f} s for {what}: {json.dumps(self.status())[:2000]}")


def calm(status: dict[str, Any]) -> bool:
    return bool(status["running"] and not status["waiting"] and not status["busy"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("packs", type=Path)
    parser.add_argument("--settle", type=float, default=1.0)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="organizer-packs-"))
    try:
        report = accept(options.packs, root, options.settle)
    finally:
        if options.keep:
            print(f"kept: {root}")
        else:
            shutil.rmtree(root)
    print(json.dumps(report, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2))
    if report["failures"]:
        raise SystemExit(f"{len(report['failures'])} failures")


def accept(packs: Path, root: Path, settle: float) -> dict[str, Any]:
    failures: list[str] = []
    here = Installation(root)
    here.run("init", "--inbox", str(here.inbox), "--library", str(here.library))
    config = root / "home" / "config.toml"
    config.write_text(config.read_text().replace("settle_seconds = 3", f"settle_seconds = {settle:g}"))
    here.start()
    shutil.copytree(packs, here.inbox, dirs_exist_ok=True, copy_function=shutil.copy2)
    before = tree_of(here.inbox)
    began = time.monotonic()
    status = here.wait("the packs to be filed", lambda s: calm(s) and s["library"]["samples"] > 0)
    seconds = time.monotonic() - began
    after = tree_of(here.inbox)
    log = json.loads(here.run("log", "--limit", "0", "--json"))
    heard = {title: classify(here, packs, *options) for title, options in EARS.items()}
    failures += check_filed(here, packs, before, after, log)
    failures += check_places(here, log, heard["with_names"][0])
    unreadable = {Path(one["path"]).name: one["reason"] for one in status["unreadable"]}
    report = {
        "files": sum(kind != "folder" for kind, _, _ in before.values()),
        "filed": sum(kind != "folder" for kind, _, _ in tree_of(here.library).values()),
        "seconds_dropped_to_filed": round(seconds, 1),
        "batches": [f"{one['id']}: {one['title']} ({one['done']})" for one in log],
        "unreadable": unreadable,
        "left": status["left"],
        **accuracy(packs, heard),
    }
    here.run("undo", "--all", "--yes")
    failures += differences("after undo --all", before, tree_of(here.inbox))
    here.wait("calm after the undo", calm)
    time.sleep(4 * settle + 2)
    failures += differences("a while after undo --all", before, tree_of(here.inbox))
    here.stop()
    here.start()
    assert here.service is not None
    here.service.send_signal(signal.SIGHUP)
    time.sleep(4 * settle + 3)
    status = here.wait("calm after the restart", calm)
    failures += differences("after a restart and a rescan", before, tree_of(here.inbox))
    left_over = [name for name, (kind, _, _) in tree_of(here.library).items() if kind != "folder"]
    failures += [f"still in the library after the undo: {name}" for name in left_over]
    report["held"] = status["held"]
    here.stop()
    report["failures"] = failures
    return report


def check_filed(here: Installation, packs: Path, before: Tree, after: Tree, log: list[Any]) -> list[str]:
    """Compare where each file is with what the default rules say of it."""
    failures = []
    hashes = Counter(kind for kind, _, _ in tree_of(here.library).values() if kind != "folder")
    still = Counter(kind for kind, _, _ in after.values() if kind != "folder")
    for kind, count in Counter(kind for kind, _, _ in before.values() if kind != "folder").items():
        if hashes[kind] + still[kind] != count:
            names = [name for name, (one, _, _) in before.items() if one == kind]
            failures.append(f"{names}: {count} dropped, {hashes[kind]} filed, {still[kind]} in the inbox")
    for row in truth_of(packs):
        if row["path"] in before and row["path"] in after:
            failures.append(f"a readable sound stayed in the inbox: {row['path']}")
    titles = Counter(one["title"] for one in log)
    failures += [f"{count} batches of {title!r}" for title, count in titles.items() if count > 1]
    gone = set(before) - set(after)
    expected = {
        name.split("/")[0] if "/" in name or before[name][0] == "folder" else "loose files" for name in gone
    }
    failures += [f"no batch of {name!r}" for name in expected - set(titles)]
    return failures


def truth_of(packs: Path) -> list[dict[str, str]]:
    path = packs / "truth.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def classify(here: Installation, packs: Path, *options: str) -> tuple[Heard, float]:
    """Hear each pack where it lies, as a pack; give what was heard, and files per second with the start."""
    began = time.monotonic()
    named = [str(path) for path in packs.iterdir() if path.is_dir() or path.suffix == ".wav"]
    lines = here.run("classify", "--json", *options, *named, codes=(0, 1)).splitlines()
    heard = {str(Path(one["path"]).relative_to(packs)): one for one in map(json.loads, lines)}
    return heard, round(len(lines) / (time.monotonic() - began), 1)


def check_places(here: Installation, log: list[Any], heard: Heard) -> list[str]:
    """Hold the place of each file against the default rules, spelt out once more."""
    failures = []
    for batch in json.loads(here.run("log", "--json", *[str(one["id"]) for one in log])):
        for one in batch["operations"]:
            if one["operation"] != "Move" or one["state"] != "done":
                continue
            source = str(Path(one["source"]).relative_to(here.inbox))
            target = Path(one["target"]).relative_to(here.library)
            wanted = wanted_place(source, heard.get(source))
            if not str(target).startswith(f"{wanted}/"):
                failures.append(f"{source} lies at {target}, not below {wanted}")
    return failures


def wanted_place(source: str, heard: dict[str, Any] | None) -> str:
    if heard is None:  # no sound: where it was in its pack
        return f"_Packs/{Path(source).parent}"
    if heard["kind"] == "long":
        return "Long"
    if heard["kind"] == "loop" and heard["kind_confidence"] >= SURE:
        return "Loops"
    if heard["kind"] == "oneshot" and heard["confidence"] >= SURE:
        return "Drums" if heard["category"] in DRUM_CATEGORIES else "One-Shots"
    return f"_Review/{heard['category'] or 'Unknown'}"


def accuracy(packs: Path, ears: dict[str, tuple[Heard, float]]) -> dict[str, Any]:
    """Compare what was heard with truth.csv, with names and metadata, and by the ear alone."""
    rows = [row for row in truth_of(packs) if (packs / row["path"]).exists()]
    if not rows:
        return {}
    report: dict[str, Any] = {}
    for title, (heard, speed) in ears.items():
        kinds = [heard[row["path"]].get("kind") == row["kind"] for row in rows]
        oneshots = [row for row in rows if row["kind"] == "oneshot"]
        right = [heard[row["path"]].get("category") == CATEGORY_OF[row["label"]] for row in oneshots]
        sure = [
            heard[row["path"]].get("category") == CATEGORY_OF[row["label"]]
            for row in oneshots
            if heard[row["path"]].get("confidence", 0) >= SURE
        ]
        report[title] = {
            "sounds": len(rows),
            "category_accuracy_of_oneshots": round(sum(right) / len(right), 4),
            "of_those_at_least_0.8_sure": [round(sum(sure) / max(len(sure), 1), 4), len(sure)],
            "kind_accuracy": round(sum(kinds) / len(kinds), 4),
            "files_per_second_with_start": speed,
        }
    return report


def differences(when: str, before: Tree, now: Tree) -> list[str]:
    names = sorted(set(before) ^ set(now)) + sorted(
        name for name in set(before) & set(now) if before[name] != now[name]
    )
    return [f"{when}: {name}: {before.get(name)} -> {now.get(name)}" for name in names]


if __name__ == "__main__":
    main()
