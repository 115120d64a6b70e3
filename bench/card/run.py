#!/usr/bin/env python3
"""Checks a graphics card with what lies beside this file: Node, Dawn, this project's code, Vulkan's loader.

  python3 run.py [section ...] [--quick] [--results results.jsonl] [--budget SECONDS] [--limit NAME=SECONDS]

Needs Python 3.9 or newer, with its standard library alone, on Linux for x64. Sections run one after another, each in a
process group of its own, which ends at the section's limit. Rows are added to the results as they come. --quick takes
small sizes, and lavapipe where it is found. VK_ICD_FILENAMES names another driver. Exits 1 when a section failed.
"""

import argparse
import ctypes
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
# What a driver needs to be found, in the order in which they need each other.
LIBRARIES_FIRST = ["libGLdispatch", "libmd", "libbsd", "libXau", "libXdmcp", "libxcb", "libX11", "libXext"]
ICD_FOLDERS = [
    "/usr/share/vulkan/icd.d",
    "/etc/vulkan/icd.d",
    "/usr/local/share/vulkan/icd.d",
    "/usr/local/etc/vulkan/icd.d",
    "/usr/local/nvidia/share/vulkan/icd.d",
    "/usr/local/nvidia/vulkan/icd.d",
    "/run/opengl-driver/share/vulkan/icd.d",
]
NVIDIA_LIBRARIES = ["libGLX_nvidia.so.0", "libEGL_nvidia.so.0"]
LIBRARY_FOLDERS = ["/usr/local/nvidia/lib64", "/usr/local/nvidia/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"]


def main():
    table = json.loads((HERE / "sections.json").read_text())
    limits = {section["name"]: section["limit"] for section in table["sections"]}
    options = read_options(table, limits)
    results = Path(options.results).resolve()
    place = unpack()
    environment = make_environment(place, options.quick, results)
    names = options.sections or [section["name"] for section in table["sections"] if not section.get("hidden")]
    begun = time.monotonic()
    rows = []
    for name in names:
        left = options.budget - (time.monotonic() - begun)
        if left < 1:
            row = {"status": "skipped", "reason": "no time left"}
        else:
            command = [str(place / "node"), str(place / "section.mjs"), name] + (["--quick"] if options.quick else [])
            row = run_section(command, min(limits[name], left), environment, results)
        row = {"section": name, **row}
        add(results, row)
        rows.append(row)
    print()
    for row in rows:
        took = f"{row['seconds']:.1f} s" if "seconds" in row else ""
        print(f"{row['section']:<14} {row['status']:<10} {took:>8}  {row.get('reason', '')}".rstrip())
    sys.exit(1 if any(row["status"] in ("failed", "timed out") for row in rows) else 0)


def read_options(table, limits):
    parser = argparse.ArgumentParser(
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=(__doc__ or "").split("\n")[0],
        epilog="sections, with their limits:\n"
        + "\n".join(f"  {each['name']:<12} {each['limit']:>4} s  {each['answers']}" for each in table["sections"]),
    )
    parser.add_argument("sections", nargs="*", metavar="section", help="what to run (default: all, in this order)")
    parser.add_argument("--quick", action="store_true", help="small sizes, in software where lavapipe is found")
    parser.add_argument("--results", default="results.jsonl", help="file that rows are added to (default: %(default)s)")
    parser.add_argument("--budget", type=float, default=table["budget"], help="seconds for all (default: %(default)s)")
    parser.add_argument("--limit", action="append", default=[], metavar="NAME=SECONDS", help="another limit")
    options = parser.parse_args()
    for name in options.sections:
        if name not in limits:
            parser.error(f"there is no section {name}: expected {', '.join(limits)}")
    for text in options.limit:
        name, _, seconds = text.partition("=")
        if name not in limits:
            parser.error(f"--limit {text}: expected NAME=SECONDS with one of {', '.join(limits)}")
        try:
            limits[name] = float(seconds)
        except ValueError:
            parser.error(f"--limit {text}: expected NAME=SECONDS")
    return options


def unpack():
    """Unpacks the parts once, beside this file where that can be written, and gives the folder."""
    parts = sorted(HERE.glob("*.tar.xz"))
    if not parts:
        sys.exit(f"{HERE} has no *.tar.xz: build the folder with `npm run card` and take it whole")
    stamp = "".join(f"{part.name} {part.stat().st_size}\n" for part in parts)
    for folder in (HERE / "unpacked", Path(tempfile.gettempdir()) / f"lllite-card-{os.getuid()}"):
        marker = folder / "unpacked-from"
        if marker.exists() and marker.read_text() == stamp:
            return folder
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        except OSError:
            continue
        since = time.monotonic()
        for part in parts:
            unpack_part(part, folder)
        marker.write_text(stamp)
        print(f"unpacked to {folder} in {time.monotonic() - since:.1f} s", file=sys.stderr)
        return folder
    sys.exit(f"neither {HERE} nor {tempfile.gettempdir()} can be written")


def unpack_part(part, folder):
    try:
        import lzma
    except ImportError:
        sys.exit("this Python has no lzma module: use another Python 3, for example the system's /usr/bin/python3")
    with tarfile.open(part, "r:xz") as archive:
        # The filter is there from Python 3.12 on, and in the later releases of older ones.
        archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))


