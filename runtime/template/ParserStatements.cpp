// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Statements: what stands between {% and %}, and the text and output around.
#include "runtime/template/Filters.h"
#include "runtime/template/Parser.h"

#include <algorithm>
#include <fmt/format.h>

namespace attune::jinja {

namespace {

std::string describe(const Token &token) {
  switch (token.kind) {
  case Token::End:
    return "the end of the template";
  case Token::String:
    return "a string";
  default:
    return "'" + token.text + "'";
  }
}

Statement makeStatement(Statement::Kind kind, uint32_t offset, std::string text = "") {
  Statement statement;
  statement.kind = kind;
  statement.offset = offset;
  statement.text = std::move(text);
  return statement;
}

} // namespace

Token Parser::next() {
  Token token = std::move(tokens[at]);
  if (at + 1 < tokens.size())
    ++at;
  else
    tokens[at] = token; // the last one, End, is read again and again
  return token;
}

bool Parser::skipOperator(std::string_view sign) {
  if (!current().isOperator(sign))
    return false;
  next();
  return true;
}

bool Parser::skipName(std::string_view name) {
  if (!current().isName(name))
    return false;
  next();
  return true;
}

void Parser::expectOperator(std::string_view sign) {
  if (!skipOperator(sign))
    failHere(fmt::format("'{}'", sign));
}

Token Parser::expect(Token::Kind kind, const char *what) {
  if (current().kind != kind)
    failHere(what);
  return next();
}

void Parser::fail(uint32_t offset, std::string message) const {
  throw SourceProblem{offset, std::move(message)};
}

void Parser::failHere(const std::string &expected) const {
  fail(current().offset, fmt::format("expected {}, found {}", expected, describe(current())));
}

Parser::Nesting::Nesting(Parser &parser) : parser(parser) {
  if (parser.nesting >= MaxNesting)
    parser.fail(parser.current().offset, fmt::format("nested more than {} levels deep", MaxNesting));
  ++parser.nesting;
}

Body Parser::parseTemplate() {
  Body body = parseBody({}, "", 0);
  if (!unknown.empty())
    throw unknown.front();
  return body;
}

/// Statements up to a block tag whose name is one of `ends`; that name is the current token afterwards.
/// Without ends, up to the end of the template.
Body Parser::parseBody(std::span<const char *const> ends, std::string_view opener, uint32_t openerOffset) {
  Nesting level(*this);
  Body body;
  while (true) {
    switch (current().kind) {
    case Token::Text: {
      Token text = next();
      body.push_back(makeStatement(Statement::Text, text.offset, std::move(text.text)));
      break;
    }
    case Token::OutputBegin:
      parseOutput(body);
      break;
    case Token::BlockBegin:
      next();
      if (std::any_of(ends.begin(), ends.end(), [&](const char *end) { return current().isName(end); }))
        return body;
      parseStatement(body);
      break;
    default: // End
      if (!ends.empty())
        fail(openerOffset, fmt::format("'{}' has no end, expected '{{% {} %}}'", opener, ends.back()));
      return body;
    }
  }
}

/// The end of a block tag, a body, and the name of the tag that ends it left current.
Body Parser::parseBlock(std::initializer_list<const char *> ends, const Token &opener) {
  skipOperator(":"); // as Jinja does
  expect(Token::BlockEnd, "'%}'");
  return parseBody(std::span(ends.begin(), ends.size()), opener.text, opener.offset);
}

/// As parseBlock with one end, whose name is read too.
Body Parser::parseEnd(const char *end, const Token &opener) {
  Body body = parseBlock({end}, opener);
  next();
  return body;
}

void Parser::parseOutput(Body &to) {
  Statement output = makeStatement(Statement::Output, next().offset);
  output.values.push_back(parseTuple());
  expect(Token::OutputEnd, "'}}'");
  to.push_back(std::move(output));
}

void Parser::parseStatement(Body &to) {
  Token tag = expect(Token::Name, "a tag's name");
  if (tag.text == "if")
    to.push_back(parseIf(tag));
  else if (tag.text == "for")
    to.push_back(parseFor(tag));
  else if (tag.text == "set")
    to.push_back(parseSet(tag));
  else if (tag.text == "macro")
    to.push_back(parseMacro(tag));
  else if (tag.text == "call")
    to.push_back(parseCallBlock(tag));
  else if (tag.text == "filter")
    to.push_back(parseFilterBlock(tag));
  else if (tag.text == "with")
    to.push_back(parseWith(tag));
  else if (tag.text == "break" || tag.text == "continue")
    to.push_back(parseLoopControl(tag));
  else if (tag.text == "generation") {
    Statement statement = makeStatement(Statement::Scope, tag.offset);
    statement.bodies.push_back(parseEnd("endgeneration", tag));
    to.push_back(std::move(statement));
  } else
    fail(tag.offset, tag.text.starts_with("end") || tag.text == "else" || tag.text == "elif"
                         ? fmt::format("'{}' without the tag that it belongs to", tag.text)
                         : fmt::format("the tag '{}' is not supported", tag.text));
  expect(Token::BlockEnd, "'%}'");
}

Statement Parser::parseIf(const Token &tag) {
  Statement statement = makeStatement(Statement::If, tag.offset);
  ++conditionals;
  while (true) {
    statement.values.push_back(parseTuple(/*withConditional=*/false));
    statement.bodies.push_back(parseBlock({"elif", "else", "endif"}, tag));
    Token end = next();
    if (end.text == "elif")
      continue;
    if (end.text == "else")
      statement.bodies.push_back(parseEnd("endif", tag));
    break;
  }
  --conditionals;
  return statement;
}

Statement Parser::parseFor(const Token &tag) {
  Statement statement = makeStatement(Statement::For, tag.offset);
  statement.target = parseTarget(/*withNamespace=*/false);
  if (!skipName("in"))
    failHere("'in'");
  statement.values.push_back(parseTuple(/*withConditional=*/false, false, "recursive"));
  if (skipName("if"))
    statement.condition = parseExpression();
  if (current().isName("recursive"))
    fail(current().offset, "a 'recursive' loop is not supported");
  ++loops;
  statement.bodies.push_back(parseBlock({"else", "endfor"}, tag));
  --loops;
  if (next().text == "else")
    statement.bodies.push_back(parseEnd("endfor", tag));
  return statement;
}

Statement Parser::parseSet(const Token &tag) {
  Statement statement = makeStatement(Statement::Set, tag.offset);
  statement.target = parseTarget(/*withNamespace=*/true);
  if (skipOperator("=")) {
    statement.values.push_back(parseTuple());
    return statement;
  }
  statement.kind = Statement::SetBlock;
  if (current().isOperator("|")) {
    ExpressionPtr filtered = make(Expression::Captured, tag.offset);
    while (skipOperator("|"))
      filtered = parseFilter(std::move(filtered));
    statement.values.push_back(std::move(filtered));
  }
  statement.bodies.push_back(parseEnd("endset", tag));
  return statement;
}

Parameters Parser::parseParameters() {
  Parameters parameters;
  expectOperator("(");
  while (!current().isOperator(")")) {
    if (!parameters.names.empty())
      expectOperator(",");
    Token name = expect(Token::Name, "a parameter's name");
    if (std::find(parameters.names.begin(), parameters.names.end(), name.text) != parameters.names.end())
      fail(name.offset, fmt::format("the parameter '{}' occurs twice", name.text));
    parameters.names.push_back(name.text);
    if (skipOperator("="))
      parameters.defaults.push_back(parseExpression());
    else if (!parameters.defaults.empty())
      fail(name.offset,
           fmt::format("the parameter '{}' needs a default, as those before it have one", name.text));
  }
  next();
  return parameters;
}

/// The body of a macro or call block, which no loop around it reaches into.
Body Parser::parseMacroBody(const char *end, const Token &opener, Parameters &parameters) {
  int outerLoops = std::exchange(loops, 0);
  Parameters outer = std::exchange(mentioned, {});
  Body body = parseEnd(end, opener);
  parameters.usesCaller = mentioned.usesCaller;
  parameters.usesVarargs = mentioned.usesVarargs;
  parameters.usesKwargs = mentioned.usesKwargs;
  mentioned.usesCaller |= outer.usesCaller; // what an inner macro mentions counts for the outer one too
  mentioned.usesVarargs |= outer.usesVarargs;
  mentioned.usesKwargs |= outer.usesKwargs;
  loops = outerLoops;
  return body;
}

Statement Parser::parseMacro(const Token &tag) {
  Statement statement =
      makeStatement(Statement::Macro, tag.offset, expect(Token::Name, "the macro's name").text);
  statement.parameters = parseParameters();
  statement.bodies.push_back(parseMacroBody("endmacro", tag, statement.parameters));
  return statement;
}

Statement Parser::parseCallBlock(const Token &tag) {
  Statement statement = makeStatement(Statement::CallBlock, tag.offset);
  if (current().isOperator("("))
    statement.parameters = parseParameters();
  uint32_t offset = current().offset;
  statement.values.push_back(parseExpression());
  if (statement.values[0]->kind != Expression::Call)
    fail(offset, "expected the call of a macro");
  statement.bodies.push_back(parseMacroBody("endcall", tag, statement.parameters));
  return statement;
}

Statement Parser::parseFilterBlock(const Token &tag) {
  Statement statement = makeStatement(Statement::FilterBlock, tag.offset);
  ExpressionPtr filtered = parseFilter(make(Expression::Captured, tag.offset));
  while (skipOperator("|"))
    filtered = parseFilter(std::move(filtered));
  statement.values.push_back(std::move(filtered));
  statement.bodies.push_back(parseEnd("endfilter", tag));
  return statement;
}

Statement Parser::parseWith(const Token &tag) {
  Statement statement = makeStatement(Statement::With, tag.offset);
  while (current().kind != Token::BlockEnd) {
    if (!statement.targets.empty())
      expectOperator(",");
    statement.targets.push_back(parseTarget(/*withNamespace=*/false));
    expectOperator("=");
    statement.values.push_back(parseExpression());
  }
  statement.bodies.push_back(parseEnd("endwith", tag));
  return statement;
}

Statement Parser::parseLoopControl(const Token &tag) {
  if (loops == 0)
    fail(tag.offset, fmt::format("'{}' outside of a loop", tag.text));
  return makeStatement(tag.text == "break" ? Statement::Break : Statement::Continue, tag.offset);
}

} // namespace attune::jinja
