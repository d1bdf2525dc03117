#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails on an #include whose direction docs/architecture.md forbids.

    test/layering.py [ROOT]

Prints each violation as file:line and exits 1 if there is one.
"""

import pathlib
import re
import sys

# A file belongs to the longest of these that leads its path, and may include
# its own folder and those named here. test/ may include everything; nothing
# includes test/.
MAY_INCLUDE = {
    "base": [],
    "proto": [],
    "config": ["base"],
    "hsm/cryptoki": ["base", "config"],
    "hsm/scheme": ["base", "config", "hsm/cryptoki"],
    "hsm/worker": ["base", "config", "hsm/cryptoki", "hsm/scheme"],
    "hsm": ["base", "config", "hsm/cryptoki", "hsm/scheme", "hsm/worker"],
    "hsm/provision": ["base", "config", "hsm/cryptoki"],
    "doctor": ["base", "config", "hsm", "hsm/cryptoki", "hsm/scheme", "hsm/worker"],
    "metrics": ["base", "config", "hsm"],
    "server": ["base", "config", "proto", "hsm", "metrics"],
    "cli": ["base", "config", "doctor", "proto", "hsm", "hsm/cryptoki", "hsm/provision", "hsm/scheme", "hsm/worker",
            "metrics", "server"],
    "test": None,
}

# Libraries whose headers stay in a few folders: (headers, folders that may, why).
CONFINED = [
    (r"p11-kit/(?!uri\.h)|libp11\.h|pkcs11", ["hsm/cryptoki", "hsm/provision", "test"],
     "PKCS#11 is spoken in hsm/cryptoki"),
    (r"p11-kit/uri\.h", ["config", "hsm/cryptoki", "hsm/provision", "test"],
     "PKCS#11 URIs are read in config and hsm/cryptoki"),
    (r"libp11\.h", ["hsm/provision", "test"], "libp11 stays out of what serves"),
    (r"grpc|google/protobuf|.*\.pb\.h", ["server", "cli", "proto", "test"], "gRPC is spoken in server and cli"),
    (r"yaml-cpp/", ["config", "test"], "YAML is read in config"),
    (r"prometheus/", ["metrics", "test"], "metrics are defined in metrics"),
    (r"microhttpd", ["metrics", "test"], "HTTP is served in metrics"),
    (r"spdlog/", ["server", "cli", "metrics", "test"], "below the seam nothing logs: throw, or tell an Observer"),
    (r"CLI/", ["cli", "test"], "arguments are read in cli"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def folder_of(path):
    """The folder of MAY_INCLUDE that a path from the root lies in, or None."""
    fits = [folder for folder in MAY_INCLUDE if path.startswith(folder + "/")]
    return max(fits, key=len, default=None)


def problem_of(source, target, is_quoted):
    """Why a file of the folder `source` may not include `target`; None if it may."""
    for pattern, folders, why in CONFINED:
        if re.match(pattern, target) and source not in folders:
            return f"{why}, not in {source}"
    folder = folder_of(target)
    if folder is None:
        return "project headers are included by their path from the root" if is_quoted else None
    if source == "test" or folder == source or folder in MAY_INCLUDE[source]:
        return None
    return f"{source} may not include {folder}"


def violations(root):
    root = pathlib.Path(root)
    for top in sorted({folder.split("/")[0] for folder in MAY_INCLUDE}):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".h", ".cc", ".c"):
                continue
            name = path.relative_to(root).as_posix()
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                problem = match and problem_of(folder_of(name), match[2], match[1] == '"')
                if problem:
                    yield f"{name}:{number}: #include of {match[2]}: {problem}"


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    found = list(violations(root))
    print("\n".join(found) or "every #include goes a permitted way")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
