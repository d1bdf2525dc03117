#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails on a header that does not compile by itself.

    test/headers_alone.py ROOT compile_commands.json

A header that its own source file includes first is proved by the build, unless
a precompiled header comes before it; only the others are compiled here.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

TOPS = ["base", "proto", "config", "hsm", "metrics", "server", "cli", "test"]
FIRST_INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)', re.MULTILINE)


def is_proved_by_the_build(root, name):
    source = root / pathlib.Path(name).with_suffix(".cc")
    recipe = source.parent / "CMakeLists.txt"
    if not source.exists() or (recipe.exists() and "target_precompile_headers" in recipe.read_text()):
        return False
    first = FIRST_INCLUDE.search(source.read_text())
    return first is not None and first[1] == name


def unproved(root):
    names = [path.relative_to(root).as_posix() for top in TOPS for path in sorted((root / top).rglob("*.h"))]
    return [name for name in names if not is_proved_by_the_build(root, name)]


def include_flags(compile_commands):
    """The include folders of all the project's compilations, each once, in order."""
    flags = {}
    for entry in json.loads(pathlib.Path(compile_commands).read_text()):
        words = shlex.split(entry["command"])
        for word, following in zip(words, words[1:] + [""]):
            if word == "-isystem":
                flags["-isystem" + following] = None
            elif word.startswith("-I"):
                flags[word] = None
    return list(flags)


def compile_alone(root, name, flags):
    """The compiler's complaint, or nothing."""
    compiler = os.environ.get("CXX", "g++")
    command = [compiler, "-std=c++20", "-fsyntax-only", f"-I{root}", *flags, "-x", "c++", "-"]
    done = subprocess.run(command, input=f'#include "{name}"\n', capture_output=True, text=True)
    return done.stderr if done.returncode != 0 else None


def failures(root, flags):
    names = unproved(root)
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        complaints = pool.map(lambda name: compile_alone(root, name, flags), names)
        return [(name, complaint) for name, complaint in zip(names, complaints) if complaint is not None]


def main():
    root = pathlib.Path(sys.argv[1])
    found = failures(root, include_flags(sys.argv[2]))
    for name, complaint in found:
        print(f"{name} does not compile alone:\n{complaint}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
