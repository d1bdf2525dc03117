# SPDX-License-Identifier: Apache-2.0
"""Medians, floors and the tables of scripts/bench."""

import statistics


def medians(rounds):
    """Of each number that all rounds have; [{"a": 1}, {"a": 3}, {"a": 2}] -> {"a": 2}."""
    names = [name for name, value in rounds[0].items() if isinstance(value, (int, float))]
    return {name: round(statistics.median(one[name] for one in rounds), 2) for name in names}


def at_least(name, value, floor, unit=""):
    return verdict(name, value, floor, value >= floor, f">= {shown(floor)}{unit}")


def at_most(name, value, limit, unit=""):
    return verdict(name, value, limit, value <= limit, f"<= {shown(limit)}{unit}")


def verdict(name, value, bound, passed, text):
    return {"name": name, "value": round(value, 3), "bound": round(bound, 3), "floor": text, "pass": passed}


def shown(value):
    """Four digits at least, and never an exponent."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)


def table(rows):
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = [str(cell).ljust(width) for cell, width in zip(row, widths)]
        lines.append(("| " + " | ".join(cells) + " |").rstrip())
        if number == 0:
            lines.append("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def render(result):
    """The whole run for a person, as Markdown that docs/benchmarks.md can take over."""
    machine = result["machine"]
    parts = [f"Commit {result['commit']}, {machine['cores']} cores ({machine['cpu']}), {result['date']}; "
             f"{result['rounds']} rounds of {result['seconds']} s, medians."]
    for section in result["sections"]:
        parts.append(f"### {section['title']}")
        if section.get("error"):
            parts.append(section["error"])
        if section.get("rows"):
            columns = list(dict.fromkeys(name for row in section["rows"] for name in row))
            parts.append(table([columns] + [[shown(row.get(name, "")) for name in columns]
                                            for row in section["rows"]]))
        if section.get("verdicts"):
            parts.append(table([["target", "measured", "floor", "verdict"]] + [
                [v["name"], shown(v["value"]), v["floor"], "PASS" if v["pass"] else "MISS"]
                for v in section["verdicts"]]))
    return "\n\n".join(parts) + "\n"
