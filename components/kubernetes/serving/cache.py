"""A model's files on a volume that many nodes read: filled once by a job and mounted by every replica, which then fetches nothing."""

from collections.abc import Iterator, Mapping, Sequence

import pulumi

from components.contracts import StorageClass
from components.kubernetes import manifests
from components.kubernetes.manifests import Environment, Identity, Manifest
from components.kubernetes.serving.model import Model
from components.kubernetes.vocabulary import ObjectName, quantity
from components.kubernetes.workload import Enclosure, until
from components.naming import short_hash
from components.spec import ImageReference, Problem, Size, Spec, rule

CLAIM, FILL = "weights", "fill"
FOLDER = "/weights"
"""Where the volume is mounted, by the job to be written and by replicas to be read."""
DEADLINE = 7200
"""Seconds after which filling is given up; the replicas then keep what they serve."""


class CacheArgs(Spec):
    """The volume, and what fills it. Each version of the model has a folder of its own, so that two are there while one takes over."""

    storage_class: ObjectName
    """Storage class whose volumes pods of many nodes can mount (ReadWriteMany), such as the one of `storage.shared` on AWS."""
    size: Size
    """Size of the volume: at least twice the weights, for the old version and the new one."""
    image: ImageReference
    """Image with the AWS command line (aws), by digest; the job runs `aws s3 sync`."""

    @rule("size")
    def _some(self) -> Iterator[Problem]:
        if self.size.value < 2**30:
            yield Problem(("size",), f"{self.size} holds no model: give 1GiB or more")


def folder(model: Model) -> str:
    """Where the files of a version lie in a container."""
    return f"{FOLDER}/{model.prefix.rstrip('/')}"


def claim(identity: Identity, args: CacheArgs) -> Manifest:
    """The claim of the volume, which is bound when the job wants it."""
    return {
        "metadata": identity.metadata(f"{identity.name}-{CLAIM}"),
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": args.storage_class,
            "resources": {"requests": {"storage": quantity(args.size)}},
        },
    }


def volume(identity: Identity, *, read_only: bool) -> Manifest:
    """The volume in a pod."""
    return {"name": CLAIM, "persistentVolumeClaim": {"claimName": f"{identity.name}-{CLAIM}", "readOnly": read_only}}


def job(identity: Identity, args: CacheArgs, model: Model, uri: pulumi.Input[str], variables: Environment) -> Manifest:
    """Copies a version's files; named by the version and the image, so that another version is another job, done before replicas change."""
    own = identity.beside(FILL)
    container = {
        "name": FILL,
        "image": args.image,
        "command": ["aws", "s3", "sync", uri, folder(model), "--only-show-errors"],
        "env": manifests.environment({"HOME": "/tmp", **variables}),
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        "securityContext": manifests.container_security(),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, {"name": CLAIM, "mountPath": FOLDER}],
    }
    pod = {
        "serviceAccountName": identity.name,
        "containers": [container],
        "volumes": [manifests.scratch("tmp", "1Gi"), volume(identity, read_only=False)],
    }
    return manifests.job(own.metadata(f"{own.name}-{short_hash([model.prefix, args.image])}"), own.labels, pod, DEADLINE)


def fill(
    enclosure: Enclosure,
    args: CacheArgs,
    files: tuple[Model, pulumi.Input[str], Environment],
    classes: Mapping[str, StorageClass],
    destinations: Sequence[tuple[str, int]],
    after: Sequence[pulumi.Resource],
) -> pulumi.Resource:
    """Make the volume and have it filled with the model's files (model, address, variables to reach it); returns what is done then."""
    import pulumi_kubernetes as k8s

    identity, own = enclosure.identity, enclosure.identity.beside(FILL)
    made = classes[args.storage_class].ready if args.storage_class in classes else ()
    held = k8s.core.v1.PersistentVolumeClaim(f"{identity.name}-{CLAIM}", opts=enclosure.inside(*made), **claim(identity, args))
    way = k8s.networking.v1.NetworkPolicy(
        f"{own.name}-network", opts=enclosure.inside(), **manifests.network_policy(own, 0, [], destinations)
    )
    opts = pulumi.ResourceOptions.merge(enclosure.inside(held, way, *after), until(DEADLINE))
    return k8s.batch.v1.Job(f"{own.name}-job", opts=opts, **job(identity, args, *files))
