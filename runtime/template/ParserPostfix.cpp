// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What may follow an operand: attributes, subscripts, calls, filters and tests.
#include "runtime/template/Filters.h"
#include "runtime/template/Parser.h"

#include <algorithm>
#include <fmt/format.h>

namespace attune::jinja {

ExpressionPtr Parser::parsePostfix(ExpressionPtr operand) {
  while (true) {
    if (current().isOperator(".") || current().isOperator("[")) {
      operand = parseSubscript(std::move(operand));
    } else if (current().isOperator("(")) {
      ExpressionPtr call = make(Expression::Call, operand->offset);
      adopt(*call, std::move(operand));
      parseArguments(*call);
      operand = std::move(call);
    } else {
      return operand;
    }
  }
}

ExpressionPtr Parser::parseFilters(ExpressionPtr operand) {
  while (true) {
    if (skipOperator("|")) {
      operand = parseFilter(std::move(operand));
    } else if (current().isName("is")) {
      operand = parseTest(std::move(operand));
    } else if (current().isOperator("(")) {
      ExpressionPtr call = make(Expression::Call, operand->offset);
      adopt(*call, std::move(operand));
      parseArguments(*call);
      operand = std::move(call);
    } else {
      return operand;
    }
  }
}

std::string Parser::parseDottedName() {
  std::string name = expect(Token::Name, "a name").text;
  while (skipOperator("."))
    name += "." + expect(Token::Name, "a name").text;
  return name;
}

ExpressionPtr Parser::parseFilter(ExpressionPtr input) {
  uint32_t offset = current().offset;
  ExpressionPtr filter = make(Expression::Filter, offset, parseDottedName());
  if (conditionals == 0 && !isFilter(filter->name))
    unknown.push_back({offset, fmt::format("the filter '{}' is not supported", filter->name)});
  adopt(*filter, std::move(input));
  if (current().isOperator("("))
    parseArguments(*filter);
  return filter;
}

ExpressionPtr Parser::parseTest(ExpressionPtr subject) {
  next(); // is
  bool negated = skipName("not");
  uint32_t offset = current().offset;
  ExpressionPtr test = make(Expression::Test, offset, parseDottedName());
  if (conditionals == 0 && !isTest(test->name))
    unknown.push_back({offset, fmt::format("the test '{}' is not supported", test->name)});
  adopt(*test, std::move(subject));
  const Token &token = current();
  bool opensLiteral = token.isOperator("[") || token.isOperator("{");
  bool isValue =
      token.kind == Token::String || token.kind == Token::Integer || token.kind == Token::Float ||
      (token.kind == Token::Name && token.text != "else" && token.text != "or" && token.text != "and");
  if (token.isOperator("(")) {
    parseArguments(*test);
  } else if (token.isName("is")) {
    fail(token.offset, "tests cannot follow one another, put the first in parentheses");
  } else if (opensLiteral || isValue) { // one argument without parentheses
    adopt(*test, parsePostfix(parsePrimary()));
  }
  if (!negated)
    return test;
  ExpressionPtr whole = make(Expression::Not, offset);
  adopt(*whole, std::move(test));
  return whole;
}

ExpressionPtr Parser::parseSubscript(ExpressionPtr object) {
  Token opener = next();
  if (opener.text == ".") {
    if (current().kind == Token::Integer) {
      ExpressionPtr subscript = make(Expression::Subscript, opener.offset);
      adopt(*subscript, std::move(object));
      adopt(*subscript, parseNumber());
      return subscript;
    }
    Token name = expect(Token::Name, "an attribute's name");
    ExpressionPtr attribute = make(Expression::Attribute, name.offset, name.text);
    adopt(*attribute, std::move(object));
    return attribute;
  }
  ExpressionPtr subscript = make(Expression::Subscript, opener.offset);
  adopt(*subscript, std::move(object));
  ExpressionPtr index = parseIndex();
  if (current().isOperator(",")) {
    ExpressionPtr tuple = make(Expression::Tuple, opener.offset);
    adopt(*tuple, std::move(index));
    while (skipOperator(","))
      adopt(*tuple, parseIndex());
    index = std::move(tuple);
  }
  expectOperator("]");
  adopt(*subscript, std::move(index));
  return subscript;
}

ExpressionPtr Parser::parseIndex() {
  uint32_t offset = current().offset;
  ExpressionPtr first;
  if (!current().isOperator(":")) {
    first = parseExpression();
    if (!current().isOperator(":"))
      return first;
  }
  ExpressionPtr slice = make(Expression::Slice, offset);
  adopt(*slice, std::move(first));
  for (int part = 0; part < 2; ++part) {
    bool present = skipOperator(":") && !current().isOperator(":") && !current().isOperator("]") &&
                   !current().isOperator(",");
    adopt(*slice, present ? parseExpression() : nullptr);
  }
  return slice;
}

void Parser::parseArguments(Expression &call) {
  expectOperator("(");
  for (bool first = true; !current().isOperator(")"); first = false) {
    if (!first) {
      expectOperator(",");
      if (current().isOperator(")"))
        break;
    }
    uint32_t offset = current().offset;
    if (skipOperator("*")) {
      if (call.starArguments || call.starKeywords)
        fail(offset, "only one '*' argument is allowed, before any '**'");
      call.starArguments = parseExpression();
      countDepth(call, *call.starArguments);
    } else if (skipOperator("**")) {
      if (call.starKeywords)
        fail(offset, "only one '**' argument is allowed");
      call.starKeywords = parseExpression();
      countDepth(call, *call.starKeywords);
    } else if (current().kind == Token::Name && following().isOperator("=")) {
      std::string name = next().text;
      next();
      auto sameName = [&](const Expression::Keyword &keyword) { return keyword.name == name; };
      if (std::any_of(call.keywords.begin(), call.keywords.end(), sameName))
        fail(offset, fmt::format("the argument '{}' occurs twice", name));
      ExpressionPtr value = parseExpression();
      countDepth(call, *value);
      call.keywords.push_back({std::move(name), std::move(value)});
    } else {
      if (!call.keywords.empty() || call.starArguments || call.starKeywords)
        fail(offset, "an argument without a name after one with a name");
      adopt(call, parseExpression());
    }
  }
  next();
}

} // namespace attune::jinja
