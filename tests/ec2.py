"""What EC2 itself says of machines, as moto holds it: the oracle for facts that are written down here."""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import moto.ec2


@cache
def ec2() -> dict[str, Any]:
    """Facts by machine type, as DescribeInstanceTypes answers."""
    path = Path(moto.ec2.__file__).parent / "resources" / "instance_types.json.gz"
    table: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return table
