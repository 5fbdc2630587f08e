"""The terminal report: whole at 80 columns, and nothing that others named is taken for markup or for control codes."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from infra.notes import Note
from review.build import (
    Component,
    ControlLine,
    Finding,
    FrameworkLines,
    Header,
    Place,
    Review,
    Unchecked,
)
from review.render import MOST_PLACES, terminal
from review.text import Fitting
from review.timeline import Stop, Timeline

HOSTILE = "[red]x[/red]\x1b[2J\r\u202e:smile:"
URN = "urn:pulumi:s::p::t::n"


def finding(rule: str = "probes", places: int = 1, text: str = "is wrong") -> Finding:
    told = tuple(Place(URN, f"pods-{index}", "chat", text) for index in range(places))
    return Finding(rule, f"Title of {rule}", "workloads", "fail", "mandatory", "mandatory", "high", f"mend {rule}", told)


def review(text: str = "plain") -> Review:
    place = Place(URN, text, text, text)
    row = Finding(text, text, text, "fail", "advisory", "mandatory", "critical", text, (place,))
    quick = (Stop(URN, text, text, 93.0, 0.5, 0.0, True),)
    control = ControlLine(text, text, "fails", 0, ("a",), (text,), text)
    return Review(
        header=Header(text, text, text, (text,), (("cloud", text), ("zones", (text, text))), (text,)),
        failed=False,
        resources=3,
        verdicts={"pass": 4, "fail": 1, "waived": 0},
        components=(Component(text, f"groundwork:aws:{text}", 3, ("key",), ((f"aws:s3/bucket:{text}", 3),)),),
        findings=(row,),
        waived=(row,),
        undetermined=(row,),
        unchecked=(Unchecked(URN, text, f"kubernetes:v1:{text}", "no schema"), Unchecked(URN, text, "t", "chart not rendered")),
        notes=(Note(text, text),),
        compliance=(FrameworkLines(text, text, text, text, (control, replace(control, rules=()))),),
        timeline=Timeline(16, 100.0, (Stop(URN, text, text, 0.0, 90.0, 3.0, False), *quick, *quick), 90.0, (), 3, 1),
    )


def printed(found: Review, width: int = 120, colour: bool = False) -> str:
    file = io.StringIO()
    terminal(found, Console(file=file, width=width, force_terminal=colour, color_system="truecolor" if colour else None))
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_hostile_names_are_shown_and_not_obeyed(width: int) -> None:
    text = printed(review(HOSTILE), width)
    assert "[red]x[/red]\\x1b[2J\\r\\u202e:smile:" in text
    assert not {c for c in text if not c.isprintable()} - {"\n"}


def test_colour_comes_from_the_report_alone() -> None:
    assert "\x1b[2J" not in printed(review(HOSTILE), colour=True)
    assert "\x1b[" in printed(review(HOSTILE), colour=True)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_console(width: int) -> None:
    wide = replace(review("a-name-of-some-length"), findings=(finding(places=9, text="says a great deal about it " * 9),))
    assert max(map(len, printed(wide, width).splitlines())) <= width


def test_a_finding_says_what_where_and_how_to_fix() -> None:
    text = printed(replace(review(), findings=(finding(),)))
    assert all(part in text for part in ("high", "Title of probes", "probes", "chat/pods-0: is wrong", "mend probes"))


def test_findings_come_in_the_order_of_the_review() -> None:
    text = printed(replace(review(), findings=(finding("zebra"), finding("ant"))))
    assert text.index("Title of zebra") < text.index("Title of ant")


def test_many_resources_with_one_message_are_cut_and_counted() -> None:
    text = printed(replace(review(), findings=(finding(places=MOST_PLACES + 3),)))
    assert "and 3 more" in text
    assert f"pods-{MOST_PLACES}" not in text


def test_a_broken_rule_is_told_from_a_failing_one() -> None:
    assert "broken" in printed(replace(review(), findings=(replace(finding(), status="error"),)))


def test_the_conclusion_counts_what_is_not_met() -> None:
    failing = replace(review(), failed=True, findings=(finding("a"), finding("b"), replace(finding("c"), level="advisory")))
    assert "Fails. 2 mandatory rules not met." in printed(failing)
    passing = printed(replace(review(), findings=()))
    assert "Passes. Every mandatory rule is met." in passing
    assert "4 pass, 1 fail." in passing


def test_advice_that_a_deployment_refuses_is_told() -> None:
    assert "a real deployment is refused for it: plain" in printed(review())


def test_notes_of_one_subject_stand_together() -> None:
    told = printed(replace(review(), notes=(Note("pool a", "first"), Note("pool a", "second"), Note("pool b", "third"))))
    assert "pool a              first" in told
    assert "pool a              second" not in told
    assert "                    second" in told
    assert "pool b              third" in told


def test_parts_without_content_are_left_out() -> None:
    bare = printed(replace(review(), findings=(), waived=(), undetermined=(), unchecked=(), compliance=(), notes=()))
    assert "None." in bare
    assert not [title for title in ("Waived", "Notes", "Not judged here", "Rules support") if title in bare]


def test_compliance_claims_support_and_no_proof() -> None:
    text = printed(review())
    assert "Rules support evidence for 1 of 2 controls and prove none; 1 need evidence of process alone" in text
    assert "plain: plain" in text


@pytest.mark.parametrize(("width", "told"), [(40, "3 Bucket, 2 Key, 1 Role"), (18, "3 Bucket, +2"), (4, "+3"), (1, "…")])
def test_a_list_is_cut_between_its_items_and_says_how_many_are_left(width: int, told: str) -> None:
    file = io.StringIO()
    Console(file=file, width=width).print(Fitting(["3 Bucket", "2 Key", "1 Role"]))
    assert file.getvalue().strip() == told
