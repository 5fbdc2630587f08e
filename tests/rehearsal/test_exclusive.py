"""What may be there only once in AWS though no name says so: each row of the data refuses the second, and lets a different one through."""

from pathlib import Path
from typing import Any

import pytest

from graph.model import UNKNOWN
from graph.types import schema
from graph.types.materialise import Scope
from rehearsal.answers import CloudError
from rehearsal.aws import Aws, table
from rehearsal.cloud import Instance
from rehearsal.store import Object, Store

SCOPE = Scope(package="aws", account="111122223333", region="us-west-2")
ROWS = table()["exclusive"]
ROUTE, ENDPOINT = "aws:ec2/route:Route", "aws:ec2/vpcEndpoint:VpcEndpoint"


class Region:
    """A store in which things are made by their claims alone."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.made = 0

    def make(self, token: str, **inputs: Any) -> None:
        self.made += 1
        claims = Aws().claims(Instance(SCOPE), token, inputs)
        with self.store.transaction() as txn:
            new = txn.add(Object("aws", token, f"urn::{self.made}", str(self.made), SCOPE, inputs, {}))
            txn.claim(new, claims)


@pytest.fixture
def region(tmp_path: Path) -> Any:
    with Store(tmp_path / "clouds.sqlite") as store:
        yield Region(store)


def wanted(row: dict[str, Any], other: str = "") -> dict[str, Any]:
    """Inputs that a row is about; with `other` the property of that name has another value."""
    inputs: dict[str, Any] = {name.removesuffix("?"): f"v-{name.removesuffix('?')}" for name in row["of"]}
    if other:
        inputs[other] = "another"
    if "routeTableIds" in inputs:
        inputs["routeTableIds"] = ["rtb-x", inputs["routeTableIds"]] if not other else [inputs["routeTableIds"]]
    return inputs | {name: allowed[-1] for name, allowed in row.get("if", {}).items()}


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['type'].rpartition(':')[2]}-{row['of'][-1]}" for row in ROWS])
def test_the_second_is_refused_and_a_different_one_is_not(region: Region, row: dict[str, Any]) -> None:
    assert not [name for name in wanted(row) if name not in schema.properties(row["type"])]
    region.make(row["type"], **wanted(row))
    with pytest.raises(CloudError, match=row["code"]):
        region.make(row["type"], **wanted(row))
    for name in row["of"]:
        region.make(row["type"], **wanted(row, name.removesuffix("?")))


def test_two_default_routes_are_refused_in_one_table_only(region: Region) -> None:
    region.make(ROUTE, routeTableId="rtb-1", destinationCidrBlock="0.0.0.0/0", gatewayId="igw-1")
    with pytest.raises(CloudError, match=r"RouteAlreadyExists: The route identified by 0\.0\.0\.0/0 already exists"):
        region.make(ROUTE, routeTableId="rtb-1", destinationCidrBlock="0.0.0.0/0", natGatewayId="nat-1")
    region.make(ROUTE, routeTableId="rtb-2", destinationCidrBlock="0.0.0.0/0", natGatewayId="nat-1")


def test_a_gateway_endpoint_has_each_of_its_tables_for_itself(region: Region) -> None:
    region.make(ENDPOINT, serviceName="s3", vpcId="vpc-1", routeTableIds=["rtb-1", "rtb-2"])
    region.make(ENDPOINT, serviceName="dynamodb", vpcId="vpc-1", routeTableIds=["rtb-1", "rtb-2"], vpcEndpointType="Gateway")
    with pytest.raises(CloudError, match="rtb-2 already has a route with destination-prefix-list-id of s3"):
        region.make(ENDPOINT, serviceName="s3", vpcId="vpc-1", routeTableIds=["rtb-3", "rtb-2"], vpcEndpointType="Gateway")


def test_an_interface_endpoint_without_private_names_may_be_there_twice(region: Region) -> None:
    for _ in range(2):
        region.make(ENDPOINT, serviceName="ecr.api", vpcId="vpc-1", vpcEndpointType="Interface", privateDnsEnabled=False)


def test_what_is_not_known_yet_claims_nothing() -> None:
    assert not Aws().claims(Instance(SCOPE), ROUTE, {"routeTableId": UNKNOWN, "destinationCidrBlock": "0.0.0.0/0"})
