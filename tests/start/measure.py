#!/usr/bin/env python3
"""How large the functions are, how fast they start, and what an invocation takes of memory and processor, beside a Python
function that does the same, in the same run.

A start is the time from making the process to its first request for an invocation, the runs of all functions interleaved.
The functions run behind a Runtime API of this script; their tables and their bus are a double of DynamoDB and a stand-in
for EventBridge on loopback (`cargo build -p loopback --example surroundings`). Nothing but the processes is measured."""

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from runtime_api import RuntimeApi, first_poll
from surroundings import REPOSITORY, Surroundings
from table import goals, write
from work import PYTHON_TABLE, Work

HERE = Path(__file__).parent
# In the order of the work: what is recorded is then projected, published and read.
FUNCTIONS = ["command-api", "projector", "publisher", "query-api", "sequencer"]
LAMBDA = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "SECRET",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/measured",
    "AWS_LAMBDA_LOG_STREAM_NAME": "measured",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "LEDGER_EVENT_BUS": "measured",
    "LEDGER_LOG_BUCKET": "measured",
    "LEDGER_LOG_KEY_ID": "measured",
    "LEDGER_LOG_ORIGIN": "example.com/log",
    "PRODUCTS_TABLE": PYTHON_TABLE,
}


class Measured:
    """One program and what was found out about it."""

    def __init__(self, name: str, command: list[str], program: Path | None, surroundings: Surroundings):
        self.name, self.command, self.program = name, command, program
        self.environment = LAMBDA | surroundings.environment() | {"AWS_LAMBDA_FUNCTION_NAME": name}
        self.starts: list[tuple[float, float]] = []
        self.result: dict = {"name": name}

    def process(self, address: str) -> subprocess.Popen:
        environment = self.environment | {"AWS_LAMBDA_RUNTIME_API": address}
        quiet = subprocess.DEVNULL
        return subprocess.Popen(self.command, env=environment, cwd=HERE, stdin=quiet, stdout=quiet, stderr=quiet)

    def start_once(self) -> None:
        self.starts.append(first_poll(self.process))

    def start_found(self) -> None:
        elapsed, running = (sorted(1000 * seconds for seconds in each) for each in zip(*self.starts, strict=True))
        self.result["starts"] = len(elapsed)
        self.result["start_ms"] = round(statistics.median(elapsed), 2)
        self.result["start_ms_90"] = round(elapsed[int(len(elapsed) * 0.9)], 2)
        self.result["start_cpu_ms"] = round(statistics.median(running), 2)

    def invoke(self, route: str, events, work: Work) -> None:
        """One process, a first invocation for itself, then all the others."""
        api = RuntimeApi()
        process = self.process(api.address)
        try:
            first, *others = events
            work.check(route, api.invoke(first, process))
            before = processor_seconds(process.pid)
            for event in others:
                work.check(route, api.invoke(event, process))
            spent, count = processor_seconds(process.pid) - before, len(others)
            found = {"route": route, "invocations": count, "cpu_ms": round(1000 * spent / count, 3)}
            found["resident_mb"] = round(resident_bytes(process.pid) / 1e6, 1)
            self.result.setdefault("work", []).append(found)
        finally:
            process.kill()
            process.wait()
            api.close()

    def size_found(self, other: Path | None) -> None:
        if self.program:
            self.result["bytes"] = stripped_size(self.program)
        if self.program and other:
            self.result["bytes_arm64"] = stripped_size(program_in(other, self.name))


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"the process {pid} has ended")


def stripped_size(program: Path) -> int:
    """The size without symbols; of a program that this machine's `strip` does not know, the size as it is."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "stripped")
        strip = shutil.which("strip")
        known = strip and subprocess.run([strip, "-o", copy, program], stderr=subprocess.DEVNULL).returncode == 0
        return (copy if known else program).stat().st_size


def program_in(folder: Path, name: str) -> Path:
    """As cargo-lambda lays them out, or as cargo does."""
    for program in [folder / name / "bootstrap", folder / name]:
        if program.is_file():
            return program.resolve()
    sys.exit(f"{folder} has no {name}: build the functions first, or name the folder they are in")


def python_function(interpreter: str, surroundings: Surroundings) -> Measured:
    """The Python function in an environment of its own, with its modules compiled before anything is measured."""
    venv = REPOSITORY / "target/measure-venv"
    python = venv / "bin/python"
    if not python.exists():
        subprocess.run([interpreter, "-m", "venv", venv], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", HERE / "requirements.txt"]
    subprocess.run(install, check=True)
    return Measured("python", [str(python), "-m", "awslambdaric", "function.handler"], None, surroundings)


@contextlib.contextmanager
def ahead_of_others(wanted: bool):
    """What is started meanwhile runs before everything else that runs on this machine."""
    if wanted:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    yield
    if wanted:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def machine(python: Measured, ahead: bool) -> dict:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    version = subprocess.run([python.command[0], "--version"], capture_output=True, text=True, check=True).stdout
    return {
        "processor": models[0].split(":", 1)[1].strip() if models else platform.machine(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "ahead": ahead,
        "python": version.strip(),
        "packages": [line for line in (HERE / "requirements.txt").read_text().splitlines() if not line.startswith("#")],
    }


def measure(options: argparse.Namespace, surroundings: Surroundings) -> dict:
    work = Work(surroundings, options.invocations + 1)
    python = python_function(options.python, surroundings)
    programs = {name: program_in(options.functions, name) for name in FUNCTIONS}
    ours = [Measured(name, [str(program)], program, surroundings) for name, program in programs.items()]
    everybody = [*ours, python]
    found = {"machine": machine(python, options.ahead)}
    with ahead_of_others(options.ahead):
        for each in everybody:
            each.start_once()
            each.starts.clear()
        for turn in range(options.starts):
            for each in everybody[turn % len(everybody) :] + everybody[: turn % len(everybody)]:
                each.start_once()
    for each in everybody:
        each.start_found()
        each.size_found(options.arm64)
        for route, events in work.of(each.name):
            each.invoke(route, events(), work)
            print(json.dumps(each.result), file=sys.stderr)
    return found | {"functions": [each.result for each in everybody]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("functions", type=Path, help="the folder of the functions, built for this machine")
    parser.add_argument("--arm64", type=Path, help="the folder of those built for arm64, for their size")
    parser.add_argument("--starts", type=int, default=50)
    parser.add_argument("--invocations", type=int, default=1000)
    parser.add_argument(
        "--ahead", action="store_true", help="start before all other work of a busy machine (SCHED_FIFO; needs its privilege)"
    )
    parser.add_argument("--python", default=sys.executable, help="the interpreter of the Python function")
    parser.add_argument("--surroundings", type=Path, default=REPOSITORY / "target/debug/examples/surroundings")
    parser.add_argument("--json", type=Path, help="where to write all that was found", default=REPOSITORY / "target/functions.json")
    parser.add_argument("--write", action="store_true", help="put the table into BENCHMARKS.md")
    options = parser.parse_args()
    begun = time.monotonic()
    with Surroundings(options.surroundings) as surroundings:
        found = measure(options, surroundings)
    options.json.write_text(json.dumps(found, indent=1) + "\n")
    write(found, REPOSITORY / "BENCHMARKS.md" if options.write else None)
    missed = goals(found)
    print(f"{time.monotonic() - begun:.0f} s; {'; '.join(missed) or 'every goal is reached'}", file=sys.stderr)


if __name__ == "__main__":
    main()
