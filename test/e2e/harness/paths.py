# SPDX-License-Identifier: Apache-2.0
"""Where the things under test are."""

import os
import pathlib

SOURCE = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("MORTISE_BUILD_DIR", SOURCE / "build" / "release"))
MORTISE = str(BUILD / "mortise")
FAULT_CONTROL = str(BUILD / "fault-control")
FAULT_MODULE = str(BUILD / "test" / "support" / "pkcs11-fault.so")
SOFTHSM_MODULE = os.environ.get("MORTISE_SOFTHSM", "/usr/lib/softhsm/libsofthsm2.so")

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "mortise" / "e2e"


def kube_tool(name):
    """kube-apiserver, kubectl, etcd or etcdctl as scripts/e2e built it; None without it."""
    given = os.environ.get("MORTISE_E2E_TOOLS")
    folders = [pathlib.Path(folder) for folder in given.split(":")] if given else sorted(CACHE.glob("*-*"), reverse=True)
    found = [folder / name for folder in folders if (folder / name).exists() and folder.suffix != ".partial"]
    return str(found[0]) if found else None
