// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/template/Ast.h"
#include "runtime/template/Lexer.h"

#include <optional>
#include <span>

namespace attune::jinja {

/// A recursive-descent parser of Jinja's grammar, precedence as in Jinja. Throws SourceProblem. Nesting is
/// limited.
class Parser {
public:
  explicit Parser(std::vector<Token> tokens) : tokens(std::move(tokens)) {}

  Body parseTemplate();

private:
  static constexpr int MaxNesting = 200;
  static constexpr uint32_t MaxDepth = 300;

  // Statements (ParserStatements.cpp)
  Body parseBody(std::span<const char *const> ends, std::string_view opener, uint32_t openerOffset);
  Body parseBlock(std::initializer_list<const char *> ends, const Token &opener);
  void parseStatement(Body &to);
  void parseOutput(Body &to);
  Statement parseIf(const Token &tag);
  Statement parseFor(const Token &tag);
  Statement parseSet(const Token &tag);
  Statement parseMacro(const Token &tag);
  Statement parseCallBlock(const Token &tag);
  Statement parseFilterBlock(const Token &tag);
  Statement parseWith(const Token &tag);
  Statement parseLoopControl(const Token &tag);
  Parameters parseParameters();
  Body parseEnd(const char *end, const Token &opener);
  Body parseMacroBody(const char *end, const Token &opener, Parameters &parameters);

  // Expressions (ParserExpressions.cpp)
  ExpressionPtr parseExpression(bool withConditional = true);
  ExpressionPtr parseConditional();
  ExpressionPtr parseOr();
  ExpressionPtr parseAnd();
  ExpressionPtr parseNot();
  ExpressionPtr parseCompare();
  ExpressionPtr parseSum();
  ExpressionPtr parseConcatenation();
  ExpressionPtr parseProduct();
  ExpressionPtr parsePower();
  ExpressionPtr parseUnary(bool withFilter = true);
  ExpressionPtr parsePrimary();
  ExpressionPtr parseNumber();
  ExpressionPtr parseListLiteral();
  ExpressionPtr parseDictLiteral();
  ExpressionPtr parsePostfix(ExpressionPtr operand);
  ExpressionPtr parseFilters(ExpressionPtr operand);
  ExpressionPtr parseFilter(ExpressionPtr input);
  ExpressionPtr parseTest(ExpressionPtr subject);
  ExpressionPtr parseSubscript(ExpressionPtr object);
  ExpressionPtr parseIndex();
  void parseArguments(Expression &call);
  /// An expression, or a tuple of those that commas separate.
  ExpressionPtr parseTuple(bool withConditional = true, bool inParentheses = false,
                           std::string_view endName = "");
  ExpressionPtr parseTarget(bool withNamespace);
  ExpressionPtr parseTargetPart(bool withNamespace);
  std::string parseDottedName();

  ExpressionPtr make(Expression::Kind kind, uint32_t offset, std::string name = "");
  void adopt(Expression &parent, ExpressionPtr child);
  void countDepth(Expression &parent, const Expression &child);

  // Tokens
  const Token &current() const { return tokens[at]; }
  const Token &following() const { return tokens[std::min(at + 1, tokens.size() - 1)]; }
  Token next();
  bool skipOperator(std::string_view sign);
  bool skipName(std::string_view name);
  void expectOperator(std::string_view sign);
  Token expect(Token::Kind kind, const char *what);
  [[noreturn]] void fail(uint32_t offset, std::string message) const;
  [[noreturn]] void failHere(const std::string &expected) const;

  /// Counts a level of nesting while it lives.
  struct Nesting {
    Parser &parser;
    explicit Nesting(Parser &parser);
    ~Nesting() { --parser.nesting; }
  };

  std::vector<Token> tokens;
  size_t at = 0;
  int nesting = 0;
  int loops = 0;        // around this place, within the innermost macro
  Parameters mentioned; // whose flags say what the innermost macro's body has mentioned so far
  int conditionals = 0; // around this place: there Jinja accepts filters and tests that it does not know
  std::vector<SourceProblem> unknown; // such filters and tests elsewhere
};

} // namespace attune::jinja
