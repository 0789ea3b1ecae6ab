"""A derived id is a UUID version 5, whoever derives it."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from canonical.ids import SEPARATOR, DerivedIds, derived_id

WORDS = st.lists(st.text(st.characters(exclude_characters=SEPARATOR, exclude_categories=["Cs"])), min_size=1)


@given(st.uuids(), WORDS)
def test_a_derived_id_is_what_the_standard_library_derives(namespace: uuid.UUID, words: list[str]) -> None:
    assert derived_id(namespace, *words) == uuid.uuid5(namespace, SEPARATOR.join(words))


@given(st.uuids(), WORDS)
def test_ids_that_begin_alike_are_derived_alike(namespace: uuid.UUID, words: list[str]) -> None:
    *same, last = words
    assert DerivedIds(namespace, *same).of(last) == str(derived_id(namespace, *words))
