// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Error.h"
#include "runtime/cli/Commands.h"
#include "runtime/cli/Table.h"
#include "runtime/cli/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

using namespace attune;
using namespace attune::cli;
using nlohmann::json;

namespace {

/// Calls `use(line, number)` for each line of stdin.
template <typename Use> void forEachLine(Use use) {
  char *buffer = nullptr;
  size_t capacity = 0;
  ssize_t length;
  for (size_t number = 1; (length = getline(&buffer, &capacity, stdin)) >= 0; ++number) {
    std::string line(buffer, static_cast<size_t>(length));
    if (line.find_first_not_of(" \t\r\n") != std::string::npos)
      use(line, number);
  }
  free(buffer);
}

std::string decodeLine(const Tokenizer &tokenizer, const std::string &line, size_t number, bool skipSpecial) {
  json ids = json::parse(line, nullptr, false);
  auto isId = [](const json &id) { return id.is_number_integer() && id >= 0 && id <= INT32_MAX; };
  if (!ids.is_array() || !std::ranges::all_of(ids, isId))
    throw Error(fmt::format("line {}: expected a JSON list of ids", number));
  std::string text = tokenizer.decode(ids.get<std::vector<int32_t>>(), skipSpecial);
  return json(text).dump(-1, ' ', true, json::error_handler_t::replace);
}

std::string encodeLine(const Tokenizer &tokenizer, const std::string &line, size_t number, bool addSpecial) {
  json text = json::parse(line, nullptr, false);
  if (!text.is_string())
    throw Error(fmt::format("line {}: expected a JSON string", number));
  return json(tokenizer.encode(text.get<std::string>(), addSpecial)).dump();
}

void showTokens(const Tokenizer &tokenizer, const std::vector<int32_t> &ids) {
  using enum Table::Align;
  Table table({Right, Left, Left});
  table.add({"id", "token", "text"});
  for (int32_t id : ids)
    table.add({fmt::format("{}", id), std::string(tokenizer.token(id)),
               json(tokenizer.decode({&id, 1}, false)).dump()});
  cli::write(table.text());
}

} // namespace

void cli::Tokenize::run(Model &model, const Common &) {
  const Tokenizer &tokenizer = model.tokenizer();
  if (text && decode)
    return cli::write(decodeLine(tokenizer, *text, 1, skipSpecial) + "\n");
  if (text)
    return showTokens(tokenizer, tokenizer.encode(*text == "-" ? readAll("-") : *text, !noSpecial));
  if (!jsonl && !decode)
    throw Error("'tokenize' needs a text, or --jsonl or --decode to read lines from standard input");
  forEachLine([&](const std::string &line, size_t number) {
    cli::write((decode ? decodeLine(tokenizer, line, number, skipSpecial)
                       : encodeLine(tokenizer, line, number, !noSpecial)) +
               "\n");
  });
}
