"""Places in the VPC of a rendered cluster, and whether a connection between two of them opens: routes, security groups, endpoints."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Any

from graph.model import Graph, Resource

SUBNET, TABLE, ROUTE = "aws:ec2/subnet:Subnet", "aws:ec2/routeTableAssociation:RouteTableAssociation", "aws:ec2/route:Route"
IN, OUT = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ENDPOINT, CLUSTER, GROUP = "aws:ec2/vpcEndpoint:VpcEndpoint", "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"
TEMPLATE, DATABASE, SUBNETS = "aws:ec2/launchTemplate:LaunchTemplate", "aws:rds/instance:Instance", "aws:rds/subnetGroup:SubnetGroup"
MOUNT, LUSTRE = "aws:efs/mountTarget:MountTarget", "aws:fsx/lustreFileSystem:LustreFileSystem"
TARGETS = ("natGatewayId", "gatewayId", "transitGatewayId", "vpcPeeringConnectionId")
CONNECTED = ("transitGatewayId", "vpcPeeringConnectionId")
"""What leads to private addresses elsewhere: a NAT gateway does not."""
OUTSIDE = "9.9.9.9"
"""An address of the internet."""
JUDGED_TYPES = (ROUTE, TABLE, IN, OUT, ENDPOINT)
"""Types of which each resource is left out in turn, to see that a row notices."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One end of a connection in or outside of the VPC."""

    address: str
    subnet: str = ""
    """Id of its subnet; "" outside of the VPC."""
    groups: frozenset[str] = frozenset()
    """Security groups of its interface; none outside."""


