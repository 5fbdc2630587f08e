"""The page of machines shows every accelerated machine, and says so where something is unknown."""

from components.accelerators import aws_machines
from components.aws.cluster.versions import images
from infra.machines_page import page, table


def test_every_accelerated_machine_and_every_image_is_on_the_page() -> None:
    text = page()
    for name in [*(name for name, machine in aws_machines().items() if machine.accelerator), *images()]:
        assert f"| {name} |" in text


def test_what_is_unknown_is_a_question_and_no_zero() -> None:
    line = next(line for line in page().splitlines() if line.startswith("| trn2.48xlarge | 16 trainium2"))
    assert "| ? | ? |" in line
    assert table(("a", "b"), [(None, 0)]).splitlines()[-1] == "| ? | 0 |"


def test_figures_are_those_of_the_tables() -> None:
    line = next(line for line in page().splitlines() if line.startswith("| p5.48xlarge | 8 h100"))
    assert "| 81,920 MiB | 192 | 2,048 GiB | 32 | 32 | 8 x 3,800 GB | 5600 |" in line
    assert "| p6-b300.48xlarge | 16 | 17 | 17 | 4 |" in page()
    assert "| h100 | 81,920 MiB | 7 x 1g.10gb, 4 x 1g.20gb, 3 x 2g.20gb, 2 x 3g.40gb, 1 x 4g.40gb, 1 x 7g.80gb | h100.80gb |" in page()
