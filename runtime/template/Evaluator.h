// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/template/Ast.h"
#include "runtime/template/Template.h"

#include <array>
#include <functional>

namespace attune::jinja {

class Evaluator;

/// What a function, filter or test is called with.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  /// The arguments by parameter, null for those that are missing. Throws Problem if there are others.
  template <size_t N>
  std::array<const Value *, N> bind(std::string_view callee, const char *const (&parameters)[N]) const {
    std::array<const Value *, N> bound{};
    bindTo(callee, parameters, bound.data(), N);
    return bound;
  }
  /// As bind, for what Python takes no names for.
  template <size_t N>
  std::array<const Value *, N> bindPositional(std::string_view callee,
                                              const char *const (&parameters)[N]) const {
    refuseNames(callee);
    return bind(callee, parameters);
  }
  void bindNone(std::string_view callee) const { bindTo(callee, nullptr, nullptr, 0); }
  /// As bind with one parameter that must be given.
  const Value &only(std::string_view callee) const;

private:
  void refuseNames(std::string_view callee) const;
  void bindTo(std::string_view callee, const char *const *parameters, const Value **bound,
              size_t count) const;
};

struct Callable : Object {
  std::string name;
  bool isMacro = false;
  std::function<Value(Evaluator &, const Arguments &)> function;
};

Value makeFunction(std::string name, std::function<Value(Evaluator &, const Arguments &)> function);

struct Namespace : Object {
  std::vector<std::pair<std::string, Value>> attributes;
  Value *find(std::string_view name);
};

/// A loop that is running.
struct LoopState {
  std::vector<Value> items;
  size_t index = 0;
  std::optional<std::vector<Value>> lastChanged;
};

/// What the variable `loop` holds. It may outlive its loop.
struct LoopHandle : Object {
  std::weak_ptr<LoopState> state;
};

/// Variables of a block. Macros look up in the scope that they were made in.
struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string, Value>> variables;

  const Value *find(std::string_view name) const;
  void set(const std::string &name, Value value);
};

/// Renders one template once.
class Evaluator {
public:
  Evaluator(const std::string &source, const std::string &name, const Dict &context,
            const RenderOptions &options);

  std::string render(const Body &body);

  // For filters, tests and methods.
  /// Accounts for work; throws Problem beyond the limit.
  void spend(uint64_t steps);
  /// Accounts for going through a text, or through a list or the like if `items` is set.
  void spendOn(const Value &value, bool items = false);
  Value filter(const std::string &name, const Value &input, const Arguments &arguments);
  bool test(const std::string &name, const Value &subject, const Arguments &arguments);
  Value call(const Value &callee, const Arguments &arguments);
  /// object.name and object[index] as Jinja looks them up.
  Value attribute(const Value &object, const std::string &name);
  Value subscript(const Value &object, const Value &index);
  /// What going through a value gives; an iterator is used up.
  std::vector<Value> iterate(const Value &value);
  Value makeNamespace(std::vector<std::pair<std::string, Value>> attributes);
  const RenderOptions &renderOptions() const { return options; }

private:
  enum class Flow { Normal, Break, Continue };
  static constexpr int MaxDepth = 800;

  // Statements
  Flow execute(const Body &body);
  Flow execute(const Statement &statement);
  Flow executeIf(const Statement &statement);
  Flow executeFor(const Statement &statement);
  std::vector<Value> loopItems(const Statement &statement);
  void executeSetBlock(const Statement &statement);
  void executeWith(const Statement &statement);
  void executeCallBlock(const Statement &statement);
  std::string capture(const Body &body, std::shared_ptr<Scope> inner);
  void assign(const Expression &target, const Value &value);
  Value makeMacro(const Statement &statement, const std::string &name);
  std::string callMacro(const Statement &macro, const std::string &name, std::shared_ptr<Scope> outer,
                        const Arguments &arguments);
  void bindParameters(const Parameters &parameters, const std::string &name, const Arguments &arguments);
  void output(const Value &value);

  // Expressions
  Value evaluate(const Expression &expression);
  Value evaluateKind(const Expression &expression);
  Value evaluateName(const Expression &expression);
  Value evaluateDict(const Expression &expression);
  Value evaluateSubscript(const Expression &expression);
  Value evaluateCall(const Expression &expression);
  Value evaluateFilter(const Expression &expression);
  bool evaluateTest(const Expression &expression);
  Value evaluateBinary(const Expression &expression);
  Value evaluateConcatenation(const Expression &expression);
  bool evaluateCompare(const Expression &expression);
  Value evaluateConditional(const Expression &expression);
  std::vector<Value> evaluateAll(const std::vector<ExpressionPtr> &expressions);
  Arguments evaluateArguments(const Expression &call);
  Value loopAttribute(const LoopHandle &handle, const std::string &name);
  /// Accounts for a value that an operation has made.
  Value made(Value value);

  [[noreturn]] void fail(uint32_t offset, const std::string &message) const;

  /// Counts a level of nesting while it lives.
  struct Nesting {
    Evaluator &evaluator;
    Nesting(Evaluator &evaluator, uint32_t offset);
    ~Nesting() { --evaluator.depth; }
  };
  /// Makes a scope the current one while it lives.
  struct Within {
    Evaluator &evaluator;
    std::shared_ptr<Scope> outer;
    Within(Evaluator &evaluator, std::shared_ptr<Scope> scope);
    ~Within() { evaluator.scope = std::move(outer); }
  };
  std::shared_ptr<Scope> innerScope() const;

  const std::string &source;
  const std::string &name;
  const Dict &context;
  const RenderOptions &options;
  std::vector<std::unique_ptr<Namespace>>
      namespaces; // values refer to them without owning, so that no cycle leaks
  std::shared_ptr<Scope> scope;
  TextBuilder *out = nullptr;
  Value captured; // what Expression::Captured stands for
  uint64_t steps = 0;
  int depth = 0;
};

/// "NAME:LINE:COLUMN: MESSAGE"
std::string describePlace(const std::string &name, const std::string &source, uint32_t offset,
                          const std::string &message);

} // namespace attune::jinja
