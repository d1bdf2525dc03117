# SPDX-License-Identifier: Apache-2.0
"""The parts of scripts/bench. Each gives {"title", "rows", "verdicts"}; a missed floor is no
error here, because a measurement is not a test."""

import json
import os
import pathlib
import re
import secrets
import shutil
import time

import machine
from report import at_least, at_most, medians

BENCH_COLUMNS = ["callsPerSecond", "p50Us", "p90Us", "p99Us", "p999Us", "maxUs", "cpuUsPerCall", "frontCpuUs"]


def row(name, measured):
    return {"what": name, **{column: measured[column] for column in BENCH_COLUMNS if column in measured}}


def interleave(rounds, steps, progress):
    """{name: medians} of steps {name: function}, each run once a round, in turn."""
    seen = {name: [] for name in steps}
    for number in range(rounds):
        for name, step in steps.items():
            progress(f"round {number + 1} of {rounds}: {name}")
            seen[name].append(step())
    return {name: medians(results) for name, results in seen.items()}


def rates(tools, options, progress):
    """(a) Rates, percentiles and CPU beside a bare echo and the raw token."""
    folder = tools.folder / "dev"
    dev, echo = tools.start_dev(folder), tools.start_echo()
    seconds = ["--duration", f"{options.seconds}s"]

    def load(server, rpc, callers):
        return lambda: tools.drive(server, rpc, callers, *seconds)

    steps = {f"{name} {rpc}@{callers}": load(server, rpc, callers)
             for rpc, callers in [("decrypt", 64), ("encrypt", 64), ("decrypt", 1), ("status", 1)]
             for name, server in [("echo", echo), ("mortise", dev)]}
    steps["raw token"] = lambda: tools.raw(folder, options.sessions, options.seconds)
    seen = interleave(options.rounds, steps, progress)
    dev.stop()
    echo.stop()

    raw = seen.pop("raw token")
    rows = [row(name, measured) for name, measured in seen.items()]
    rows.append({"what": f"raw token, {options.sessions} sessions", "callsPerSecond": raw["opsPerSecond"],
                 "p50Us": raw["p50Us"], "p99Us": raw["p99Us"], "cpuUsPerCall": raw["cpuUsPerOp"]})
    ours, bare = seen["mortise decrypt@64"], seen["echo decrypt@64"]
    encrypt, bare_encrypt = seen["mortise encrypt@64"], seen["echo encrypt@64"]
    one, bare_one = seen["mortise decrypt@1"], seen["echo decrypt@1"]
    return {"title": "Rates", "rows": rows, "verdicts": [
        at_least("decrypt@64: rate / echo", ours["callsPerSecond"] / bare["callsPerSecond"], 0.60),
        at_most("decrypt@64: p99 / echo's", ours["p99Us"] / bare["p99Us"], 2.0),
        at_most("decrypt@64: CPU / (echo + raw token)",
                ours["cpuUsPerCall"] / (bare["cpuUsPerCall"] + raw["cpuUsPerOp"]), 1.3),
        at_most("decrypt@1: median - echo's", one["p50Us"] - bare_one["p50Us"], 140.0, " µs"),
        at_least("encrypt@64 with proof: rate / echo",
                 encrypt["callsPerSecond"] / bare_encrypt["callsPerSecond"], 0.40)]}


def memory(tools, _options, progress):
    """(b) What is resident after 100,000 calls and after as many more."""
    dev = tools.start_dev(tools.folder / "memory")
    kib = []
    for calls in (100_000, 200_000):
        progress(f"memory: up to {calls} calls")
        tools.drive(dev, "decrypt", 64, "--calls", "100000")
        kib.append(machine.resident_kib(dev.pids()))
    dev.stop()
    growth = (kib[1] - kib[0]) / 1024
    return {"title": "Memory", "rows": [
        {"calls": 100_000, "front + worker, MiB": round(kib[0] / 1024, 2)},
        {"calls": 200_000, "front + worker, MiB": round(kib[1] / 1024, 2)}],
        "verdicts": [at_most("resident after 200,000 calls", kib[1] / 1024, 40.0, " MiB"),
                     # A quarter of a MiB is a few threads' arenas, not growth by calls.
                     at_most("growth from the 100,000th to the 200,000th", growth, 0.25, " MiB")]}


def start(tools, options, progress):
    """(c) From the command to the first healthy Status; token and key exist."""
    folder = tools.folder / "start"
    tools.start_dev(folder).stop()

    def step():
        return json.loads(machine.run([
            tools.build / "bench_first_status", folder / "kms.sock",
            tools.mortise, "serve", "--config", folder / "mortise.yaml"]).splitlines()[-1])

    seen = interleave(options.rounds, {"start": step}, progress)["start"]
    return {"title": "Start", "rows": [seen],
            "verdicts": [at_most("first OK Status", seen["firstOkMs"], 200.0, " ms")]}


