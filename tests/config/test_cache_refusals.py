"""Weights are cached on volumes that every replica can mount, or the file is refused."""

from pathlib import Path

import pytest

from infra.config import load_file
from infra.reading.faults import ConfigFaults

EXAMPLE = Path(__file__).parents[2] / "examples" / "Pulumi.large-model.yaml"
SHARED, CLASS = "      shared: {}\n", "storage_class: shared"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (SHARED, "", "add shared: {} to storage"),
        (CLASS, "storage_class: gp3", "name shared, with storage.shared"),
        (SHARED, SHARED + "      volumes: {fast: {iops: 1000}}\n", ""),
    ],
)
def test_a_cache_that_not_every_replica_can_mount_is_refused(old: str, new: str, words: str, tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    assert text.count(old) == 1
    path = tmp_path / EXAMPLE.name
    path.write_text(text.replace(old, new))
    if not words:
        load_file(path)
        return
    with pytest.raises(ConfigFaults) as refused:
        load_file(path)
    (fault,) = refused.value.faults
    assert fault.path.endswith(".cache.storage_class")
    assert words in fault.message
