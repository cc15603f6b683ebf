"""The invocations of the stream consumers by their schedules, made by hand."""

import pytest
from schedules import RECONCILE, RETRY_PARKED, invoked

CONSUMERS = ["projector", "publisher", "sequencer"]


@pytest.mark.parametrize("name", CONSUMERS)
def the_turn_for_parked_products_is_answered_with_what_became_of_them(stack, name):
    said, failed = invoked(stack.function(name), RETRY_PARKED)
    assert not failed, said
    assert said and all(isinstance(count, int) for count in said.values()), said


@pytest.mark.parametrize("name", CONSUMERS)
def the_turn_of_the_reconcile_is_answered_with_how_far_it_came(stack, name):
    said, failed = invoked(stack.function(name), RECONCILE)
    assert not failed, said
    assert isinstance(said["compared"], int) and isinstance(said["complete"], bool), said


@pytest.mark.parametrize("name", CONSUMERS)
def another_event_is_refused(stack, name):
    said, failed = invoked(stack.function(name), b'{"source":"aws.events"}')
    assert failed, said
    assert said["errorMessage"], said