def slow(tools, options, progress):
    """(d) 2 ms more in each token operation: what the plugin adds to a slow HSM."""
    folder = tools.folder / "slow"
    tools.start_dev(folder).stop()
    module, env = slow_module(tools, folder)
    rows, verdicts = [], []
    for sessions, floor in [(1, 0.80), (4, 0.95), (16, 0.95)]:
        config, socket = slow_config(folder, module, env, sessions)
        server = tools.start_serve(config, socket)
        seen = interleave(options.rounds, {
            f"raw token, {sessions} sessions": lambda: tools.raw(folder, sessions, options.seconds, module, env),
            f"mortise, {sessions} sessions":
                lambda: tools.drive(server, "decrypt", 64, "--duration", f"{options.seconds}s"),
        }, progress)
        server.stop()
        raw, ours = seen.values()
        rows.append({"sessions": sessions, "raw ops/s": raw["opsPerSecond"], "mortise calls/s": ours["callsPerSecond"],
                     "raw p50Us": raw["p50Us"], "mortise p99Us": ours["p99Us"]})
        verdicts.append(at_least(f"{sessions} sessions: rate / raw token",
                                 ours["callsPerSecond"] / raw["opsPerSecond"], floor))
    return {"title": "A token of 2 ms", "rows": rows, "verdicts": verdicts}


def slow_module(tools, folder):
    """The forwarding module of the tests, told to wait 2 ms in each operation."""
    control = folder / "faults"
    for words in (["create"], ["delay", "C_Decrypt", "2"], ["delay", "C_Encrypt", "2"]):
        machine.run([tools.build / "fault-control", control, *words])
    return (tools.build / "test/support/pkcs11-fault.so",
            {"MORTISE_FAULT_CONTROL": str(control), "MORTISE_FAULT_MODULE": machine.softhsm_module()})


def slow_config(folder, module, env, sessions):
    """dev's token and keyring behind that module; JSON is YAML."""
    dev = (folder / "mortise.yaml").read_text()
    context = re.search(r"""^\s*(?:- )?context:\s*["']?([^"'\s]+)""", dev, re.MULTILINE)
    if not context:
        raise machine.Failure(f"{folder}/mortise.yaml names no context")
    name = f"slow{sessions}"
    socket = folder / f"{name}.sock"
    config = folder / f"{name}.yaml"
    config.touch(mode=0o600)
    config.write_text(json.dumps({
        "stateDir": str(folder / f"state-{name}"),
        "metrics": {"address": ""},
        "tokens": [{"name": "dev", "module": str(module), "uri": "pkcs11:token=dev",
                    "pinFile": str(folder / "pin"), "sessions": sessions,
                    "environment": {**env, "SOFTHSM2_CONF": str(folder / "softhsm2.conf")}}],
        "keyrings": [{"name": "dev", "context": context[1], "socket": str(socket),
                      "allowedUids": sorted({0, os.getuid()}), "maxWrapsPerSecond": 0}]}))
    (folder / f"state-{name}").mkdir(mode=0o700)
    return config, socket


def scale(tools, options, progress):
    """(e) Objects in the token and generations of the keyring must not cost a Decrypt anything."""
    shapes = {"10 objects": (10, 0), "10,000 objects": (10_000, 0), "100 generations": (0, 100)}
    servers = {"1 generation": tools.start_dev(tools.folder / "plain")}
    for name, (objects, generations) in shapes.items():
        progress(f"filling a token: {name}")
        folder = tools.folder / name.replace(" ", "-").replace(",", "")
        tools.start_dev(folder).stop()
        fill(tools, folder, objects, generations)
        servers[name] = tools.start_dev(folder)
    # New generations are looked at lazily, five a second; that is not what is measured.
    progress("waiting for the generations' canaries")
    time.sleep(options.settle)
    seen = interleave(options.rounds, {
        name: (lambda server=server: tools.drive(server, "decrypt", 64, "--duration", f"{options.seconds}s"))
        for name, server in servers.items()}, progress)
    for server in servers.values():
        server.stop()

    def pair(few, many):
        a, b = seen[few], seen[many]
        # 5 % is what two equal runs differ by.
        return [at_least(f"{many}: rate / with {few}", b["callsPerSecond"] / a["callsPerSecond"], 0.95),
                at_most(f"{many}: CPU / with {few}", b["cpuUsPerCall"] / a["cpuUsPerCall"], 1.05)]

    return {"title": "Objects and generations", "rows": [row(name, measured) for name, measured in seen.items()],
            "verdicts": pair("10 objects", "10,000 objects") + pair("1 generation", "100 generations")}


def fill(tools, folder, objects, generations):
    machine.run([tools.build / "bench_fill_token", "--module", machine.softhsm_module(), "--token", "dev",
                 "--pin-file", folder / "pin", "--keyring", "dev", "--objects", objects,
                 "--generations", generations],
                env={**os.environ, "SOFTHSM2_CONF": str(pathlib.Path(folder) / "softhsm2.conf")})


