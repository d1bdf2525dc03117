# SPDX-License-Identifier: Apache-2.0
"""What `mortise doctor` says, right and broken; docs/doctor.md shows it.

    test/e2e/test_doctor.py --update    writes the outputs into docs/doctor.md anew
"""

import json
import os
import pathlib
import platform
import re
import shutil
import socket
import sys
import unittest

from harness import TestCase
from harness.paths import MORTISE, SOFTHSM_MODULE, SOURCE
from harness.process import run
from harness.service import Service

PAGE = SOURCE / "docs" / "doctor.md"
BLOCK = re.compile(r"(<!-- doctor: (\S+) -->\n```text\n)(.*?)(```\n)", re.DOTALL)

# What depends on the machine is shown as on a well-kept one.
OF_THE_MACHINE = {"memory-lock": "8192 KiB of memory may be locked", "swap": "there is no swap",
                  "clock-sync": "the kernel says that the clock is synchronised",
                  "state-space": "20480 MiB are free for /etc/mortise/state"}
AARCH64 = b"\xb7"  # EM_AARCH64 in the ELF header


def doctor(service, *options, check=False):
    service.write_config()
    return run([MORTISE, "doctor", "--config", service.config_file, *options], check=check)


def findings(service, *options):
    """{id: status} of the JSON form; of several of one id the worst."""
    done = doctor(service, "-o", "json", *options)
    worst = {}
    order = ["pass", "skip", "warn", "fail"]
    for category in json.loads(done.stdout)["categories"]:
        for check in category["checks"]:
            worst[check["id"]] = max(worst.get(check["id"], "pass"), check["status"], key=order.index)
    return worst


def write_encryption(service, *rules):
    """An EncryptionConfiguration of rules: their resources, and their providers in order."""
    text = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n"
    for number, (resources, providers) in enumerate(rules):
        text += f"  - resources: [{resources}]\n    providers:\n"
        for word in providers:
            kms = f'apiVersion: v2, name: mortise-{number}, endpoint: "unix://{service.socket}", timeout: 10s'
            text += f"      - {word}: {{{kms if word == 'kms' else ''}}}\n"
    path = service.dir / "encryption.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return path


class Broken:
    """Ten ways to break a service that is well; each gives the doctor's options."""

    def __init__(self, test):
        self.service = Service(test)

    def copy_module(self, change):
        path = self.service.dir / "vendor.so"
        path.unlink(missing_ok=True)
        path.write_bytes(change(pathlib.Path(SOFTHSM_MODULE).read_bytes()))
        path.chmod(0o644)
        self.service.token_settings["module"] = str(path)
        return path

    def nothing(self):
        return ["--encryption-config", write_encryption(self.service, ("secrets", ["kms"]))]

    def configuration(self):
        self.service.token_settings |= {"sesions": 4, "operationTimeout": "2"}
        return ["--only", "host"]

    def architecture(self):
        self.copy_module(lambda image: image[:18] + AARCH64 + image[19:])
        return ["--only", "library"]

    def shared_library(self):
        self.copy_module(lambda image: image.replace(b"libcrypto.so.", b"libvendor.so."))
        return ["--only", "library"]

    def writable_module(self):
        self.copy_module(lambda image: image).chmod(0o666)
        return ["--only", "library,token"]

    def token_name(self):
        self.service.token_settings["uri"] = "pkcs11:token=hsm-1"
        return ["--only", "token"]

    def wrong_pin(self):
        self.service.token_settings["pinFile"] = str(self.service.token.wrong_pin_file())
        doctor(self.service, "--only", "token")  # this one is told by the token
        return ["--only", "token"]

    def no_key(self):
        self.service.keyring_settings["name"] = "staging"
        return ["--only", "key"]

    def other_material(self):
        canary = next((self.service.dir / "state" / "canaries").iterdir())
        fields = json.loads(canary.read_text())
        fields["proof"] = "00" * 32
        canary.write_text(json.dumps(fields, separators=(",", ":")) + "\n")
        return ["--only", "key,crypto,performance"]

    def no_socket(self):
        self.service.socket.write_text("")
        return ["--only", "host"]

    def identity_first(self):
        return ["--only", "cluster", "--encryption-config",
                write_encryption(self.service, ("secrets", ["identity", "kms"]), ('"*.*"', ["kms", "identity"]))]

    def show(self, breakage):
        options = getattr(self, breakage.replace("-", "_"))()
        return doctor(self.service, *options)

    def names(self):
        return {str(self.service.dir): "/etc/mortise", SOFTHSM_MODULE: "/usr/lib/softhsm/libsofthsm2.so"}


