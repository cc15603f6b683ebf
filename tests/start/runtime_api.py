"""The Lambda Runtime API as one process needs it: events out, answers in; and the moment of the first poll."""

import json
import queue
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PATIENCE = 60
NEXT = b"GET /2018-06-01/runtime/invocation/next"


def first_poll(start: Callable[[str], subprocess.Popen]) -> tuple[float, float]:
    """Seconds from making the process to its first request, which is never answered: the process is ended. Also the
    seconds of processor time that all its threads took for it, which other work on the machine changes little."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        begun = time.perf_counter()
        process = start(address)
        try:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                request = connection.recv(4096)
                polled = time.perf_counter()
            threads = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
            running = sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9
        finally:
            process.kill()
            process.wait()
    if not request.startswith(NEXT):
        raise RuntimeError(f"the first request is no poll: {request!r}")
    return polled - begun, running


class RuntimeApi(ThreadingHTTPServer):
    """Hands out one event after the other."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.events: queue.Queue[bytes] = queue.Queue()
        self.answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.address = f"127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def invoke(self, event: bytes, process: subprocess.Popen) -> dict:
        self.events.put(event)
        for _ in range(PATIENCE):
            try:
                kind, body = self.answers.get(timeout=1)
            except queue.Empty:
                if process.poll() is not None:
                    raise RuntimeError(f"the function ended with {process.returncode}") from None
                continue
            if kind != "response":
                raise RuntimeError(f"the function answered with {kind}: {body!r}")
            return json.loads(body)
        raise RuntimeError("the function does not answer")

    def handle_error(self, *_: object) -> None:
        """The process was ended while it waited for its next event."""

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        event = self.server.events.get()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(event)))
        self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + PATIENCE * 1000))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:measured")
        self.send_header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1")
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b"".join(iter(self.chunk, b""))
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        accepted = b'{"status":"OK"}'
        self.send_response(202)
        self.send_header("Content-Length", str(len(accepted)))
        self.end_headers()
        self.wfile.write(accepted)
        self.wfile.flush()
        self.server.answers.put((self.path.rsplit("/", 1)[1], body))

    def chunk(self) -> bytes:
        length = int(self.rfile.readline(), 16)
        chunk = self.rfile.read(length)
        self.rfile.readline()
        return chunk

    def log_message(self, *_: object) -> None:
        """One line for each request would drown the result."""
