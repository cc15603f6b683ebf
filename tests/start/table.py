"""From what was found to a table for people, and which goals it misses."""

from pathlib import Path

HEADING = "## Functions"
MEGABYTE = 1e6
GOALS = {"bytes": 8 * MEGABYTE, "start_ms": 10.0, "resident_mb": 20.0}
FASTER = 60
STARTS = ("start_ms", "start_ms_90", "start_cpu_ms")


def goals(found: dict) -> list[str]:
    """Every goal that is missed, in words."""
    ours = [each for each in found["functions"] if each["name"] != "python"]
    missed = []
    for each in ours:
        sizes = [each[size] for size in ("bytes", "bytes_arm64") if size in each]
        if max(sizes) > GOALS["bytes"]:
            missed.append(f"{each['name']} is larger than 8 MB")
        if each["start_ms"] > GOALS["start_ms"]:
            missed.append(f"{each['name']} starts in more than 10 ms")
        if max((work["resident_mb"] for work in each.get("work", [])), default=0) > GOALS["resident_mb"]:
            missed.append(f"{each['name']} takes more than 20 MB")
    if times_faster(found) < FASTER:
        missed.append(f"the slowest start is only {times_faster(found):.0f} times faster than Python's")
    return missed


def times_faster(found: dict) -> float:
    python = next(each for each in found["functions"] if each["name"] == "python")
    return python["start_ms"] / max(each["start_ms"] for each in found["functions"] if each is not python)


def lines(found: dict) -> list[str]:
    machine = found["machine"]
    starts = found["functions"][0]["starts"]
    heads = ["function", "size (MB)", "for arm64 (MB)", "start (ms)", "90th percentile", "its processor time (ms)"]
    heads += ["work", "memory after (MB)", "processor time per invocation (ms)"]
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for each in found["functions"]:
        size = [f"{each[name] / MEGABYTE:.2f}" if name in each else "" for name in ("bytes", "bytes_arm64")]
        # What the sequencer does depends on the log, so its starts alone are measured.
        for number, work in enumerate(each.get("work", [None])):
            start = [f"{each[name]:.1f}" if number == 0 else "" for name in STARTS]
            done = [work["route"], f"{work['resident_mb']:.1f}", f"{work['cpu_ms']:.2f}"] if work else [""] * 3
            cells = [each["name"], *size, *start, *done]
            rows.append(f"| {' | '.join(cells)} |")
    count = found["functions"][0]["work"][0]["invocations"]
    return [
        HEADING,
        "",
        f"`just measure-functions` ({machine['processor']}, {machine['processors']} processors, load {machine['load']:.1f} before"
        f"{', all starts ahead of other work' if machine['ahead'] else ''}; "
        f"{machine['python']} with {', '.join(machine['packages'])}).",
        "",
        f"The slowest start is {times_faster(found):.0f} times faster than Python's. Goals: 8 MB, 10 ms, 20 MB, {FASTER} times.",
        "",
        *rows,
        "",
        f"Size: without symbols. Start: from making the process to its first request for an invocation, median of {starts}, all "
        "functions in turn, everything in the page cache and Python's modules compiled. Memory: resident after "
        f"{count} invocations. Processor time: user and system, mean of {count} invocations after the first. Runtime API, tables "
        "(the embedded engine) and bus were on loopback, without TLS. The Python function does less: it stores one plain item, "
        "without a chain.",
    ]


def write(found: dict, file: Path | None) -> None:
    """Prints the section, or puts it into the file in place of the one that is there."""
    section = lines(found)
    if file is None:
        print("\n".join(section))
        return
    before = file.read_text().splitlines() if file.exists() else ["# Benchmarks", ""]
    if HEADING in before:
        start = before.index(HEADING)
        ends = [number for number, line in enumerate(before) if number > start and line.startswith("## ")]
        before[start : ends[0] if ends else None] = [*section, ""] if ends else section
    else:
        before += ([] if before[-1] == "" else [""]) + section
    file.write_text("\n".join(before) + "\n")
