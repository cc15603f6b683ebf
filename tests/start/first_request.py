#!/usr/bin/env python3
"""What the first client of a new process waits for, with TLS: the processor time of the start, of the first invocation, and of
the second, of the function `command-api`.

Lambda runs the start of a process at full speed and an invocation with the share of a processor that belongs to its memory, so
what the start does costs the client a fraction of what the first request does. The tables are on loopback behind a proxy that
speaks TLS; its certificate is of an authority that stands in a file with all those of this machine (`SSL_CERT_FILE`), as many as
a function on Lambda reads. Needs `openssl` and `cargo build -p loopback --example surroundings`."""

import argparse
import json
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

from measure import LAMBDA, program_in
from runtime_api import RuntimeApi
from surroundings import REPOSITORY, Surroundings
from work import POST, Work

# A processor of Lambda has 1769 MB.
SHARE = 256 / 1769
BUNDLES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"]


def certificates(folder: Path) -> tuple[Path, Path]:
    """The file of all authorities, and that of the server's certificate with its key."""
    def signed(name: str, *arguments: str | Path) -> tuple[Path, Path]:
        key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        request = ["openssl", "req", "-x509", *curve, "-subj", f"/CN={name}", "-keyout", key, "-out", certificate]
        subprocess.run([*request, *arguments], check=True, stderr=subprocess.DEVNULL)
        return key, certificate

    authority_key, authority = signed("authority")
    of_server = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    key, certificate = signed("127.0.0.1", "-CA", authority, "-CAkey", authority_key, *of_server)
    server = folder / "server.pem"
    server.write_text(key.read_text() + certificate.read_text())
    bundle = next((Path(path) for path in BUNDLES if Path(path).exists()), None)
    if bundle is None:
        sys.exit("this machine has no file of certificate authorities")
    authorities = folder / "authorities.pem"
    authorities.write_text(bundle.read_text() + authority.read_text())
    return authorities, server


def tls_proxy(server: Path, upstream: tuple[str, int]) -> int:
    """Serves TLS on a free port and passes everything on; returns the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server)
    listener = socket.create_server(("127.0.0.1", 0))

    def copy(source: socket.socket, target: socket.socket) -> None:
        try:
            while piece := source.recv(65536):
                target.sendall(piece)
        except OSError:
            pass
        finally:
            target.close()

    def connect(plain: socket.socket) -> None:
        try:
            client = context.wrap_socket(plain, server_side=True)
        except (OSError, ssl.SSLError):
            return
        tables = socket.create_connection(upstream)
        threading.Thread(target=copy, args=(tables, client), daemon=True).start()
        copy(client, tables)

    def accept() -> None:
        while True:
            plain, _ = listener.accept()
            threading.Thread(target=connect, args=(plain,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def processor_ms(pid: int) -> float:
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e6


class Polls(RuntimeApi):
    """Knows when the function has polled for the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.polled = threading.Event()
        events_get = self.events.get

        def get(*arguments, **options):
            self.polled.set()
            return events_get(*arguments, **options)

        self.events.get = get


def run_once(program: Path, environment: dict, events: list[bytes], work: Work) -> list[float]:
    api = Polls()
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        [program], env=environment | {"AWS_LAMBDA_RUNTIME_API": api.address}, stdin=quiet, stdout=quiet, stderr=quiet
    )
    try:
        if not api.polled.wait(60):
            raise RuntimeError("the function does not start")
        spent = [processor_ms(process.pid)]
        for event in events:
            work.check(POST, api.invoke(event, process))
            spent.append(processor_ms(process.pid))
        return [spent[0], *(after - before for before, after in zip(spent, spent[1:], strict=False))]
    finally:
        process.kill()
        process.wait()
        api.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("functions", type=Path, help="the folder of the functions, built for this machine")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--surroundings", type=Path, default=REPOSITORY / "target/debug/examples/surroundings")
    options = parser.parse_args()
    program = program_in(options.functions, "command-api")
    with Surroundings(options.surroundings) as surroundings, tempfile.TemporaryDirectory() as folder:
        authorities, server = certificates(Path(folder))
        address = urlsplit(surroundings.addresses["tables"])
        port = tls_proxy(server, (address.hostname, address.port))
        environment = LAMBDA | surroundings.environment() | {"AWS_LAMBDA_FUNCTION_NAME": "command-api"}
        environment |= {"SSL_CERT_FILE": str(authorities), "AWS_ENDPOINT_URL_DYNAMODB": f"https://127.0.0.1:{port}"}
        work = Work(surroundings, 2 * (options.runs + 1))
        events = work.posts()
        runs = [run_once(program, environment, events[2 * run : 2 * run + 2], work) for run in range(options.runs + 1)]
    start, first, second = (round(statistics.median(each), 2) for each in zip(*runs[1:], strict=True))
    waits = round(start + first / SHARE, 1)
    found = {"runs": options.runs, "start_cpu_ms": start, "first_cpu_ms": first, "second_cpu_ms": second}
    print(json.dumps(found | {"client_waits_ms_at_256_mb": waits, "load": os.getloadavg()[0]}))


if __name__ == "__main__":
    main()
