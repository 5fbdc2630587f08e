"""Policy documents of a rendered stack, by what they are attached to."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from graph.model import Graph, Resource
from tests.assertions.test_identity import managed

Document = dict[str, Any]
REFERENCE = re.compile(r"\$\{([^}]+)\}")
IGNORED = {"aws:cfg/conformancePack:ConformancePack"}
"""Types whose JSON holds no policy of the stack's own."""


@dataclass(kw_only=True)
class Role:
    """One role: who may assume it, what it is granted, and its ceiling, as ids of documents."""

    arn: str
    trust: str
    identity: list[str] = field(default_factory=list)
    boundary: str | None = None


@dataclass(kw_only=True)
class Endpoint:
    """One VPC endpoint: its id, its network's, and the id of its policy document."""

    id: str
    vpc: str
    policy: str | None


BUCKETS = "arn:aws:s3:::"
OTHERS = "999988887777"
"""The account of what the stack does not make."""


class Unjudged(Exception):
    """A policy document is attached to a type that this module does not know."""


class Rendered:
    """Documents of one stack: `own` are rendered by it, and mutants change them; others are AWS-managed."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        site = graph.of_type("pulumi:providers:aws")[0]
        self.home = str(site.inputs["region"])
        (self.account,) = json.loads(site.inputs["allowedAccountIds"])
        self._buckets = {made.inputs["bucket"]: made for made in graph.of_type("aws:s3/bucket:Bucket")}
        self.named = {resource.name: resource for resource in graph.custom}
        clusters = graph.of_type("aws:eks/cluster:Cluster")
        cluster = clusters[0].inputs["name"] if clusters else ""
        self.words = {"account": self.account, "region": self.home, "cluster": cluster}
        self.documents: dict[str, Document] = {}
        self.own: set[str] = set()
        self.attached: dict[str, str] = {}
        self.roles: dict[str, Role] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self._physical = {role.inputs["name"]: role.name for role in graph.of_type("aws:iam/role:Role")}
        for resource in graph.of_type("aws:iam/role:Role"):
            self._role(resource)
        for resource in graph.custom:
            if resource.type.startswith("aws:") and resource.type not in IGNORED:
                self._collect(resource)
        self._grant_managed()
        self.owners = {document: arn for arn, document in self.attached.items() if not arn.startswith("arn:aws:iam:")}
        for resource in graph.of_type("aws:ec2/vpcEndpoint:VpcEndpoint"):
            policy = f"{resource.name}.policy"
            network, kept = resource.inputs["vpcId"], policy if policy in self.documents else None
            self.endpoints[resource.name] = Endpoint(id=resource.id, vpc=network, policy=kept)

    def every(self, kind: str) -> list[str]:
        """Names of all resources of a type."""
        return [resource.name for resource in self.graph.of_type(kind)]

    def arn(self, name: str) -> str:
        """The ARN of a resource of the graph by its name."""
        return str(self.named[name].outputs["arn"])

    def fill(self, text: str) -> str:
        """The text with ARNs of resources in place of `${name}`, other outputs of theirs for `${name/key/0}`.

        `${account}`, `${region}` and `${cluster}` are the site's.
        """
        return REFERENCE.sub(lambda found: self._value(found[1]), text)

    def _value(self, reference: str) -> str:
        if reference in self.words:
            return self.words[reference]
        name, *path = reference.split("/")
        value: Any = self.named[name].outputs
        for key in path or ["arn"]:
            value = value[int(key)] if key.isdigit() else value[key]
        return str(value)

    def region(self, name: str) -> str:
        """The region of a resource's provider."""
        return str(self.graph.by_urn[self.named[name].provider].inputs["region"])

    def owner(self, arn: str) -> str:
        """The account that something belongs to; ARNs of buckets do not say it."""
        if arn == "*":
            return self.account
        stated = arn.split(":")[4]
        return stated or (self.account if self._bucket(arn) or not arn.startswith(BUCKETS) else OTHERS)

    def region_of(self, arn: str) -> str:
        """The region in which something is asked; ARNs of buckets and of IAM do not say it."""
        bucket = self._bucket(arn)
        return (arn != "*" and arn.split(":")[3]) or (self.region(bucket.name) if bucket else self.home)

    def _bucket(self, arn: str) -> Resource | None:
        return self._buckets.get(arn.removeprefix(BUCKETS).split("/")[0])

    def _role(self, resource: Resource) -> None:
        boundary = resource.property_dependencies.get("permissionsBoundary", ())
        ceilings = [self.graph.by_urn[urn] for urn in boundary]
        self.roles[resource.name] = Role(
            arn=str(resource.outputs["arn"]),
            trust=f"{resource.name}.assumeRolePolicy",
            boundary=next((f"{ceiling.name}.policy" for ceiling in ceilings), None),
        )

    def _collect(self, resource: Resource) -> None:
        for key, value in resource.inputs.items():
            if isinstance(value, str) and '"Statement"' in value:
                document = f"{resource.name}.{key}"
                self.documents[document] = json.loads(value)
                self.own.add(document)
                self._attach(resource, document)

    def _attach(self, resource: Resource, document: str) -> None:
        """Remember whose document it is."""
        match resource.type.rsplit(":", 1)[-1]:
            case "Key" | "Role" | "Policy":
                self.attached[str(resource.outputs["arn"])] = document
            case "BucketPolicy":
                self.attached[f"arn:aws:s3:::{resource.inputs['bucket']}"] = document
            case "TopicPolicy":
                self.attached[resource.inputs["arn"]] = document
            case "QueuePolicy":
                self.attached[self._owner(resource, "queueUrl")] = document
            case "FileSystemPolicy":
                self.attached[self._owner(resource, "fileSystemId")] = document
            case "RepositoryPolicy":
                self.attached[self._owner(resource, "repository")] = document
            case "RolePolicy":
                self.roles[self._physical[resource.inputs["role"]]].identity.append(document)
            case "VpcEndpoint":
                pass
            case kind:
                raise Unjudged(f"{resource.name}: policies of {kind} are not judged yet: say here what they are attached to")

    def _owner(self, resource: Resource, key: str) -> str:
        (owner,) = resource.property_dependencies[key]
        return str(self.graph.by_urn[owner].outputs["arn"])

    def _grant_managed(self) -> None:
        for attachment in self.graph.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment"):
            policy = attachment.inputs["policyArn"]
            self.documents[policy] = managed()[policy]
            self.roles[self._physical[attachment.inputs["role"]]].identity.append(policy)
