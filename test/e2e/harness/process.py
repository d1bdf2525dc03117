# SPDX-License-Identifier: Apache-2.0
"""Child processes, and what the kernel says of processes."""

import os
import pathlib
import signal
import socket
import subprocess

from harness.wait import eventually


class Child:
    """A process in a session of its own that writes to a log file; killed with all it started."""

    def __init__(self, command, log, env=None, errors=None):
        self.command = [str(word) for word in command]
        self.log = pathlib.Path(log)
        self._file = open(self.log, "ab")
        self._errors = open(errors, "ab") if errors else self._file
        self._process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=self._file, stderr=self._errors,
            env={**os.environ, **(env or {})}, start_new_session=True)
        self.pid = self._process.pid

    def is_running(self):
        return self._process.poll() is None

    def signal(self, number):
        if self.is_running():
            os.kill(self.pid, number)

    def wait(self, seconds):
        """The exit code; negative for a signal."""
        return self._process.wait(timeout=seconds)

    def stop(self, seconds=10):
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait(10)

    def clean_up(self):
        """Ends the whole session, also what the process left behind."""
        if self.is_running():
            self.signal(signal.SIGTERM)
            try:
                self.wait(5)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait(10)
        self._file.close()
        self._errors.close()

    def text(self):
        return self.log.read_text(errors="replace")


def run(command, seconds=60, env=None, check=True):
    """Runs a command to its end; text output; fails with what it said."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=seconds, env={**os.environ, **(env or {})})
    if check and done.returncode != 0:
        raise AssertionError(f"{command[0]} {' '.join(map(str, command[1:4]))} ended with {done.returncode}:\n"
                             f"{done.stdout}{done.stderr}")
    return done


def as_root(command):
    """The command, run as root: directly, or by sudo."""
    return command if os.geteuid() == 0 else ["sudo", "-n", *command]


def read_as_root(path):
    """A file of /proc that a process which is not dumpable shows to root alone."""
    return subprocess.run(as_root(["cat", str(path)]), capture_output=True, check=True).stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def exists(pid):
    """Whether the process lives; a zombie does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def peak_memory(pid):
    """The most bytes that the process has had resident so far."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) << 10


def children(parent, name=""):
    """Pids of the living children of `parent` whose name starts with `name` (at most 15 bytes)."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            head, tail = (folder / "stat").read_text().rsplit(")", 1)
        except OSError:
            continue
        state, ppid = tail.split()[:2]
        if int(ppid) == parent and state != "Z" and head.split("(", 1)[1].startswith(name[:15]):
            found.append(int(folder.name))
    return sorted(found)


def workers(front):
    return children(front, "mortise-token-worker")


def kill_pid(pid):
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not exists(pid), 10, f"process {pid} ended after SIGKILL")
