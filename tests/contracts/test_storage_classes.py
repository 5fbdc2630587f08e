"""What workloads are told of a cluster's storage classes."""

from components.contracts import StorageClass
from graph.recorder import record
from infra.sites import build
from tests.config.fields import data, judged


def offered(context: str) -> dict[str, StorageClass]:
    found: dict[str, StorageClass] = {}

    def program() -> None:
        platform = judged(context, data(context))
        assert platform
        found.update(build(platform, project="groundwork", stack="probe").cluster.storage_classes)

    record(program, project="groundwork", stack="probe", config={})
    return found


def test_the_one_class_that_many_nodes_may_mount_is_told_apart() -> None:
    assert {name: row.shared for name, row in offered("aws-scratch").items()} == {"gp3": False, "fast": False, "shared": True}


def test_where_others_own_the_cluster_none_is_known() -> None:
    assert offered("aws-given-cluster") == offered("onprem") == {}
