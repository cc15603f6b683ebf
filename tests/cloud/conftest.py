"""The fixtures of tests/deployed."""

from scenario import *  # noqa: F403
