# SPDX-License-Identifier: Apache-2.0
"""What the kernel says of processes, and how the things measured are started and stopped."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
START_TIMEOUT = 60


class Failure(Exception):
    """Something could not be measured; the text says what to do."""


def children_of(pid):
    """The pid and all that descend from it."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int(stat_fields(int(entry.name))[1])
    family = [pid]
    for one in family:
        family += [child for child, parent in parents.items() if parent == one]
    return family


def stat_fields(pid):
    """/proc/PID/stat from the third field on; a command's name may hold blanks."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu_seconds(pids):
    """User and system time of whole processes, all their threads, ended ones too."""
    total = 0
    for pid in pids:
        fields = stat_fields(pid)
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident_kib(pids):
    """VmRSS added up, so shared pages count once for each process."""
    total = 0
    for pid in pids:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        total += int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])
    return total


def run(command, **options):
    """A command that ends by itself; its standard output."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout


class Server:
    """A process that serves a KMS v2 socket until it is stopped."""

    def __init__(self, command, socket, log, env=None):
        self.socket = pathlib.Path(socket)
        self._log = pathlib.Path(log)
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(
                [str(word) for word in command], stdout=out, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})

    def wait_until(self, is_ready, what):
        end = time.monotonic() + START_TIMEOUT
        while not is_ready():
            if self._process.poll() is not None or time.monotonic() > end:
                tail = self._log.read_text(errors="replace")[-2000:]
                self.stop()
                raise Failure(f"{self._process.args[0]} gave no {what} within {START_TIMEOUT} s; its log ends:\n{tail}")
            time.sleep(0.02)
        return self

    def pids(self):
        return children_of(self._process.pid)

    def stop(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Tools:
    """The executables of one build, and the servers that run from it."""

    def __init__(self, root, build, mortise, folder):
        self.root = pathlib.Path(root)
        self.build = pathlib.Path(build)
        self.mortise = pathlib.Path(mortise)
        self.folder = pathlib.Path(folder)
        self._servers = []

    def _start(self, *arguments, **options):
        server = Server(*arguments, **options)
        self._servers.append(server)
        return server

    def stop_all(self):
        for server in self._servers:
            server.stop()

    def start_echo(self):
        socket = self.folder / "echo.sock"
        server = self._start([self.build / "bench_echo_server", socket], socket, self.folder / "echo.log")
        return server.wait_until(socket.exists, "socket")

    def start_dev(self, folder):
        """`mortise dev` in `folder`; serving when this returns."""
        folder = pathlib.Path(folder)
        folder.mkdir(exist_ok=True)
        ready = folder / "dev.json"
        ready.unlink(missing_ok=True)
        server = self._start([self.mortise, "dev", "--dir", folder, "--metrics-address", "127.0.0.1:0"],
                             folder / "kms.sock", self.folder / f"{folder.name}.log")
        server.wait_until(ready.exists, "dev.json")
        said = json.loads(ready.read_text())
        strangers = {said["frontPid"], *said["workerPids"]} - set(server.pids())
        if strangers:
            raise Failure(f"{ready} names processes {strangers} that `mortise dev` did not start")
        return server

    def start_serve(self, config, socket):
        """`mortise serve`; healthy when this returns."""
        server = self._start([self.mortise, "serve", "--config", config], socket,
                             self.folder / f"{pathlib.Path(config).stem}.log")
        server.wait_until(pathlib.Path(socket).exists, "socket")
        run([self.mortise, "probe", "--socket", socket, "--wait", "30s"])
        return server

    def drive(self, server, rpc, callers, *more):
        """One closed loop; mortise bench's JSON, and the CPU per call in µs: all, and the first process's."""
        pids = server.pids()
        before, front_before = cpu_seconds(pids), cpu_seconds(pids[:1])
        text = run([self.mortise, "bench", "--socket", server.socket, "--rpc", rpc, "--callers", callers,
                    "-o", "json", *more])
        result = json.loads(text)
        if set(server.pids()) != set(pids):
            raise Failure(f"the processes behind {server.socket} changed while they were measured")
        result["cpuUsPerCall"] = (cpu_seconds(pids) - before) * 1e6 / result["calls"]
        result["frontCpuUs"] = (cpu_seconds(pids[:1]) - front_before) * 1e6 / result["calls"]
        return result

    def raw(self, folder, sessions, seconds, module=None, env=None):
        """The token of a `dev` folder without any of the product."""
        folder = pathlib.Path(folder)
        text = run([self.build / "bench_raw_token", "--module", module or softhsm_module(), "--token", "dev",
                    "--pin-file", folder / "pin", "--key", "dev.", "--sessions", sessions, "--seconds", seconds],
                   env={**os.environ, "SOFTHSM2_CONF": str(folder / "softhsm2.conf"), **(env or {})})
        return json.loads(text)


def softhsm_module():
    return os.environ.get("MORTISE_SOFTHSM", "/usr/lib/softhsm/libsofthsm2.so")
