"""Counters of the DCGM exporter: all that it exports by default, and what alerts need beside it. Pure functions."""

from components.kubernetes.metrics import exporters

EXPORTER = "dcgm-exporter"
"""Row of the table of exporters, and of the add-on table."""
DRIVER = "DCGM_FI_DRIVER_VERSION"
"""A field that is a label of every series."""


def counters() -> str:
    """The exporter's list: field, type and a help text a line. It replaces the default list, so the default is in it."""
    rows = sorted(exporters()[EXPORTER].series.items())
    return "".join(f"{field}, {kind}, {field} of DCGM.\n" for field, kind in [*rows, (DRIVER, "label")])