def make_environment(place, quick, results):
    environment = dict(os.environ)
    environment.setdefault("HOME", str(place))
    driver = environment.get("VK_DRIVER_FILES") or environment.get("VK_ICD_FILENAMES") or find_driver(place, quick, environment)
    print(f"Vulkan driver: {driver or 'the one that the loader finds'}", file=sys.stderr)
    libraries = [str(carried_libraries(place))]
    if driver is not None:
        environment["VK_ICD_FILENAMES"] = driver
        # scripts/lavapipe.sh puts there what lavapipe needs.
        libraries.append(str(Path(driver).parent / "lib"))
    inherited = environment.get("LD_LIBRARY_PATH", "")
    libraries += [folder for folder in LIBRARY_FOLDERS[:2] if os.path.isdir(folder)]
    egl = "/usr/local/nvidia/share/glvnd/egl_vendor.d/10_nvidia.json"
    if os.path.exists(egl):
        environment.setdefault("__EGL_VENDOR_LIBRARY_FILENAMES", egl)
    environment["LD_LIBRARY_PATH"] = ":".join([*filter(None, [inherited]), *libraries])
    # PyTorch gets the path as it was.
    environment["LLLITE_CARD_SYSTEM_LIBRARIES"] = inherited
    environment["LLLITE_CARD_RESULTS"] = str(results)
    environment["LLLITE_CARD_PYTHON"] = sys.executable
    environment["LLLITE_CARD_SITE"] = str(place / "site")
    # Beside a checkout, its tiny model replaces the shortened one of the folder.
    whole = HERE.parent / "packages" / "tiny" / "model" / "tiny-sdxl.safetensors"
    if whole.is_file():
        environment.setdefault("LLLITE_CARD_TINY", str(whole))
    # Shaders and tiles that were found stay for the next section, and nothing is left in the home folder.
    environment.setdefault("MESA_SHADER_CACHE_DIR", str(place / "shaders"))
    environment["XDG_CACHE_HOME"] = str(place / "cache")
    return environment


def find_driver(place, quick, environment):
    """The description of the Vulkan driver to take; None where the loader is to find it."""
    cache = Path(environment.get("XDG_CACHE_HOME") or Path(environment["HOME"]) / ".cache")
    found = [path for folder in ICD_FOLDERS for path in sorted(glob.glob(f"{folder}/*.json"))]
    software = [str(cache / "lllite/lavapipe/lvp_icd.json"), *(path for path in found if "lvp_icd" in path)]
    software = [path for path in software if os.path.exists(path)]
    if quick and software:
        return software[0]
    nvidia = [path for path in found if "nvidia" in path] or made_description(place)
    # The loader itself finds the drivers of others.
    return nvidia[0] if nvidia else None


def made_description(place):
    """A description of NVIDIA's driver where its library is there and its own description is not."""
    for library in NVIDIA_LIBRARIES:
        paths = [path for folder in LIBRARY_FOLDERS if os.path.exists(path := f"{folder}/{library}")]
        if not paths:
            continue
        description = place / "nvidia_icd.json"
        icd = {"library_path": paths[0], "api_version": "1.3.0"}
        description.write_text(json.dumps({"file_format_version": "1.0.0", "ICD": icd}))
        return [str(description)]
    return []


def carried_libraries(place):
    """A folder with those of the carried libraries that this system lacks."""
    used = place / "libraries-used"
    shutil.rmtree(used, ignore_errors=True)
    used.mkdir()
    carried = sorted((place / "lib").glob("*.so*"), key=lambda path: (rank(path.name), path.name))
    for library in carried:
        try:
            ctypes.CDLL(library.name)
        except OSError:
            (used / library.name).symlink_to(library)
    return used


def rank(name):
    stem = name.split(".")[0]
    return LIBRARIES_FIRST.index(stem) if stem in LIBRARIES_FIRST else len(LIBRARIES_FIRST)


def run_section(command, limit, environment, results):
    size = results.stat().st_size if results.exists() else 0
    since = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)
    reason = None
    try:
        code = child.wait(limit)
    except subprocess.TimeoutExpired:
        reason = f"stopped at {limit:.4g} s"
    finally:
        # What the section started ends with it.
        end(child)
    seconds = round(time.monotonic() - since, 2)
    if reason is not None:
        return {"status": "timed out", "seconds": seconds, "reason": reason}
    rows = rows_of(results, size)
    if code != 0:
        said = next((str(row["error"]).split("\n")[0] for row in rows if "error" in row), None)
        ended = f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return {"status": "failed", "seconds": seconds, "reason": said or ended}
    skipped = next((row["skipped"] for row in rows if "skipped" in row), None)
    if skipped is not None:
        return {"status": "skipped", "seconds": seconds, "reason": skipped}
    return {"status": "ok", "seconds": seconds}


def end(child):
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


def rows_of(results, start):
    if not results.exists():
        return []
    rows = []
    for line in results.read_bytes()[start:].decode(errors="replace").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue  # A section that crashed may have left a part of a row.
        if isinstance(row, dict):
            rows.append(row)
    return rows


def add(results, row):
    line = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    # A row begins a line, also after a part of a row.
    before = results.read_bytes() if results.exists() else b""
    is_cut = before != b"" and not before.endswith(b"\n")
    with open(results, "a") as file:
        file.write(("\n" if is_cut else "") + line + "\n")
    print(line, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
