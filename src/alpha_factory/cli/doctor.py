"""`alpha-factory doctor`: what this machine has, what is missing, and the command that fixes it."""

import importlib.metadata
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rich.console import Console
from rich.table import Table

from alpha_factory.cli import cache, output

DISTRIBUTION = "alpha-factory"
MEMORY_GB = 2.0  # a demo run's arrays and compiler fit with room to spare
DISK_GB = 1.0  # a demo run's checkpoints, report and compilation cache


@dataclass(frozen=True)
class Doctor:
    """Show versions, devices, cores and memory, and what is missing with the command that fixes it.

    Exits 1 when it found a problem.

    Example: alpha-factory doctor --json
    """

    json: output.Switch = False
    """Print the findings as one JSON object."""

    def __call__(self) -> int:
        """Print the findings."""
        with output.quiet_stdout():
            findings = examine()
        if self.json:
            output.print_json(findings)
        else:
            print_findings(findings, output.stdout_console())
        return 1 if findings["problems"] else 0


def examine() -> dict[str, Any]:
    """What `doctor --json` prints. Looks only; nothing is changed."""
    extras, problems = find_extras()
    version, devices, jax_problems = find_devices()
    memory_gb = find_memory_gb()
    problems += jax_problems
    if version is not None:  # methods are made of it
        problems += find_broken_methods()
    if memory_gb is not None and memory_gb < MEMORY_GB:
        problems.append(
            {
                "what": f"{memory_gb:.1f} GB of memory, less than the {MEMORY_GB:g} GB of a demo run",
                "fix": "close other programs, or use a larger machine",
            }
        )
    problems += check_disk(Path.cwd())
    problems += check_cache(cache.cache_folder(os.environ))
    return {
        "python": platform.python_version(),
        "jax": version,
        "devices": devices,
        "cores": count_cores(),
        "memory_gb": memory_gb,
        "extras": extras,
        "problems": problems,
    }


def find_extras() -> tuple[dict[str, dict[str, Any]], list[dict[str, str]]]:
    """Each optional extra with what it lacks, and a problem for each core dependency that is missing or too old."""
    try:
        metadata = importlib.metadata.metadata(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        unknown = {
            "what": f"{DISTRIBUTION} runs from a folder that was not installed; bundled methods are not found",
            "fix": "pip install --editable .",
        }
        return {}, [unknown]
    extras = {}
    for extra in sorted(metadata.get_all("Provides-Extra") or ()):
        missing = sorted(set(missing_requirements(DISTRIBUTION, extra)))
        extras[extra] = {"installed": not missing, "missing": missing}
    problems = [
        {"what": f"{missing} is not installed", "fix": f"pip install '{missing}'"}
        for missing in sorted(set(missing_requirements(DISTRIBUTION, "")))
    ]
    return extras, problems


def find_broken_methods() -> list[dict[str, str]]:
    """A problem for each installed method that fails to load; all else works without it."""
    from alpha_factory.runs.resolve import list_failed

    fix = "mend or uninstall the package that brings it; it is left out until then"
    return [{"what": f"a method fails to load: {fault}", "fix": fix} for fault in list_failed()]


def missing_requirements(distribution: str, extra: str) -> Iterator[str]:
    """Requirements of a distribution's `extra` ("" for its core) that this environment doesn't meet."""
    for line in importlib.metadata.requires(distribution) or ():
        need = Requirement(line)
        # With no extra named, a marker on one is false: those are the core's own requirements.
        is_core = need.marker is None or need.marker.evaluate({"extra": ""})
        if need.marker is not None and not need.marker.evaluate({"extra": extra}):
            continue
        if extra and is_core:
            continue
        specifier = f"{canonicalize_name(need.name)}{need.specifier}"
        try:
            installed = importlib.metadata.version(need.name)
        except importlib.metadata.PackageNotFoundError:
            yield specifier
            continue
        if not need.specifier.contains(installed, prereleases=True):
            yield specifier
        for inner in sorted(need.extras):
            yield from missing_requirements(need.name, inner)


def find_devices() -> tuple[str | None, list[str], list[dict[str, str]]]:
    """JAX's version, its devices in words, and what is wrong with them."""
    try:
        import jax

        devices = [
            f"{device.platform}:{device.id} {device.device_kind}" for device in jax.devices()
        ]
    except (ImportError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        broken = {
            "what": f"JAX does not start: {reason}",
            "fix": "pip install --upgrade --force-reinstall jax jaxlib",
        }
        return None, [], [broken]
    problems = []
    if Path("/proc/driver/nvidia/version").exists() and jax.default_backend() == "cpu":
        problems.append(
            {
                "what": "this machine has an NVIDIA GPU that JAX does not use",
                "fix": f"pip install '{DISTRIBUTION}[cuda]'",
            }
        )
    return jax.__version__, devices, problems


def count_cores() -> int:
    """Cores that this process may use, which on a shared machine are fewer than it has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def find_memory_gb() -> float | None:
    """The machine's memory in GB of 10⁹ bytes; None where the system doesn't say."""
    try:
        memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    return round(memory_bytes / 1e9, 1)


def check_disk(directory: Path) -> list[dict[str, str]]:
    """A problem if runs started in `directory` would soon fill the disk."""
    free_gb = shutil.disk_usage(directory).free / 1e9
    if free_gb >= DISK_GB:
        return []
    return [
        {
            "what": f"{free_gb:.1f} GB free in {directory}, less than the {DISK_GB:g} GB of a run",
            "fix": "remove old directories under runs/, or give --out on another disk",
        }
    ]


def check_cache(folder: Path | None) -> list[dict[str, str]]:
    """A problem if compiled programs can't be kept in `folder`, so that every start compiles anew."""
    fix = "set JAX_COMPILATION_CACHE_DIR to a folder that you may write"
    if folder is None:
        return [{"what": "there is no home directory to keep compiled programs in", "fix": fix}]
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if os.access(existing, os.W_OK):
        return []
    return [{"what": f"compiled programs can't be kept: {existing} is not writable", "fix": fix}]


def print_findings(findings: Mapping[str, Any], console: Console) -> None:
    """Print the findings for people."""
    table = Table(show_header=False)
    table.add_row("Python", findings["python"])
    table.add_row("JAX", findings["jax"] or "does not start")
    table.add_row("devices", "\n".join(findings["devices"]) or "none")
    table.add_row("cores", str(findings["cores"]))
    memory_gb = findings["memory_gb"]
    table.add_row("memory", "unknown" if memory_gb is None else f"{memory_gb:.1f} GB")
    for extra, state in findings["extras"].items():
        lacks = ", ".join(state["missing"])
        table.add_row(f"extra {extra}", "installed" if state["installed"] else f"lacks {lacks}")
    console.print(table)
    for problem in findings["problems"]:
        console.print(f"Problem: {problem['what']}.", style="red", markup=False, soft_wrap=True)
        console.print(f"    Fix: {problem['fix']}", markup=False, soft_wrap=True)
    if not findings["problems"]:
        console.print("No problems found.")