def schemes(tools, options, progress):
    """(f) Each scheme on each token that is there, every operation 2 ms slower, 4 sessions."""
    rows, verdicts = [], []
    for token, scheme in [("softhsm", "aes-gcm"), ("softhsm", "aes-cbc-hmac"), ("softhsm", "rsa-oaep-hmac-sha1"),
                          ("softhsm", "rsa-oaep-sign-sha1"), ("nss", "aes-kwp"), ("nss", "aes-gcm"),
                          ("nss", "rsa-oaep-hmac")]:
        name = f"{token} {scheme}"
        if token == "nss" and not shutil.which("certutil"):
            rows.append({"token and scheme": name, "raw unwraps/s": "certutil (libnss3-tools) is not installed"})
            continue
        config, socket = scheme_config(tools, token, scheme)
        # NSS derives a key from the PIN for each RSA operation: 64 callers would miss their deadlines.
        callers = 8 if name == "nss rsa-oaep-hmac" else 64
        server = tools.start_serve(config, socket)
        seen = interleave(options.rounds, {
            f"raw {name}": lambda config=config: json.loads(machine.run(
                [tools.build / "bench_raw_kek", "--config", config, "--sessions", 4, "--seconds", options.seconds])),
            f"mortise {name}": lambda server=server, callers=callers: tools.drive(
                server, "decrypt", callers, "--duration", f"{options.seconds}s")}, progress)
        server.stop()
        raw, ours = seen.values()
        rows.append({"token and scheme": name, "raw unwraps/s": raw["opsPerSecond"],
                     "mortise calls/s": ours["callsPerSecond"], "raw p50Us": raw["p50Us"], "mortise p99Us": ours["p99Us"]})
        verdicts.append(at_least(f"{name}: rate / raw token", ours["callsPerSecond"] / raw["opsPerSecond"], 0.95))
    return {"title": "Schemes, on tokens of 2 ms", "rows": rows, "verdicts": verdicts}


def scheme_config(tools, token, scheme):
    """A token of its own behind the slow module, and a keyring with one key of that scheme."""
    folder = tools.folder / f"{token}-{scheme}"
    folder.mkdir(mode=0o700)
    place = {"softhsm": softhsm_place, "nss": nss_place}[token](tools, folder)
    control = folder / "faults"
    machine.run([tools.build / "fault-control", control, "create"])
    for function in ("C_Encrypt", "C_Decrypt", "C_Sign"):
        machine.run([tools.build / "fault-control", control, "delay", function, "2"])
    place["environment"].update({"MORTISE_FAULT_CONTROL": str(control), "MORTISE_FAULT_MODULE": place.pop("real")})
    socket, config, admin = folder / "kms.sock", folder / "mortise.yaml", folder / "admin.yaml"
    secret(config, json.dumps({
        "stateDir": str(folder / "state"), "metrics": {"address": ""},
        "tokens": [{"name": "t", "module": str(tools.build / "test/support/pkcs11-fault.so"),
                    "pinFile": str(folder / "pin"), "sessions": 4, **place}],
        "keyrings": [{"name": "bench", "context": "bench", "socket": str(socket), "scheme": scheme,
                      "allowedUids": sorted({0, os.getuid()}), "maxWrapsPerSecond": 0,
                      # What NSS says of keys that it made itself; see docs/vendors/nss.md.
                      "policy": {"waive": {"t": ["CKA_LOCAL"]}} if token == "nss" else {}}]}))
    secret(admin, json.dumps({"tokens": [{"name": "t", "pinFile": str(folder / "pin")}]}))
    machine.run([tools.mortise, "key", "create", "--config", config, "--admin-config", admin, "--keyring", "bench"])
    return config, socket


def secret(path, text):
    path.touch(mode=0o600)
    path.write_text(text)


def softhsm_place(tools, folder):
    machine.run([tools.root / "softhsm-config/create-token", folder, "bench", folder / "pin", folder / "so-pin"],
                env={**os.environ, "MORTISE": str(tools.mortise)})
    return {"uri": "pkcs11:token=bench", "real": machine.softhsm_module(),
            "environment": {"SOFTHSM2_CONF": str(folder / "softhsm2.conf")}}


def nss_place(_tools, folder):
    database = folder / "nss"
    database.mkdir(mode=0o700)
    secret(folder / "pin", secrets.token_hex(12))
    machine.run(["certutil", "-N", "-d", f"sql:{database}", "-f", folder / "pin"])
    library = next(pathlib.Path("/usr/lib").glob("*/libsoftokn3.so"))
    return {"uri": "pkcs11:token=NSS%20Certificate%20DB", "real": str(library), "environment": {},
            "initArgs": f"configdir='sql:{database}' certPrefix='' keyPrefix='' secmod='secmod.db'"}


ALL = {"rates": rates, "memory": memory, "start": start, "slow": slow, "scale": scale, "schemes": schemes}