def normalised(text, names):
    for real, shown in names.items():
        text = text.replace(real, shown)
    for pattern, shown in [(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-01-31T12:00:00Z"),
                           (r"(serial[ =])[0-9a-f]{16}", r"\g<1>0123456789abcdef"),
                           (r"\.[0-9a-f]{16}\b", ".0123456789abcdef"),
                           (r"firmware [\d.]+", "firmware 2.6"), (r"PKCS11 [\d.]+", "PKCS11 2.6"),
                           (r"p50 [\d.]+ ms, p99 [\d.]+ ms", "p50 2.10 ms, p99 2.84 ms"),
                           (r"are there \(\d+\)", "are there (6)")]:
        text = re.sub(pattern, shown, text)
    lines, is_hint_dropped = [], False
    for line in text.splitlines():
        check = re.match(r"  \S (\S+): ", line)
        if check and check[1] in OF_THE_MACHINE:
            lines.append(f"  √ {check[1]}: {OF_THE_MACHINE[check[1]]}")
            is_hint_dropped = True
            continue
        if is_hint_dropped and line.startswith("      "):
            continue
        is_hint_dropped = False
        lines.append(line)
    return "\n".join(lines[:-1] + [total(lines)]) + "\n"


def total(lines):
    count = {glyph: sum(line.startswith(f"  {glyph} ") for line in lines) for glyph in "×‼√-"}
    plural = lambda number, noun: f"{number} {noun}{'' if number == 1 else 's'}"
    return f"{plural(count['×'], 'failure')}, {plural(count['‼'], 'warning')}, {count['√']} passed, {count['-']} skipped"


class DoctorPageTest(TestCase):
    TIMEOUT = 240

    def test_it_shows_what_the_doctor_says_when_all_is_well_and_of_each_breakage(self):
        if platform.machine() != "x86_64":
            self.skipTest("the page shows an x86-64 machine")
        page = PAGE.read_text()
        shown = {}
        for breakage in (match[2] for match in BLOCK.finditer(page)):
            with self.subTest(breakage):
                broken = Broken(self)
                done = broken.show(breakage)
                self.assertEqual(done.returncode, 0 if breakage == "nothing" else 1, done.stdout + done.stderr)
                shown[breakage] = normalised(done.stdout, broken.names())
                shutil.rmtree(broken.service.dir)
        self.assertEqual(len(shown), 11)
        made = BLOCK.sub(lambda match: match[1] + shown[match[2]] + match[4], page)
        if os.environ.get("MORTISE_UPDATE_PAGES"):
            PAGE.write_text(made)
            return
        self.assertEqual(page, made, "docs/doctor.md shows something else; run: test/e2e/test_doctor.py --update")


class DoctorTest(TestCase):
    def test_it_runs_before_the_first_start_and_makes_nothing(self):
        service = Service(self, with_key=False)
        done = doctor(service)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("not logged in", done.stdout)
        self.assertFalse((service.dir / "state").exists())

    def test_it_runs_beside_a_service_and_disturbs_it_not(self):
        service = Service(self)
        service.start()
        workers = service.workers()
        done = doctor(service, "--urls", f"http://{service.metrics},http://{service.metrics}")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("a gRPC server answers", done.stdout)
        self.assertIn("same context", done.stdout)
        self.assertEqual(service.workers(), workers)

    def test_a_rejected_pin_is_sent_once_however_often_it_is_run(self):
        service = Service(self, faulty=True)
        service.token_settings["pinFile"] = str(service.token.wrong_pin_file())
        before = service.faults.calls("C_Login")
        for _ in range(3):
            self.assertEqual(doctor(service).returncode, 1)
        self.assertEqual(service.faults.calls("C_Login") - before, 1)
        self.assertIn("token unlatch", doctor(service, "--only", "token").stdout)

    def test_no_pin_is_sent_when_none_may_be_or_its_rejection_could_not_be_remembered(self):
        service = Service(self, faulty=True)
        before = service.faults.calls("C_Login")
        self.assertEqual(findings(service, "--no-login")["login"], "skip")
        shutil.rmtree(service.dir / "state")
        self.assertEqual(findings(service)["login"], "skip")
        self.assertEqual(service.faults.calls("C_Login"), before)

    def test_exit_codes_are_the_same_for_every_form(self):
        service = Service(self)
        for uri, code in (("pkcs11:token=e2e", 0), ("pkcs11:token=none", 1)):
            service.token_settings["uri"] = uri
            for form in ("table", "json"):
                self.assertEqual(doctor(service, "-o", form).returncode, code, (uri, form))
        self.assertEqual(doctor(service, "--only", "toke").returncode, 2)
        service.token_settings["uri"] = "pkcs11:token=e2e"
        with_warning = write_encryption(service, ("secrets", ["kms", "identity"]))
        options = ["--only", "cluster", "--encryption-config", with_warning]
        self.assertEqual(doctor(service, *options).returncode, 0)
        for form in ("table", "json"):
            self.assertEqual(doctor(service, "--strict", "-o", form, *options).returncode, 3)

    def test_a_token_that_is_not_reached_is_no_success_for_whoever_asks_for_its_keys(self):
        service = Service(self)
        service.token_settings["uri"] = "pkcs11:token=none"
        for category in ("key", "crypto", "performance"):
            done = doctor(service, "--only", category)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("token-slot", done.stdout)

    def test_a_configuration_that_says_nothing_is_no_success_for_any_category(self):
        service = Service(self, with_key=False)
        for broken in ("not: [closed", "tokenz: []\n", None):
            service.config_file.unlink(missing_ok=True)
            if broken:
                service.config_file.write_text(broken)
                service.config_file.chmod(0o600)
            for category in ("library", "token", "cluster"):
                done = run([MORTISE, "doctor", "--config", service.config_file, "--only", category], check=False)
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn("configuration", done.stdout)

    def test_a_library_that_crashes_is_a_finding_and_the_rest_is_told(self):
        service = Service(self, faulty=True)
        service.faults("crash", "C_GetSlotList")
        found = findings(service)
        self.assertEqual(found["token-slot"], "fail")
        self.assertEqual(found["module-interface"], "pass")

    def test_a_socket_that_was_left_behind_is_told(self):
        service = Service(self)
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(service.socket))
        self.assertEqual(findings(service, "--only", "host")["socket"], "warn")

    def test_a_quarantined_key_is_told(self):
        service = Service(self)
        key_id = next((service.dir / "state" / "canaries").iterdir()).stem
        (service.dir / "state" / "quarantine" / key_id).write_text("")
        self.assertEqual(findings(service, "--only", "key")["key"], "fail")

    def test_a_slow_token_is_told(self):
        service = Service(self, faulty=True)
        service.token_settings["operationTimeout"] = "20ms"
        service.token_settings["startTimeout"] = "3s"
        service.faults("delay", "C_Decrypt", 40)
        self.assertEqual(findings(service, "--only", "performance")["latency"], "fail")

    def test_no_output_holds_the_pin(self):
        service = Service(self)
        for form in ("table", "json"):
            done = doctor(service, "-o", form)
            self.assertNotIn(service.token.pin(), done.stdout + done.stderr)


if __name__ == "__main__":
    if "--update" in sys.argv:
        os.environ["MORTISE_UPDATE_PAGES"] = "1"
        sys.argv.remove("--update")
    unittest.main(defaultTest="DoctorPageTest")