class Vpc:
    """What one cluster of a graph stands in. `own` is the group that EKS makes; it lets in and out whatever carries it."""

    def __init__(self, rows: Sequence[Resource], cluster: Resource) -> None:
        self.rows = rows
        self.cluster = cluster
        settings: Mapping[str, Any] = cluster.inputs["vpcConfig"]
        self.own: str = cluster.outputs["vpcConfig"]["clusterSecurityGroupId"]
        self.control_subnets: Sequence[str] = settings["subnetIds"]
        self.api_groups = frozenset(settings.get("securityGroupIds", ()))

    def of(self, *types: str) -> list[Resource]:
        """Resources of types."""
        return [row for row in self.rows if row.type in types]

    @cached_property
    def subnets(self) -> Mapping[str, Resource]:
        """Subnets of the cluster's VPC that the stack makes, by id."""
        known = {row.id: row for row in self.of(SUBNET)}
        vpc = next((known[one].inputs["vpcId"] for one in self.control_subnets if one in known), None)
        return {id_: row for id_, row in known.items() if row.inputs["vpcId"] == vpc}

    @cached_property
    def vpc(self) -> str:
        """Id of the VPC, "" where others own it."""
        return next((str(row.inputs["vpcId"]) for row in self.subnets.values()), "")

    def _in(self, subnets: Sequence[str], groups: frozenset[str], at: int) -> list[Place]:
        found = [one for one in subnets if one in self.subnets]
        blocks = [ip_network(self.subnets[one].inputs["cidrBlock"]) for one in found]
        return [Place(address=str(block[at]), subnet=one, groups=groups) for one, block in zip(found, blocks, strict=True)]

    def places(self, name: str) -> list[Place]:
        """Places by their name in vpc_rows.yaml."""
        found: list[Place] = getattr(self, name.replace("-", "_"))()
        return found

    def nodes(self) -> list[Place]:
        """Nodes and pods: of each node group, or in the private subnets where no group makes them."""
        places = [
            place
            for group in self.of(GROUP)
            if set(group.inputs["subnetIds"]) <= self.subnets.keys()
            for place in self._in(group.inputs["subnetIds"], self._node_groups(group), 20)
        ]
        private = [one for one, row in self.subnets.items() if "-private-" in row.name]
        return [*dict.fromkeys(places or self._in(private, frozenset({self.own}), 20))]

    def _node_groups(self, group: Resource) -> frozenset[str]:
        """Groups of a node's interfaces: those of its launch template, else the cluster's own."""
        template = next(row for row in self.of(TEMPLATE) if row.id == group.inputs["launchTemplate"]["id"])
        interfaces = template.inputs.get("networkInterfaces", ())
        primary = [i for i in interfaces if str(i.get("networkCardIndex", 0)) == "0" and str(i.get("deviceIndex", 0)) == "0"]
        named = (primary[0].get("securityGroups", ()) if primary else ()) or template.inputs.get("vpcSecurityGroupIds", ())
        return frozenset(named) or frozenset({self.own})

    def control_plane(self) -> list[Place]:
        """Interfaces of the control plane."""
        return self._in(self.control_subnets, frozenset({self.own}) | self.api_groups, 30)

    def database(self) -> list[Place]:
        """The database, in each of its subnets."""
        found = []
        for row in self.of(DATABASE):
            group = next(g for g in self.of(SUBNETS) if g.inputs["name"] == row.inputs["dbSubnetGroupName"])
            found += self._in(group.inputs["subnetIds"], frozenset(row.inputs["vpcSecurityGroupIds"]), 40)
        return found

    def file_systems(self) -> list[Place]:
        """Mount targets of shared file systems."""
        return [p for r in self.of(MOUNT) for p in self._in([r.inputs["subnetId"]], frozenset(r.inputs["securityGroups"]), 50)]

    def lustre(self) -> list[Place]:
        """Servers of Lustre."""
        return [p for r in self.of(LUSTRE) for p in self._in([r.inputs["subnetIds"]], frozenset(r.inputs["securityGroupIds"]), 60)]

    def endpoints(self) -> list[Place]:
        """Interfaces of endpoints of AWS services."""
        made = [row for row in self.of(ENDPOINT) if row.inputs["vpcId"] == self.vpc and row.inputs["vpcEndpointType"] == "Interface"]
        return [p for r in made for p in self._in(r.inputs["subnetIds"][:1], frozenset(r.inputs["securityGroupIds"]), 70)]

    def s3(self) -> list[Place]:
        """S3, at an address of its public range."""
        return [Place(address="s3")] if self.vpc else []

    def internet(self) -> list[Place]:
        """Any machine of the internet."""
        return [Place(address=OUTSIDE)] if self.vpc else []

    def visitors(self) -> list[Place]:
        """Machines in the ranges that may reach the API server."""
        rules = [rule for rule in self.of(IN) if rule.inputs["securityGroupId"] in self.api_groups and "cidrIpv4" in rule.inputs]
        return [Place(address=str(ip_network(rule.inputs["cidrIpv4"])[5])) for rule in rules] if self.vpc else []

    def visitors_back(self) -> list[Place]:
        """The same, when they are answered."""
        return self.visitors()

    def opens(self, source: Place, target: Place, port: int, protocol: str) -> bool:
        """Whether a connection opens: routes there and back, then security groups of both ends."""
        if source is target or not self._routed(source, target.address) or not self._routed(target, source.address):
            return False
        return self._out(source, target, port, protocol) and self._let_in(source, target, port, protocol)

    def _routed(self, place: Place, address: str) -> bool:
        """Whether packets of a place find a way to an address. What is outside finds the VPC where an answer would be routed to it."""
        if not place.subnet:
            return True
        table = next((row.inputs["routeTableId"] for row in self.of(TABLE) if row.inputs.get("subnetId") == place.subnet), None)
        if table is None:
            return False
        if address == "s3":
            gateways = [row for row in self.of(ENDPOINT) if row.inputs["vpcEndpointType"] == "Gateway"]
            return any(table in row.inputs["routeTableIds"] for row in gateways)
        if any(ip_address(address) in ip_network(row.inputs["cidrBlock"]) for row in self.subnets.values()):
            return True
        way = self._way(table, address)
        return way in CONNECTED if ip_address(address).is_private else way != ""

    def _way(self, table: str, address: str) -> str:
        """What the longest matching route of a table leads to, "" for none."""
        rows = [row for row in self.of(ROUTE) if row.inputs["routeTableId"] == table]
        blocks: list[tuple[IPv4Network, Resource]] = [(IPv4Network(row.inputs["destinationCidrBlock"]), row) for row in rows]
        fits = sorted(((b.prefixlen, i) for i, (b, _) in enumerate(blocks) if ip_address(address) in b), reverse=True)
        return next((key for _, i in fits[:1] for key in TARGETS if key in blocks[i][1].inputs), "")

    def _let_in(self, source: Place, target: Place, port: int, protocol: str) -> bool:
        if not target.subnet:
            return True
        if source.address == OUTSIDE and self._behind_nat(target):
            return False
        if self.own in target.groups and self.own in source.groups:
            return True
        return any(self._rule(rule, source, port, protocol) for rule in self.of(IN) if rule.inputs["securityGroupId"] in target.groups)

    def _out(self, source: Place, target: Place, port: int, protocol: str) -> bool:
        """The cluster's own group lets everything out; a group of ours what its rules say."""
        if not source.subnet or self.own in source.groups:
            return True
        return any(self._rule(rule, target, port, protocol) for rule in self.of(OUT) if rule.inputs["securityGroupId"] in source.groups)

    def _behind_nat(self, place: Place) -> bool:
        """Whether nothing from outside finds a place: its way out is no internet gateway."""
        table = next(row.inputs["routeTableId"] for row in self.of(TABLE) if row.inputs.get("subnetId") == place.subnet)
        return self._way(table, OUTSIDE) != "gatewayId"

    @staticmethod
    def _rule(rule: Resource, peer: Place, port: int, protocol: str) -> bool:
        inputs = rule.inputs
        if inputs["ipProtocol"] != "-1" and not (inputs["ipProtocol"] == protocol and inputs["fromPort"] <= port <= inputs["toPort"]):
            return False
        if "referencedSecurityGroupId" in inputs:
            return inputs["referencedSecurityGroupId"] in peer.groups
        return peer.address != "s3" and ip_address(peer.address) in ip_network(inputs["cidrIpv4"])


def vpcs(drawn: Graph) -> Iterator[Vpc]:
    """One for each cluster that the stack makes in a VPC that it makes too."""
    for cluster in drawn.of_type(CLUSTER):
        vpc = Vpc(_around(drawn, cluster), cluster)
        if vpc.vpc:
            yield vpc


def _around(drawn: Graph, cluster: Resource) -> list[Resource]:
    """Resources of the cluster's region, by the provider that makes them."""
    return [row for row in drawn if row.custom and row.provider == cluster.provider]
