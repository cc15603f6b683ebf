"""The vectors, on every store."""

import subprocess
import sys
import unittest

from test_inbox import OnMemory, OnSqlite
from vectors import VECTORS, Vectors


class InMemory(OnMemory, Vectors, unittest.TestCase):
    pass


class InSqlite(OnSqlite, Vectors, unittest.TestCase):
    pass


class Made(unittest.TestCase):
    def test_the_committed_vector_is_what_the_inbox_makes(self) -> None:
        self.assertEqual(subprocess.run([sys.executable, VECTORS / "make.py", "--check"]).returncode, 0)


if __name__ == "__main__":
    unittest.main()
