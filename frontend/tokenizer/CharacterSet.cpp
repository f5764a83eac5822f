// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/tokenizer/CharacterSet.h"

#include "runtime/tokenizer/Regex.h"
#include "runtime/tokenizer/Utf8.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

namespace attune {

using llvm::StringRef;
using llvm::StringSwitch;

// PCRE2's own \s, \w and POSIX names mean a little more or less than Oniguruma's.
#define SPACE R"(\t-\r\x{85}\p{Z})"
#define WORD R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})"
#define HEX "0-9A-Fa-f"
// Superscripts and fractions of Latin-1: Oniguruma counts them as \w outside of brackets only.
#define LATIN_NUMBERS R"(\x{b2}\x{b3}\x{b9}\x{bc}-\x{be})"

static const char *const AnyCharacter = "(?s:.)";

std::string spellCharacter(uint32_t character) {
  std::string out;
  if (character >= 0x80)
    tokenizer::appendCharacter(out, character);
  else if (llvm::isAlnum(static_cast<char>(character)) || character == ' ')
    out = static_cast<char>(character);
  else if (llvm::isPrint(static_cast<char>(character)))
    out = {'\\', static_cast<char>(character)};
  else
    out = "\\x{" + llvm::utohexstr(character, /*LowerCase=*/true) + "}";
  return out;
}

void CharacterSet::add(uint32_t character) { items += spellCharacter(character); }

void CharacterSet::addRange(uint32_t first, uint32_t last) {
  items += spellCharacter(first) + "-" + spellCharacter(last);
}

void CharacterSet::add(const CharacterSet &other) {
  if (other.negated) {
    atoms.push_back(other.spelling());
    return;
  }
  items += other.items;
  atoms.insert(atoms.end(), other.atoms.begin(), other.atoms.end());
}

std::string CharacterSet::spelling() const {
  if (atoms.empty() && items.empty())
    return negated ? AnyCharacter : "(?:(?!))";
  if (atoms.empty())
    return (negated ? "[^" : "[") + items + "]";
  // PCRE2's brackets hold neither brackets nor complements.
  std::string all = llvm::join(atoms, "|");
  if (!items.empty())
    all = "[" + items + "]|" + all;
  return negated ? "(?:(?!" + all + ")" + AnyCharacter + ")" : "(?:" + all + ")";
}

CharacterSet CharacterSet::intersection(const std::vector<CharacterSet> &sets) {
  if (sets.size() == 1)
    return sets.front();
  std::string atom = "(?:";
  for (size_t i = 0; i < sets.size(); ++i)
    atom += i + 1 < sets.size() ? "(?=" + sets[i].spelling() + ")" : sets[i].spelling();
  return {"", {atom + ")"}};
}

std::optional<CharacterSet> shorthandSet(char letter, bool inBrackets) {
  const char *items = StringSwitch<const char *>(StringRef(&letter, 1).lower())
                          .Case("s", SPACE)
                          .Case("w", inBrackets ? WORD : WORD LATIN_NUMBERS)
                          .Case("d", R"(\p{Nd})")
                          .Case("h", HEX)
                          .Default(nullptr);
  if (!items)
    return std::nullopt;
  return CharacterSet{items, {}, llvm::isUpper(letter)};
}

std::optional<CharacterSet> posixSet(StringRef name) {
  if (name == "graph")
    return CharacterSet{SPACE R"(\p{Cc}\p{Cn}\p{Cs})", {}, true};
  if (name == "print")
    return CharacterSet{R"(\x{2028}\x{2029}\p{Cc}\p{Cn}\p{Cs})", {}, true};
  const char *items = StringSwitch<const char *>(name)
                          .Case("alnum", R"(\p{Alphabetic}\p{Nd})")
                          .Case("alpha", R"(\p{Alphabetic})")
                          .Case("ascii", R"(\x{0}-\x{7f})")
                          .Case("blank", R"(\t\p{Zs})")
                          .Case("cntrl", R"(\p{Cc})")
                          .Case("digit", R"(\p{Nd})")
                          .Case("lower", R"(\p{Lowercase})")
                          .Case("punct", R"(\p{P})")
                          .Case("space", SPACE)
                          .Case("upper", R"(\p{Uppercase})")
                          .Case("word", WORD)
                          .Case("xdigit", HEX)
                          .Default(nullptr);
  if (!items)
    return std::nullopt;
  return CharacterSet{items, {}};
}

// The short name of a general category, from a name without spaces, hyphens, underscores and capitals.
static StringRef generalCategory(StringRef name) {
  static constexpr struct {
    const char *longName, *shortName;
  } Categories[] = {
      {"other", "C"},
      {"control", "Cc"},
      {"format", "Cf"},
      {"unassigned", "Cn"},
      {"privateuse", "Co"},
      {"surrogate", "Cs"},
      {"letter", "L"},
      {"casedletter", "L&"},
      {"lowercaseletter", "Ll"},
      {"modifierletter", "Lm"},
      {"otherletter", "Lo"},
      {"titlecaseletter", "Lt"},
      {"uppercaseletter", "Lu"},
      {"mark", "M"},
      {"combiningmark", "M"},
      {"spacingmark", "Mc"},
      {"enclosingmark", "Me"},
      {"nonspacingmark", "Mn"},
      {"number", "N"},
      {"decimalnumber", "Nd"},
      {"letternumber", "Nl"},
      {"othernumber", "No"},
      {"punctuation", "P"},
      {"connectorpunctuation", "Pc"},
      {"dashpunctuation", "Pd"},
      {"closepunctuation", "Pe"},
      {"finalpunctuation", "Pf"},
      {"initialpunctuation", "Pi"},
      {"otherpunctuation", "Po"},
      {"openpunctuation", "Ps"},
      {"symbol", "S"},
      {"currencysymbol", "Sc"},
      {"modifiersymbol", "Sk"},
      {"mathsymbol", "Sm"},
      {"othersymbol", "So"},
      {"separator", "Z"},
      {"lineseparator", "Zl"},
      {"paragraphseparator", "Zp"},
      {"spaceseparator", "Zs"},
  };
  if (name == "lc")
    return "L&";
  for (const auto &category : Categories)
    if (name == category.longName || name == StringRef(category.shortName).lower())
      return category.shortName;
  return {};
}

std::optional<CharacterSet> propertySet(StringRef name) {
  std::string plain;
  for (char c : name) {
    if (llvm::isAlnum(c))
      plain += llvm::toLower(c);
    else if (c != ' ' && c != '-' && c != '_')
      return std::nullopt;
  }
  if (auto set = posixSet(plain))
    return set;
  StringRef category = generalCategory(plain);
  // A script's bare name would take in what other scripts share with it.
  for (const std::string &candidate : {category.str(), "sc:" + plain, plain}) {
    std::string items = "\\p{" + candidate + "}";
    if (!candidate.empty() && !tokenizer::Regex::problemOf(items))
      return CharacterSet{items, {}};
  }
  return std::nullopt;
}

} // namespace attune
