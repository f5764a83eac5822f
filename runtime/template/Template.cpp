// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/template/Template.h"

#include "runtime/Error.h"
#include "runtime/template/Evaluator.h"
#include "runtime/template/Parser.h"
#include "runtime/template/Strings.h"

#include <fmt/format.h>

namespace attune::jinja {

struct Program {
  std::string name;
  std::string source;
  Body body;
};

Template Template::parse(std::string_view text, std::string name) {
  constexpr size_t MaxBytes = size_t(8) << 20;
  if (text.size() > MaxBytes)
    throw Error(fmt::format("{}: a template of {} bytes, expected at most {}", name, text.size(), MaxBytes));
  if (!isValidUtf8(text))
    throw Error(fmt::format("{}: the template is not valid UTF-8", name));
  auto program = std::make_shared<Program>();
  program->name = std::move(name);
  program->source = normalizeSource(text);
  try {
    program->body = Parser(tokenize(program->source)).parseTemplate();
  } catch (const SourceProblem &problem) {
    throw Error(describePlace(program->name, program->source, problem.offset, problem.message));
  }
  Template result;
  result.program = std::move(program);
  return result;
}

std::string Template::render(const Value &context, const RenderOptions &options) const {
  if (!context.is(Kind::Dict))
    throw Error(fmt::format("{}: the context is a {}, expected a dict", program->name, context.typeName()));
  return Evaluator(program->source, program->name, context.asDict(), options).render(program->body);
}

} // namespace attune::jinja
