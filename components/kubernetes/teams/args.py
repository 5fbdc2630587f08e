"""Arguments of a team that puts endpoints on the platform from stacks of its own."""

from typing import Annotated

from pydantic import Field, StringConstraints

from components.spec import Many, Name, Spec

Principal = Annotated[str, StringConstraints(min_length=1, max_length=2048, pattern=r"^\S+$")]
"""Who may act, as the site names them: the ARN of an IAM role on AWS."""


class TeamArgs(Spec):
    """A team with a namespace of its own, in which its own stacks may do what an endpoint needs and nothing else."""

    principals: Many[Principal] = ()
    """Who acts for the team, such as the IAM role that its pipeline deploys with. Empty where others run the cluster: its owners then put
    whoever acts for the team into the group that the stack's outputs name."""
    gpus: dict[Name, Annotated[int, Field(ge=1, le=100_000)]] = Field(default_factory=dict)
    """GPUs that the team's endpoints may grow to, by pool. Pools that are not named are closed to the team."""
    pods: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Most pods of the team."""
