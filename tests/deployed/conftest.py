"""The fixtures of these tests."""

from scenario import *  # noqa: F403
