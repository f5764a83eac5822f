// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/template/Value.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

/// The tree that the parser makes of a template. Nodes carry the byte offset in the source that errors point
/// at.
namespace attune::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Expression {
  // The children of each kind stand behind it; a null child is one that was left out.
  enum Kind : uint8_t {
    Constant,           // value
    Name,               // name
    List,               // items
    Tuple,              // items
    Dict,               // key, value, key, value …
    Attribute,          // object; name
    Subscript,          // object, index
    Slice,              // begin, end, step; only as the index of a Subscript
    Call,               // callee, arguments …; keywords
    Filter,             // input, arguments …; name, keywords
    Test,               // subject, arguments …; name, keywords
    Negate,             // operand
    Plus,               // operand
    Not,                // operand
    And,                // left, right
    Or,                 // left, right
    Binary,             // left, right; name is the operator
    Concatenate,        // parts
    Compare,            // first, then one per operator; operators
    Conditional,        // condition, value, otherwise (may be null)
    Captured,           // the text of the block that a filter is applied to
    NamespaceAttribute, // only as an assignment target: name, attribute in `value`
  };
  struct Keyword {
    std::string name;
    ExpressionPtr value;
  };

  Kind kind;
  uint32_t offset;
  uint32_t depth = 1; // of the tree below, limited by the parser
  std::string name;
  Value value;
  std::vector<ExpressionPtr> children;
  std::vector<Keyword> keywords;
  std::vector<std::string> operators;
  ExpressionPtr starArguments, starKeywords; // of calls: *list and **dict
};

struct Statement;
using Body = std::vector<Statement>;

/// Names of a macro's or call block's parameters; the last ones may have defaults.
struct Parameters {
  std::vector<std::string> names;
  std::vector<ExpressionPtr> defaults; // of the last defaults.size() names
  /// Whether the body mentions these names, which then stand for what is passed beyond the parameters.
  bool usesCaller = false, usesVarargs = false, usesKwargs = false;
};

struct Statement {
  enum Kind : uint8_t {
    Text,        // text
    Output,      // values
    If,          // values are the conditions, bodies theirs; one more body is the else
    For,         // target in values[0] if condition; bodies: loop, else
    Set,         // target = values[0]
    SetBlock,    // target, body; values[0], if there, filters the text
    Macro,       // text is its name; parameters, body
    CallBlock,   // values[0] is the call; parameters, body
    FilterBlock, // values[0] filters the text of the body
    With,        // targets = values, body
    Scope,       // body in a scope of its own (generation)
    Break,
    Continue
  };

  Kind kind;
  uint32_t offset;
  std::string text;
  ExpressionPtr target;
  ExpressionPtr condition;
  std::vector<ExpressionPtr> values;
  std::vector<ExpressionPtr> targets;
  Parameters parameters;
  std::vector<Body> bodies;
};

} // namespace attune::jinja
