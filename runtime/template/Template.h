// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/template/Value.h"

#include <ctime>
#include <optional>
#include <string>

namespace attune::jinja {

struct RenderOptions {
  /// What strftime_now() tells; the machine's local time if not set.
  std::optional<std::tm> now;
  /// Work that a template may do: about one step for each expression evaluated and each element or 32 bytes
  /// made.
  uint64_t maxSteps = 20'000'000;
};

struct Program;

/// A chat template in the language Jinja, as the Python package transformers renders them: trim_blocks and
/// lstrip_blocks on, an immutable sandbox, loop controls, the functions raise_exception and strftime_now, and
/// a `tojson` without HTML escapes. What is not supported is an error that names it.
///
/// Errors are attune::Error: "NAME:LINE:COLUMN: MESSAGE". Work, memory and depth are limited, so that a
/// hostile template ends in an error too.
class Template {
public:
  /// `name` is for messages: a file's name, say. Throws on text that is no template.
  static Template parse(std::string_view source, std::string name);

  /// `context` is a dict of the variables: messages, tools, add_generation_prompt, bos_token … Throws on what
  /// the template raises and on operations that Python refuses.
  std::string render(const Value &context, const RenderOptions &options = {}) const;

private:
  std::shared_ptr<const Program> program;
};

} // namespace attune::jinja
