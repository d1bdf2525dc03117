# SPDX-License-Identifier: Apache-2.0
"""Every test that docs/conformance.md names is in one of the files that its row names."""

import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[1]


def has_test(texts, name):
    """`name` is Suite.Test, or …Test where the row names the suite before; Test may be *."""
    suite, _, test = name.lstrip("…").rpartition(".")
    if test == "*":
        return any(f"class {suite}(" in text for text in texts)
    return any(re.search(rf"\({suite or '[A-Za-z]+'}, {test}\)|def test_{test}\(", text) for text in texts)


def missing(page):
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or len(cells) != 3 or "`" not in cells[2]:
            continue
        files = []
        for path in re.findall(r"`([^`]+)`", cells[2]):
            path = SOURCE / "test" / path
            files += sorted(path.glob("*_test.cc")) if path.is_dir() else [path]
        absent = [file for file in files if not file.exists()]
        yield from (f"{file.relative_to(SOURCE)}: there is no such file" for file in absent)
        texts = [file.read_text() for file in files if file not in absent]
        names = re.findall(r"`([^`]+)`", cells[1])
        yield from (f"{name}: in none of {cells[2]}" for name in names if not has_test(texts, name))
        if not names:
            yield f"{cells[0]}: no test"


def main():
    problems = list(missing((SOURCE / "docs" / "conformance.md").read_text()))
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
