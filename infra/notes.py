"""Notes of a review: what a stack file means beyond what is built, neither right nor wrong, but good to know."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to know. `subject` is what it is about, such as `pool serving`."""

    subject: str
    text: str
