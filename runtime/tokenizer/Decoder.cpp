// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tokenizer/Decoder.h"

#include "runtime/Error.h"
#include "runtime/tokenizer/ByteAlphabet.h"
#include "runtime/tokenizer/Utf8.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace attune::tokenizer {

static std::string replaceAll(std::string_view text, std::string_view what, std::string_view by) {
  std::string out;
  size_t position = 0;
  for (size_t found; (found = text.find(what, position)) != std::string_view::npos;
       position = found + what.size()) {
    out += text.substr(position, found - position);
    out += by;
  }
  out += text.substr(position);
  return out;
}

static void checkStep(const Step &step) {
  switch (step.kind) {
  case StepKind::DecodeByteLevel:
  case StepKind::DecodeByteFallback:
  case StepKind::DecodeFuse:
  case StepKind::DecodeJoin:
    return;
  case StepKind::DecodeStrip:
    if (step.integer(0) < 0 || step.integer(1) < 0)
      throw Error("tokenizer: a decoder strips a negative number of characters");
    [[fallthrough]];
  case StepKind::DecodeWordPiece:
  case StepKind::DecodeMetaspace:
  case StepKind::DecodeSuffix:
    if (step.string(0).empty())
      throw Error("tokenizer: a decoder looks for an empty text");
    return;
  case StepKind::DecodeReplace:
    if (step.string(0).empty())
      throw Error("tokenizer: a decoder replaces an empty text");
    step.string(1);
    return;
  default:
    throw Error(fmt::format("tokenizer: step {} is no decoder", static_cast<uint32_t>(step.kind)));
  }
}

Decoder::Decoder(const std::vector<Step> &list) {
  bool fused = false;
  for (const Step &step : list) {
    checkStep(step);
    steps.push_back({step, fused});
    fused |= step.kind == StepKind::DecodeFuse || step.kind == StepKind::DecodeByteLevel;
  }
  // A stage behind that looks at whole tokens wants a run of byte tokens as one.
  for (size_t i = 0; i + 1 < steps.size(); ++i)
    steps[i].splits = steps[i + 1].fused || steps[i + 1].step.kind == StepKind::DecodeFuse;
}

// One stage more than steps: the last one holds back characters that are not whole.
Decoder::State Decoder::start() const { return State{std::vector<State::Stage>(steps.size() + 1)}; }

void Decoder::push(std::string_view token, State &state, std::string &out) const {
  feed(0, token, state, out);
}

void Decoder::finish(State &state, std::string &out) const { end(0, state, out); }

// The tidying of English text that goes with WordPiece, within one token.
static std::string cleanUp(std::string text) {
  static constexpr std::pair<std::string_view, std::string_view> Rules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (auto [what, by] : Rules)
    text = replaceAll(text, what, by);
  return text;
}

void Decoder::feed(size_t index, std::string_view text, State &state, std::string &out) const {
  if (index == steps.size())
    return feedOutput(text, state, out);
  const Step &step = steps[index].step;
  State::Stage &stage = state.stages[index];
  bool first = stage.tokens++ == 0;
  switch (step.kind) {
  case StepKind::DecodeByteLevel: {
    std::string bytes;
    appendMappedBytes(bytes, text);
    return feed(index + 1, bytes, state, out);
  }
  case StepKind::DecodeWordPiece: {
    std::string word;
    if (first)
      word = text;
    else if (text.starts_with(step.string(0)))
      word = text.substr(step.string(0).size());
    else
      word = " " + std::string(text);
    return feed(index + 1, step.flags & 1 ? cleanUp(std::move(word)) : word, state, out);
  }
  case StepKind::DecodeMetaspace:
    return feed(index + 1, replaceAll(text, step.string(0), first && (step.flags & 1) ? "" : " "), state,
                out);
  case StepKind::DecodeJoin:
    if (!first)
      feed(index + 1, " ", state, out);
    return feed(index + 1, text, state, out);
  case StepKind::DecodeSuffix: // the last token's suffix stands for nothing
    if (!first)
      feed(index + 1, replaceAll(stage.pending, step.string(0), " "), state, out);
    stage.pending = text;
    return;
  case StepKind::DecodeByteFallback:
    return feedByteFallback(index, text, state, out);
  case StepKind::DecodeStrip:
    return feedStrip(index, text, state, out);
  case StepKind::DecodeReplace:
    return feedReplace(index, text, state, out);
  default: // DecodeFuse: the stages behind it know
    return feed(index + 1, text, state, out);
  }
}

// Each byte that belongs to no character becomes one U+FFFD.
static std::string charactersOf(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    Utf8Character c = firstCharacter(bytes);
    bool valid = c.status == Utf8Status::Valid;
    out += valid ? bytes.substr(0, c.length) : ReplacementCharacter;
    bytes.remove_prefix(valid ? c.length : 1);
  }
  return out;
}

