"""What processes cost: processor time and memory, read from the system."""

from pathlib import Path


def family(pid: int) -> list[int]:
    """A process and its children."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def seconds(pid: int) -> float:
    """Processor time of a process and its children so far, of those that have ended, too."""
    ticks = 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it has ended, before or while it was read
            continue
        ticks += int(fields[11]) + int(fields[12])
        if one == pid:
            ticks += int(fields[13]) + int(fields[14])
    return ticks / 100


def memory(pid: int) -> float:
    """Megabytes of a process and its children, shared pages counted in parts (PSS)."""
    return memory_of(family(pid))


def memory_of(pids: list[int]) -> float:
    """Megabytes of these processes together."""
    kilobytes = 0
    for one in pids:
        lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes / 1024
