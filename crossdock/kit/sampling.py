"""The last step of a connector's check: a little of what the system has is really read."""

from collections.abc import Callable, Iterable, Iterator

from crossdock.errors import CrossdockError
from crossdock.ports import CheckStep


def read_well(sentence: str) -> CheckStep:
    """The step of a sample that was read; the sentence says what."""
    return CheckStep(step="sample", ok=True, sentence=sentence)


def with_sample(
    steps: Iterable[CheckStep], read: Callable[[], CheckStep], *, remedy: str, field: str = ""
) -> Iterator[CheckStep]:
    """These steps up to the first that fails, and where none does, the step in which ``read`` reads a sample.

    ``remedy`` and ``field``: what a person does, and looks at, when it raises a ``CrossdockError``.
    """
    for step in steps:
        yield step
        if not step.ok:
            return
    try:
        last = read()
    except CrossdockError as error:
        last = CheckStep(step="sample", ok=False, sentence=str(error), remedy=remedy, field=field)
    yield last
