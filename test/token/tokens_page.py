#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/tokens.md, made of what token_matrix_test saw.

    tokens_page.py OUTCOMES             fails where the page shows something else
    tokens_page.py OUTCOMES --update    writes the page anew

OUTCOMES is the folder test/token/matrix of a build tree. Rows of tokens that were not there in
that run stay as they are. Versions are shown as of the last --update and not compared.
"""

import argparse
import difflib
import json
import pathlib
import re
import sys

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "tokens.md"
ORDER = ["softhsm", "nss", "nss-fips", "opencryptoki", "tpm2", "kryoptic"]
FINDINGS = {"fail": "reports it wrongly", "not_reported": "does not report it"}
SHORT = {"proved": "**proved**", "refused": "refused", "not offered": "–", "not tried": "not tried"}


def read_outcomes(folder):
    """The probes by token, and all else by token, scheme and IV mode."""
    probes, keyrings = {}, {}
    for file in sorted(folder.glob("*.json")):
        outcome = json.loads(file.read_text())
        if "rows" in outcome:
            probes[outcome["token"]] = outcome
        else:
            keyrings[outcome["token"], outcome["scheme"], outcome["ivMode"]] = outcome
    return probes, keyrings


def outcome_and_note(row, keyring):
    outcome, notes = row["outcome"], [row["why"]]
    if "whyNoKey" in keyring:
        notes = [f"only on throw-away keys: no key can be made in the token, {keyring['whyNoKey']}"]
    elif keyring.get("keysByTool"):
        outcome, notes = "proved", [f"served with keys of the maker's tool, named in a `keysFile`; not by the probe: {row['why']}"]
    elif keyring:
        notes = ["served"]
    return outcome, ": ".join(filter(None, notes + [row["remark"]]))


def heading(probe):
    version = probe["library"]
    if probe["firmware"] not in ("", "0.0") and not version.endswith(" " + probe["firmware"]):
        version += f", firmware {probe['firmware']}"
    return version


def rows_of(probe, keyrings):
    """Rows of the table of outcomes: the first cell is the token, with its version in brackets."""
    token = probe["token"]
    for row in probe["rows"]:
        keyring = keyrings.get((token, row["scheme"], row["ivMode"]), {})
        outcome, note = outcome_and_note(row, keyring)
        yield [f"{token} ({probe['actedAfter'] or heading(probe)})", f"`{row['scheme']}`",
               f"`{row['ivMode']}`" if row["ivMode"] else "", outcome, note.replace("|", "\\|")]


def waivers_of(token, keyrings):
    found = {(kind, *finding.split()) for (name, _, _), outcome in keyrings.items() if name == token
             for kind, findings in outcome.get("waived", {}).items() for finding in findings}
    kinds = {}
    for kind, attribute, finding in sorted(found):
        kinds.setdefault((attribute, finding), []).append(kind)
    for (attribute, finding), names in kinds.items():
        yield [token, f"`{attribute}`", FINDINGS[finding], ", ".join(names)]


def name_of(row):
    return row[0].split(" ")[0]


def place_of(row):
    name = name_of(row)
    return (ORDER.index(name), "") if name in ORDER else (len(ORDER), name)


def merge(old, new, ran):
    return sorted([row for row in old if name_of(row) not in ran] + new, key=place_of)


def keep_versions(rows, old):
    cells = {name_of(row): row[0] for row in old}
    return [[cells.get(name_of(row), row[0])] + row[1:] for row in rows]


def overview(rows):
    names = list(dict.fromkeys(name_of(row) for row in rows))
    kinds = list(dict.fromkeys((row[1], row[2]) for row in rows))
    cells = {(name_of(row), row[1], row[2]): row[3] for row in rows}
    return (["scheme", "IV mode"] + names,
            [[scheme, mode] + [SHORT[cells[name, scheme, mode]] for name in names] for scheme, mode in kinds])


def table(head, rows):
    lines = [head, ["---"] * len(head)] + rows
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def section(page, name):
    return re.search(rf"(?s)(<!-- {name} -->\n)(.*?)(<!-- end -->)", page)


def rows_in(page, name):
    lines = section(page, name).group(2).strip().splitlines()
    split = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])] for line in lines]
    return split[2:]


def put(page, name, head, rows):
    found = section(page, name)
    return page[:found.start(2)] + table(head, rows) + "\n" + page[found.end(2):]


def render(page, probes, keyrings, keeps_versions):
    for name, is_acted in (("outcomes", False), ("acted", True)):
        ran = {token: probe for token, probe in probes.items() if bool(probe["actedAfter"]) == is_acted}
        old = rows_in(page, name)
        new = [row for probe in ran.values() for row in rows_of(probe, keyrings)]
        rows = merge(old, keep_versions(new, old) if keeps_versions else new, ran)
        first = "acted token (after)" if is_acted else "token (library)"
        page = put(page, name, [first, "scheme", "IV mode", "outcome", "why, or note"], rows)
        if not is_acted:
            page = put(page, "overview", *overview(rows))
    waivers = [row for token in probes for row in waivers_of(token, keyrings)]
    rows = merge(rows_in(page, "waivers"), waivers, probes)
    return put(page, "waivers", ["token", "attribute", "what the token does", "of"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outcomes", type=pathlib.Path)
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    probes, keyrings = read_outcomes(arguments.outcomes)
    if not probes:
        sys.exit(f"{arguments.outcomes}: no token was there; run token_matrix_test first")
    page = PAGE.read_text()
    made = render(page, probes, keyrings, keeps_versions=not arguments.update)
    if arguments.update:
        PAGE.write_text(made)
    elif made != page:
        print("\n".join(difflib.unified_diff(page.splitlines(), made.splitlines(), "docs/tokens.md",
                                             "what was seen", lineterm="", n=0)))
        sys.exit("docs/tokens.md shows something else; where that is right, run: "
                 f"test/token/tokens_page.py {arguments.outcomes} --update")


if __name__ == "__main__":
    main()
