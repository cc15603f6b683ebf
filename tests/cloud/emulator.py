"""Runs ministack during a `with` block, on a free port of loopback and in a temporary folder."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
#: Timeout for its start and its end.
STARTS, ENDS = 60, 15


class Emulator:
    """Its endpoint, and the environment variables for the AWS SDKs."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ledger-cloud-"))
        self.log = self.folder / "ministack.log"
        self.port = _free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        settings = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,127.1,localhost",
            # All temporary files, including the functions' code, are removed with the folder.
            "TMPDIR": str(self.folder),
        }
        foreign = ("AWS_", "LEDGER_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        self.environment = inherited | settings
        self._process = None

    def __enter__(self):
        own = {"GATEWAY_PORT": str(self.port), "NO_COLOR": "1"}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, ROOT / "infra/ministack/serve.py"],
                env=self.environment | own,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(ENDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # The functions that it started are in its session; those that outlived it are killed here.
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        shutil.rmtree(self.folder)

    def _wait(self):
        until = time.monotonic() + STARTS
        while True:
            try:
                with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=5):
                    return
            except OSError as error:
                said = self.log.read_text(errors="replace")[-2000:]
                if self._process.poll() is not None:
                    raise SystemExit(f"ministack ended with {self._process.returncode}:\n{said}") from error
                if time.monotonic() > until:
                    raise SystemExit(f"ministack did not listen within {STARTS} s:\n{said}") from error
            time.sleep(0.1)


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
