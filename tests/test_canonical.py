"""Canonical texts: whatever a fact is, its bytes are those of RFC 8785."""

from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from appraisal.canonical import canonical

TEXTS = st.text(st.characters(), max_size=8) | st.text(
    "a\ud7ff\ud800\udfff\ue000\uffff\U00010000\x00\x1f\x7f", max_size=4
)
FACTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(FACTS)
def test_the_bytes_are_those_of_the_standard(facts: Any) -> None:
    try:
        wanted = rfc8785.dumps(facts)
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        with pytest.raises(type(error)):
            canonical(facts)
    else:
        assert canonical(facts) == wanted


@pytest.mark.parametrize("number", [2**53 - 1, -(2**53) + 1, 2**53, -(2**53), 10**15, 10**16])
def test_a_whole_number_is_one_of_a_double_or_refused(number: int) -> None:
    for facts in (number, [number], {"a": number}, [0, number]):
        if abs(number) < 2**53:
            assert canonical(facts) == rfc8785.dumps(facts)
        else:
            with pytest.raises(rfc8785.IntegerDomainError):
                canonical(facts)
