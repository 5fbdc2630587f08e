"""Quotas of EC2 on running instances, counted in vCPUs by family and region.

Source: EC2 user guide, "Amazon EC2 instance type quotas"; AWS CLI user guide, "Service Quotas examples", get-aws-default-service-quota,
whose default is 5 vCPUs of Standard instances. Accelerated families have 0 in many new accounts.
"""

import re
from typing import Literal

FAMILIES = {
    "dl": "DL",
    "f": "F",
    "g": "G and VT",
    "gr": "G and VT",
    "hpc": "HPC",
    "inf": "Inf",
    "p": "P",
    "trn": "Trn",
    "u": "High Memory",
    "vt": "G and VT",
    "x": "X",
}
"""Families with quotas of their own, by the letters that their names begin with."""
STANDARD = "Standard (A, C, D, H, I, M, R, T, Z)"
Bought = Literal["on-demand", "spot"]


def quota(machine: str, bought: Bought) -> str:
    """The quota that instances of a machine type count against, as Service Quotas calls it."""
    letters = re.match(r"[a-z]+", machine)
    family = FAMILIES.get(letters[0] if letters else "", STANDARD)
    return f"Running On-Demand {family} instances" if bought == "on-demand" else f"All {family} Spot Instance Requests"
