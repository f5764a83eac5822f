// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Expressions. A function for each level of precedence, loosest first. What follows an operand is in
// ParserPostfix.cpp.
#include "runtime/template/Parser.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace attune::jinja {

ExpressionPtr Parser::make(Expression::Kind kind, uint32_t offset, std::string name) {
  auto expression = std::make_unique<Expression>();
  expression->kind = kind;
  expression->offset = offset;
  expression->name = std::move(name);
  return expression;
}

void Parser::countDepth(Expression &parent, const Expression &child) {
  parent.depth = std::max(parent.depth, child.depth + 1);
  if (parent.depth > MaxDepth)
    fail(parent.offset, fmt::format("an expression of more than {} levels", MaxDepth));
}

void Parser::adopt(Expression &parent, ExpressionPtr child) {
  if (child)
    countDepth(parent, *child);
  parent.children.push_back(std::move(child));
}

ExpressionPtr Parser::parseExpression(bool withConditional) {
  return withConditional ? parseConditional() : parseOr();
}

ExpressionPtr Parser::parseConditional() {
  Nesting level(*this);
  size_t unknownBefore = unknown.size();
  ExpressionPtr value = parseOr();
  while (current().isName("if")) {
    unknown.resize(unknownBefore); // what was read is conditional, as it turns out
    ExpressionPtr whole = make(Expression::Conditional, next().offset);
    ++conditionals;
    adopt(*whole, parseOr());
    adopt(*whole, std::move(value));
    adopt(*whole, skipName("else") ? parseConditional() : nullptr);
    --conditionals;
    value = std::move(whole);
  }
  return value;
}

ExpressionPtr Parser::parseOr() {
  ExpressionPtr left = parseAnd();
  while (current().isName("or")) {
    ExpressionPtr whole = make(Expression::Or, next().offset);
    adopt(*whole, std::move(left));
    adopt(*whole, parseAnd());
    left = std::move(whole);
  }
  return left;
}

ExpressionPtr Parser::parseAnd() {
  ExpressionPtr left = parseNot();
  while (current().isName("and")) {
    ExpressionPtr whole = make(Expression::And, next().offset);
    adopt(*whole, std::move(left));
    adopt(*whole, parseNot());
    left = std::move(whole);
  }
  return left;
}

ExpressionPtr Parser::parseNot() {
  if (!current().isName("not"))
    return parseCompare();
  Nesting level(*this);
  ExpressionPtr whole = make(Expression::Not, next().offset);
  adopt(*whole, parseNot());
  return whole;
}

ExpressionPtr Parser::parseCompare() {
  constexpr std::string_view Signs[] = {"==", "!=", "<", "<=", ">", ">="};
  ExpressionPtr first = parseSum(), whole;
  while (true) {
    uint32_t offset = current().offset;
    std::string sign;
    if (current().kind == Token::Operator &&
        std::find(std::begin(Signs), std::end(Signs), current().text) != std::end(Signs))
      sign = next().text;
    else if (skipName("in"))
      sign = "in";
    else if (current().isName("not") && following().isName("in")) {
      next();
      next();
      sign = "not in";
    } else
      break;
    if (!whole) {
      whole = make(Expression::Compare, offset);
      adopt(*whole, std::move(first));
    }
    whole->operators.push_back(std::move(sign));
    adopt(*whole, parseSum());
  }
  return whole ? std::move(whole) : std::move(first);
}

ExpressionPtr Parser::parseSum() {
  ExpressionPtr left = parseConcatenation();
  while (current().isOperator("+") || current().isOperator("-")) {
    Token sign = next();
    ExpressionPtr whole = make(Expression::Binary, sign.offset, sign.text);
    adopt(*whole, std::move(left));
    adopt(*whole, parseConcatenation());
    left = std::move(whole);
  }
  return left;
}

ExpressionPtr Parser::parseConcatenation() {
  ExpressionPtr first = parseProduct();
  if (!current().isOperator("~"))
    return first;
  ExpressionPtr whole = make(Expression::Concatenate, current().offset);
  adopt(*whole, std::move(first));
  while (skipOperator("~"))
    adopt(*whole, parseProduct());
  return whole;
}

ExpressionPtr Parser::parseProduct() {
  ExpressionPtr left = parsePower();
  while (current().isOperator("*") || current().isOperator("/") || current().isOperator("//") ||
         current().isOperator("%")) {
    Token sign = next();
    ExpressionPtr whole = make(Expression::Binary, sign.offset, sign.text);
    adopt(*whole, std::move(left));
    adopt(*whole, parsePower());
    left = std::move(whole);
  }
  return left;
}

ExpressionPtr Parser::parsePower() {
  ExpressionPtr left = parseUnary();
  while (current().isOperator("**")) { // from the left, other than in Python
    ExpressionPtr whole = make(Expression::Binary, next().offset, "**");
    adopt(*whole, std::move(left));
    adopt(*whole, parseUnary());
    left = std::move(whole);
  }
  return left;
}

ExpressionPtr Parser::parseUnary(bool withFilter) {
  Nesting level(*this);
  ExpressionPtr operand;
  if (current().isOperator("-") || current().isOperator("+")) {
    Token sign = next();
    operand = make(sign.text == "-" ? Expression::Negate : Expression::Plus, sign.offset);
    adopt(*operand, parseUnary(false));
  } else {
    operand = parsePrimary();
  }
  operand = parsePostfix(std::move(operand));
  return withFilter ? parseFilters(std::move(operand)) : std::move(operand);
}

