"""What a recovery region can promise is arithmetic over what each mechanism gives."""

import pytest

from components.aws.recovery.objectives import (
    DATABASE,
    IMAGES,
    MECHANISMS,
    OBJECTS,
    PARTS,
    Course,
    Standby,
    Step,
    cluster_steps,
    least_rpo,
    spelled,
    told,
    total,
)
from graph.types import latency

FIGURES = {"aws:eks/cluster:Cluster": 600.0, "aws:eks/nodeGroup:NodeGroup": 120.0, "aws:eks/addon:Addon": 30.0}
FIGURES["kubernetes:helm.sh/v3:Release"] = 60.0


def course(standby: Standby, restore: int) -> Course:
    return Course(
        first=(Step("decision", 900, stated=True),),
        data=(Step("restore", restore, stated=True),),
        cluster=cluster_steps(standby, FIGURES),
        last=(Step("redirection", 300, stated=True),),
    )


def test_the_slowest_copy_decides_what_may_be_lost() -> None:
    assert least_rpo() == DATABASE
    assert least_rpo([OBJECTS, IMAGES]) == OBJECTS


def test_a_mechanism_without_a_figure_counts_for_nothing_rather_than_for_zero() -> None:
    assert IMAGES.lag is None
    with pytest.raises(ValueError, match="empty"):
        least_rpo([IMAGES])


def test_every_figure_says_where_it_is_from() -> None:
    assert all(row.source for row in MECHANISMS)
    timed = {token for parts in PARTS.values() for token in parts.values()}
    assert timed == FIGURES.keys()
    assert all(latency.of(token).measured for token in timed)


@pytest.mark.parametrize(("standby", "seconds"), [("none", 0), ("cold", 810), ("warm", 180)])
def test_what_is_not_there_yet_must_be_made(standby: Standby, seconds: int) -> None:
    assert total(cluster_steps(standby, FIGURES)) == seconds


@pytest.mark.parametrize(
    ("standby", "restore", "seconds", "longer"),
    [
        ("cold", 60, 900 + 810 + 300, "control plane"),
        ("cold", 3600, 900 + 3600 + 300, "restore"),
        ("warm", 60, 900 + 180 + 300, "nodes"),
    ],
)
def test_data_and_cluster_come_back_side_by_side(standby: Standby, restore: int, seconds: int, longer: str) -> None:
    found = course(standby, restore)
    assert found.seconds == seconds == total(found.steps)
    assert longer in {step.what for step in found.steps}
    assert [step.what for step in found.steps][:: len(found.steps) - 1] == ["decision", "redirection"]


@pytest.mark.parametrize(("seconds", "text"), [(1, "1m"), (60, "1m"), (61, "2m"), (3600, "1h"), (3601, "61m"), (7200, "2h"), (0, "0m")])
def test_times_are_spelled_as_stack_files_have_them_and_never_too_short(seconds: int, text: str) -> None:
    assert spelled(seconds) == text


def test_steps_are_told_with_their_times() -> None:
    assert told([Step("decision", 900), Step("restore", 3600)]) == "decision 15m, restore 1h"
