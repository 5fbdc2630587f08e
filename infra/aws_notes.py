"""What there is to know of a platform on AWS, from its stack file alone. Pure functions."""

from collections.abc import Iterator

from components.aws.cluster.args import ClusterArgs
from components.aws.cluster.upgrades import support
from infra.notes import Note


def of_cluster(args: ClusterArgs) -> Iterator[Note]:
    """Notes of the cluster itself."""
    if told := support(args.version):
        yield Note("cluster", told)
