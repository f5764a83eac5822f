# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How lit runs test/**/*.mlir: with the tools of one build and LLVM's FileCheck and not on PATH."""

import os

import lit.formats

config.name = "Attune"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.excludes = ["Inputs", "oracle", "unit", "fuzz"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.attune_binary_dir, "test")
config.environment["PATH"] = os.pathsep.join([
    os.path.join(config.attune_binary_dir, "bin"),
    config.llvm_tools_dir,
    config.environment["PATH"],
])
# LLVM's shared libraries are not instrumented: custom poisoning of its allocators gives false reports.
config.environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "allow_user_poisoning=0")
config.substitutions.append(("%attune_source", config.attune_source_dir))
config.substitutions.append(("%attune_include", " ".join("-I " + path for path in config.attune_tablegen_includes)))
