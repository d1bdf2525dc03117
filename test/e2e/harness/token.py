# SPDX-License-Identifier: Apache-2.0
"""A private SoftHSM2 token, and the fault module in front of it."""

import pathlib
import secrets
import stat

from harness.paths import FAULT_CONTROL, FAULT_MODULE, MORTISE, SOFTHSM_MODULE, SOURCE
from harness.process import run

CKR_PIN_INCORRECT = 0xA0
CKR_DEVICE_ERROR = 0x30


class Token:
    """Made by softhsm-config/create-token, as an operator would."""

    def __init__(self, folder, label="e2e"):
        self.dir = pathlib.Path(folder)
        self.label = label
        self.pin_file = self.dir / "pin"
        run([SOURCE / "softhsm-config" / "create-token", self.dir, label, self.pin_file, self.dir / "so-pin"],
            env={"MORTISE": MORTISE})
        self.environment = {"SOFTHSM2_CONF": str(self.dir / "softhsm2.conf")}
        self.module = SOFTHSM_MODULE

    def pin(self):
        return self.pin_file.read_text().strip()

    def wrong_pin_file(self):
        path = self.dir / "wrong-pin"
        path.write_text("0000-not-the-pin")
        path.chmod(stat.S_IRUSR)
        return path

    def change_pin(self, new):
        """In the token alone: the file still says the old one."""
        self.pkcs11_tool("--change-pin", "--new-pin", new)

    def write_pin(self, pin):
        self.pin_file.chmod(stat.S_IRUSR | stat.S_IWUSR)
        self.pin_file.write_text(pin + "\n")
        self.pin_file.chmod(stat.S_IRUSR)

    def add_twin(self):
        """One more token of the same label, which create-token would not make."""
        run(["softhsm2-util", "--init-token", "--free", "--label", self.label, "--pin", self.pin(), "--so-pin",
             "12345678"], env=self.environment)

    def with_faults(self):
        """From now on the token is reached through pkcs11-fault.so; gives the hand on it."""
        faults = Faults(self.dir / "faults")
        self.environment |= {"MORTISE_FAULT_MODULE": SOFTHSM_MODULE, "MORTISE_FAULT_CONTROL": str(faults.path)}
        self.module = FAULT_MODULE
        return faults

    def pkcs11_tool(self, *arguments):
        command = ["pkcs11-tool", "--module", SOFTHSM_MODULE, "--token-label", self.label, "--login",
                   "--pin", "env:E2E_PIN", *arguments]
        return run(command, env={**self.environment, "E2E_PIN": self.pin()}).stdout


class NssToken:
    """NSS softokn on a database of its own: the token of aes-kwp, of IVs by messages and of OAEP."""

    label = "NSS Certificate DB"

    def __init__(self, folder):
        self.dir = pathlib.Path(folder)
        self.dir.mkdir()
        self.pin_file = self.dir / "pin"
        self.pin_file.write_text(secrets.token_hex(12))
        self.pin_file.chmod(stat.S_IRUSR)
        run(["certutil", "-N", "-d", f"sql:{self.dir}", "-f", self.pin_file])
        self.environment = {}
        self.module = str(next(pathlib.Path("/usr/lib").glob("*/libsoftokn3.so")))

    # What a configuration says of it beside the above.
    settings = property(lambda self: {
        "uri": "pkcs11:token=NSS%20Certificate%20DB",
        "initArgs": f"configdir='sql:{self.dir}' certPrefix='' keyPrefix='' secmod='secmod.db'"})


class Faults:
    """What goes wrong in the token from now on; see test/support/fault_control.h."""

    def __init__(self, path):
        self.path = path
        self("create")

    def __call__(self, *command):
        return run([FAULT_CONTROL, self.path, *command]).stdout.strip()

    def calls(self, function):
        return int(self("calls", function))