void Decoder::end(size_t index, State &state, std::string &out) const {
  if (index == steps.size()) {
    out += repairUtf8(state.stages[index].pending);
    state.stages[index].pending.clear();
    return;
  }
  const Step &step = steps[index].step;
  State::Stage &stage = state.stages[index];
  std::string rest = std::move(stage.pending);
  stage.pending.clear();
  if (step.kind == StepKind::DecodeByteFallback && !rest.empty()) {
    feed(index + 1, charactersOf(rest), state, out);
  } else if (step.kind == StepKind::DecodeSuffix && stage.tokens > 0) {
    feed(index + 1, replaceAll(rest, step.string(0), ""), state, out);
  } else if (step.kind == StepKind::DecodeReplace && !rest.empty()) {
    feed(index + 1, rest, state, out);
  } // What a stripping stage holds back is to be stripped.
  end(index + 1, state, out);
}

// The byte of a token like <0x0A>, or -1.
static int byteOf(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>')
    return -1;
  auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
  };
  int high = digit(token[3]), low = digit(token[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// The length of the bytes in front that later ones cannot change any more.
static size_t certainLength(std::string_view bytes) {
  for (size_t length = 0; length < bytes.size();) {
    Utf8Character c = firstCharacter(bytes.substr(length));
    if (c.status == Utf8Status::Incomplete)
      return length;
    length += c.status == Utf8Status::Valid ? c.length : 1;
  }
  return bytes.size();
}

void Decoder::feedByteFallback(size_t index, std::string_view token, State &state, std::string &out) const {
  std::string &pending = state.stages[index].pending;
  int byte = byteOf(token);
  if (byte >= 0)
    pending += static_cast<char>(byte);
  size_t certain = byte < 0 ? pending.size() : steps[index].splits ? certainLength(pending) : 0;
  if (certain > 0) {
    std::string characters = charactersOf(std::string_view(pending).substr(0, certain));
    pending.erase(0, certain);
    feed(index + 1, characters, state, out);
  }
  if (byte < 0)
    feed(index + 1, token, state, out);
}

static size_t countFromLeft(std::string_view text, std::string_view what, size_t limit) {
  size_t count = 0;
  while (count < limit && text.substr(count * what.size()).starts_with(what))
    ++count;
  return count;
}

static size_t countFromRight(std::string_view text, std::string_view what, size_t limit) {
  size_t count = 0;
  while (count < limit && text.substr(0, text.size() - count * what.size()).ends_with(what))
    ++count;
  return count;
}

void Decoder::feedStrip(size_t index, std::string_view text, State &state, std::string &out) const {
  const Step &step = steps[index].step;
  std::string_view what = step.string(0);
  auto left = static_cast<size_t>(step.integer(0)), right = static_cast<size_t>(step.integer(1));
  if (!steps[index].fused) {
    text.remove_prefix(countFromLeft(text, what, left) * what.size());
    text.remove_suffix(countFromRight(text, what, right) * what.size());
    return feed(index + 1, text, state, out);
  }
  State::Stage &stage = state.stages[index];
  std::string whole = std::move(stage.pending);
  whole += text;
  std::string_view rest = whole;
  if (stage.stripping) {
    size_t count = countFromLeft(rest, what, left - stage.stripped);
    rest.remove_prefix(count * what.size());
    stage.stripped += count;
    stage.stripping = rest.empty() && stage.stripped < left;
  }
  size_t held = countFromRight(rest, what, right) * what.size();
  std::string passed(rest.substr(0, rest.size() - held));
  stage.pending = rest.substr(rest.size() - held);
  if (!passed.empty())
    feed(index + 1, passed, state, out);
}

void Decoder::feedReplace(size_t index, std::string_view text, State &state, std::string &out) const {
  const Step &step = steps[index].step;
  std::string_view what = step.string(0);
  if (!steps[index].fused)
    return feed(index + 1, replaceAll(text, what, step.string(1)), state, out);
  // The text to be replaced may go on in the next part.
  std::string &pending = state.stages[index].pending;
  std::string whole = std::move(pending);
  whole += text;
  std::string result;
  size_t position = 0;
  for (size_t found; (found = whole.find(what, position)) != std::string::npos;
       position = found + what.size()) {
    result += whole.substr(position, found - position);
    result += step.string(1);
  }
  size_t held = std::min(what.size() - 1, whole.size() - position);
  while (held > 0 && !what.starts_with(std::string_view(whole).substr(whole.size() - held)))
    --held;
  result += whole.substr(position, whole.size() - held - position);
  pending = whole.substr(whole.size() - held);
  if (!result.empty())
    feed(index + 1, result, state, out);
}

void Decoder::feedOutput(std::string_view text, State &state, std::string &out) const {
  std::string &pending = state.stages.back().pending;
  if (pending.empty() && isValidUtf8(text)) {
    out += text;
    return;
  }
  pending += text;
  std::string_view rest = pending;
  while (!rest.empty()) {
    Utf8Character c = firstCharacter(rest);
    if (c.status == Utf8Status::Incomplete)
      break;
    out += c.status == Utf8Status::Valid ? rest.substr(0, c.length) : ReplacementCharacter;
    rest.remove_prefix(c.length);
  }
  pending = std::string(rest);
}

} // namespace attune::tokenizer