ExpressionPtr Parser::parsePrimary() {
  if (current().kind == Token::Integer || current().kind == Token::Float)
    return parseNumber();
  uint32_t offset = current().offset;
  auto constant = [&](Value value) {
    ExpressionPtr expression = make(Expression::Constant, offset);
    expression->value = std::move(value);
    return expression;
  };
  if (current().kind == Token::Name) {
    std::string name = next().text;
    if (name == "true" || name == "True" || name == "false" || name == "False")
      return constant(Value(name == "true" || name == "True"));
    if (name == "none" || name == "None")
      return constant(Value());
    mentioned.usesCaller |= name == "caller";
    mentioned.usesVarargs |= name == "varargs";
    mentioned.usesKwargs |= name == "kwargs";
    return make(Expression::Name, offset, std::move(name));
  }
  if (current().kind == Token::String) {
    std::string text;
    while (current().kind == Token::String) // adjacent literals are one
      text += next().text;
    return constant(Value(std::move(text)));
  }
  if (skipOperator("(")) {
    ExpressionPtr inner = parseTuple(true, /*inParentheses=*/true);
    expectOperator(")");
    return inner;
  }
  if (current().isOperator("["))
    return parseListLiteral();
  if (current().isOperator("{"))
    return parseDictLiteral();
  failHere("an expression");
}

ExpressionPtr Parser::parseNumber() {
  Token token = next();
  ExpressionPtr constant = make(Expression::Constant, token.offset);
  if (token.kind == Token::Float) {
    double number = 0;
    std::from_chars(token.text.data(), token.text.data() + token.text.size(), number);
    constant->value = Value(number);
    return constant;
  }
  char mark = token.text.size() > 1 ? token.text[1] | 0x20 : '\0';
  int base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
  int64_t number = 0;
  auto [end, error] = std::from_chars(token.text.data() + (base == 10 ? 0 : 2),
                                      token.text.data() + token.text.size(), number, base);
  if (error != std::errc())
    fail(token.offset, fmt::format("the integer {} does not fit into 64 bits", token.text));
  constant->value = Value(number);
  return constant;
}

ExpressionPtr Parser::parseListLiteral() {
  ExpressionPtr list = make(Expression::List, next().offset);
  while (!current().isOperator("]")) {
    if (!list->children.empty()) {
      expectOperator(",");
      if (current().isOperator("]"))
        break;
    }
    adopt(*list, parseExpression());
  }
  expectOperator("]");
  return list;
}

ExpressionPtr Parser::parseDictLiteral() {
  ExpressionPtr dict = make(Expression::Dict, next().offset);
  while (!current().isOperator("}")) {
    if (!dict->children.empty()) {
      expectOperator(",");
      if (current().isOperator("}"))
        break;
    }
    adopt(*dict, parseExpression());
    expectOperator(":");
    adopt(*dict, parseExpression());
  }
  expectOperator("}");
  return dict;
}

ExpressionPtr Parser::parseTuple(bool withConditional, bool inParentheses, std::string_view endName) {
  uint32_t offset = current().offset;
  ExpressionPtr tuple;
  auto atEnd = [&] {
    const Token &token = current();
    return token.kind == Token::OutputEnd || token.kind == Token::BlockEnd || token.isOperator(")") ||
           (!endName.empty() && token.isName(endName));
  };
  if (atEnd()) {
    if (!inParentheses)
      failHere("an expression");
    return make(Expression::Tuple, offset);
  }
  ExpressionPtr first = parseExpression(withConditional);
  if (!current().isOperator(","))
    return first;
  tuple = make(Expression::Tuple, offset);
  adopt(*tuple, std::move(first));
  while (skipOperator(",") && !atEnd())
    adopt(*tuple, parseExpression(withConditional));
  return tuple;
}

/// What can be assigned to: a name, a namespace's attribute, or a tuple of such.
ExpressionPtr Parser::parseTarget(bool withNamespace) {
  uint32_t offset = current().offset;
  ExpressionPtr first = parseTargetPart(withNamespace);
  if (!current().isOperator(","))
    return first;
  ExpressionPtr tuple = make(Expression::Tuple, offset);
  adopt(*tuple, std::move(first));
  while (skipOperator(",") && (current().kind == Token::Name || current().isOperator("(")) &&
         !current().isName("in"))
    adopt(*tuple, parseTargetPart(withNamespace));
  return tuple;
}

ExpressionPtr Parser::parseTargetPart(bool withNamespace) {
  Nesting level(*this);
  if (skipOperator("(")) {
    ExpressionPtr inner = parseTarget(withNamespace);
    expectOperator(")");
    return inner;
  }
  constexpr std::string_view Reserved[] = {"true", "True", "false", "False", "none", "None"};
  if (current().kind != Token::Name ||
      std::find(std::begin(Reserved), std::end(Reserved), current().text) != std::end(Reserved))
    failHere("a name to assign to");
  Token name = next();
  if (!withNamespace || !skipOperator("."))
    return make(Expression::Name, name.offset, name.text);
  ExpressionPtr attribute = make(Expression::NamespaceAttribute, name.offset, name.text);
  attribute->value = Value(expect(Token::Name, "an attribute's name").text);
  return attribute;
}

} // namespace attune::jinja
