// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/tokenizer/PreTokenizer.h"

#include "runtime/Error.h"
#include "runtime/tokenizer/ByteAlphabet.h"
#include "runtime/tokenizer/Unicode.h"
#include "runtime/tokenizer/Utf8.h"

#include <algorithm>
#include <fmt/format.h>

namespace attune::tokenizer {

namespace {

// Gathers the matches of a delimiter, and what lies between them, into pieces.
class Splitter {
public:
  Splitter(Piece whole, SplitBehavior behavior, bool inverted, std::vector<Piece> &out)
      : whole(whole), behavior(behavior), inverted(inverted), out(out), firstPiece(out.size()) {}

  void match(size_t begin, size_t end) {
    if (begin != position)
      add(position, begin, inverted);
    add(begin, end, !inverted);
    position = end;
  }

  void finish() {
    if (position != whole.text.size())
      add(position, whole.text.size(), inverted);
    out.erase(std::remove_if(out.begin() + static_cast<std::ptrdiff_t>(firstPiece), out.end(),
                             [](const Piece &piece) { return piece.text.empty(); }),
              out.end());
  }

private:
  void add(size_t begin, size_t end, bool isDelimiter) {
    bool extend = false;
    switch (behavior) {
    case SplitBehavior::Removed:
      if (isDelimiter)
        return;
      break;
    case SplitBehavior::Isolated:
      break;
    case SplitBehavior::Contiguous:
      extend = isDelimiter == previous;
      break;
    case SplitBehavior::MergedWithPrevious:
      extend = isDelimiter && !previous;
      break;
    case SplitBehavior::MergedWithNext:
      extend = !isDelimiter && previous;
      break;
    }
    previous = isDelimiter;
    if (extend && out.size() > firstPiece) {
      std::string_view &last = out.back().text;
      last = {last.data(), last.size() + (end - begin)};
    } else {
      out.push_back({whole.text.substr(begin, end - begin), whole.atStart && begin == 0});
    }
  }

  Piece whole;
  SplitBehavior behavior;
  bool inverted;
  std::vector<Piece> &out;
  size_t firstPiece;
  size_t position = 0;
  bool previous = false;
};

} // namespace

// Each character for which `isDelimiter(codePoint)` holds is one delimiter.
template <typename Predicate>
static void splitAtCharacters(Piece piece, Splitter splitter, Predicate isDelimiter) {
  forEachCharacter(piece.text, [&](uint32_t c, size_t position, size_t length) {
    if (isDelimiter(c))
      splitter.match(position, position + length);
  });
  splitter.finish();
}

static void splitAtString(Piece piece, std::string_view what, Splitter splitter) {
  for (size_t at = 0; (at = piece.text.find(what, at)) != std::string_view::npos; at += what.size())
    splitter.match(at, at + what.size());
  splitter.finish();
}

// \w+|[^\w\s]+
static void splitWords(Piece piece, std::vector<Piece> &out) {
  enum Class { Space, Word, Other };
  Class current = Space;
  size_t begin = 0;
  auto close = [&](size_t end) {
    if (current != Space)
      out.push_back({piece.text.substr(begin, end - begin), piece.atStart && begin == 0});
  };
  forEachCharacter(piece.text, [&](uint32_t c, size_t position, size_t) {
    Class next = isWordCharacter(c) ? Word : isWhiteSpace(c) ? Space : Other;
    if (next == current)
      return;
    close(position);
    current = next;
    begin = position;
  });
  close(piece.text.size());
}

static void applyMetaspace(const Step &step, Piece piece, Arena &arena, std::vector<Piece> &out) {
  std::string_view replacement = step.string(0);
  auto scheme = static_cast<PrependScheme>(step.integer(0));
  std::string &text = arena.emplace_back();
  text.reserve(piece.text.size() * 3 / 2);
  for (char c : piece.text) {
    if (c == ' ')
      text += replacement;
    else
      text += c;
  }
  bool prepends = scheme == PrependScheme::Always || (scheme == PrependScheme::First && piece.atStart);
  if (prepends && !text.starts_with(replacement))
    text.insert(0, replacement);
  Piece whole{text, piece.atStart};
  if (step.flags & 1)
    splitAtString(whole, replacement, Splitter(whole, SplitBehavior::MergedWithNext, false, out));
  else
    out.push_back(whole);
}

PreTokenizer::PreTokenizer(const std::vector<Step> &list) {
  for (const Step &step : list) {
    Compiled compiled{step, nullptr};
    switch (step.kind) {
    case StepKind::SplitRegex:
      step.integer(0);
      compiled.regex = std::make_shared<Regex>(step.string(0));
      break;
    case StepKind::SplitString:
    case StepKind::Metaspace:
      step.integer(0);
      if (step.string(0).empty())
        throw Error("tokenizer: a pre-tokenizer that looks for an empty text");
      break;
    case StepKind::SplitDigits:
    case StepKind::SplitPunctuation:
    case StepKind::SplitSpace:
      step.integer(0);
      break;
    case StepKind::SplitWords:
    case StepKind::PrefixSpace:
    case StepKind::MapBytesOfPieces:
      break;
    default:
      throw Error(fmt::format("tokenizer: step {} is no pre-tokenizer", static_cast<uint32_t>(step.kind)));
    }
    steps.push_back(std::move(compiled));
  }
}

void PreTokenizer::applyStep(const Compiled &compiled, Piece piece, Arena &arena, std::vector<Piece> &out) {
  const Step &step = compiled.step;
  auto behavior =
      step.integers.empty() ? SplitBehavior::Isolated : static_cast<SplitBehavior>(step.integers[0]);
  Splitter splitter(piece, behavior, step.flags & 1, out);
  switch (step.kind) {
  case StepKind::SplitRegex:
    compiled.regex->forEachMatch(piece.text, [&](size_t begin, size_t end) { splitter.match(begin, end); });
    return splitter.finish();
  case StepKind::SplitString:
    return splitAtString(piece, step.string(0), splitter);
  case StepKind::SplitDigits:
    return splitAtCharacters(piece, splitter, isNumeric);
  case StepKind::SplitPunctuation:
    return splitAtCharacters(piece, splitter, isPunctuation);
  case StepKind::SplitSpace:
    return splitAtCharacters(piece, splitter, isWhiteSpace);
  case StepKind::SplitWords:
    return splitWords(piece, out);
  case StepKind::PrefixSpace:
    if (!piece.text.starts_with(' '))
      piece.text = arena.emplace_back(" " + std::string(piece.text));
    out.push_back(piece);
    return;
  case StepKind::Metaspace:
    return applyMetaspace(step, piece, arena, out);
  case StepKind::MapBytesOfPieces:
    piece.text = arena.emplace_back(mapBytes(piece.text));
    out.push_back(piece);
    return;
  default:
    return;
  }
}

std::vector<Piece> PreTokenizer::apply(Piece whole, Arena &arena) const {
  std::vector<Piece> pieces, next;
  if (!whole.text.empty())
    pieces.push_back(whole);
  for (const Compiled &compiled : steps) {
    next.clear();
    for (Piece piece : pieces)
      applyStep(compiled, piece, arena, next);
    std::swap(pieces, next);
  }
  return pieces;
}

} // namespace attune::tokenizer
