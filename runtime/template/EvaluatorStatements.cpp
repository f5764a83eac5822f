// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Statements, scopes, macros and loops.
#include "runtime/template/Evaluator.h"

#include "runtime/template/Operators.h"
#include "runtime/template/Strings.h"

#include <algorithm>
#include <fmt/format.h>

namespace attune::jinja {

const Value *Scope::find(std::string_view name) const {
  for (const auto &[variable, value] : variables)
    if (variable == name)
      return &value;
  return nullptr;
}

void Scope::set(const std::string &name, Value value) {
  for (auto &[variable, old] : variables)
    if (variable == name) {
      old = std::move(value);
      return;
    }
  variables.emplace_back(name, std::move(value));
}

Value *Namespace::find(std::string_view name) {
  for (auto &[attribute, value] : attributes)
    if (attribute == name)
      return &value;
  return nullptr;
}

Evaluator::Within::Within(Evaluator &evaluator, std::shared_ptr<Scope> scope)
    : evaluator(evaluator), outer(std::exchange(evaluator.scope, std::move(scope))) {}

std::shared_ptr<Scope> Evaluator::innerScope() const {
  auto inner = std::make_shared<Scope>();
  inner->parent = scope;
  return inner;
}

Value Evaluator::makeNamespace(std::vector<std::pair<std::string, Value>> attributes) {
  namespaces.push_back(std::make_unique<Namespace>());
  namespaces.back()->attributes = std::move(attributes);
  return Value(Kind::Namespace, std::shared_ptr<Object>(std::shared_ptr<Object>(), namespaces.back().get()));
}

std::string Evaluator::render(const Body &body) {
  TextBuilder text;
  out = &text;
  execute(body);
  return text.take();
}

Evaluator::Flow Evaluator::execute(const Body &body) {
  for (const Statement &statement : body)
    if (Flow flow = execute(statement); flow != Flow::Normal)
      return flow;
  return Flow::Normal;
}

Evaluator::Flow Evaluator::execute(const Statement &statement) {
  Nesting level(*this, statement.offset);
  try {
    spend(1);
    switch (statement.kind) {
    case Statement::Text:
      out->append(statement.text);
      break;
    case Statement::Output:
      output(evaluate(*statement.values[0]));
      break;
    case Statement::If:
      return executeIf(statement);
    case Statement::For:
      return executeFor(statement);
    case Statement::Set:
      assign(*statement.target, evaluate(*statement.values[0]));
      break;
    case Statement::SetBlock:
      executeSetBlock(statement);
      break;
    case Statement::Macro:
      scope->set(statement.text, makeMacro(statement, statement.text));
      break;
    case Statement::CallBlock:
      executeCallBlock(statement);
      break;
    case Statement::FilterBlock:
      captured = Value(capture(statement.bodies[0], innerScope()));
      output(evaluate(*statement.values[0]));
      break;
    case Statement::With:
      executeWith(statement);
      break;
    case Statement::Scope: {
      std::string text = capture(statement.bodies[0], innerScope());
      out->append(text);
      break;
    }
    case Statement::Break:
      return Flow::Break;
    case Statement::Continue:
      return Flow::Continue;
    }
  } catch (const Problem &problem) {
    fail(statement.offset, problem.what());
  }
  return Flow::Normal;
}

void Evaluator::output(const Value &value) {
  if (value.is(Kind::String))
    out->append(value.asText());
  else
    out->append(toText(value));
}

/// What a body writes, as text.
std::string Evaluator::capture(const Body &body, std::shared_ptr<Scope> inner) {
  Within within(*this, std::move(inner));
  TextBuilder text;
  TextBuilder *outer = std::exchange(out, &text);
  try {
    execute(body);
  } catch (...) {
    out = outer;
    throw;
  }
  out = outer;
  return text.take();
}

Evaluator::Flow Evaluator::executeIf(const Statement &statement) {
  for (size_t i = 0; i < statement.values.size(); ++i)
    if (evaluate(*statement.values[i]).truth())
      return execute(statement.bodies[i]);
  return statement.bodies.size() > statement.values.size() ? execute(statement.bodies.back()) : Flow::Normal;
}

/// The elements that the loop goes through: those for which its condition holds.
std::vector<Value> Evaluator::loopItems(const Statement &statement) {
  std::vector<Value> items = iterate(evaluate(*statement.values[0]));
  if (!statement.condition)
    return items;
  std::vector<Value> kept;
  Within within(*this, innerScope());
  for (Value &item : items) {
    assign(*statement.target, item);
    if (evaluate(*statement.condition).truth())
      kept.push_back(std::move(item));
  }
  return kept;
}

Evaluator::Flow Evaluator::executeFor(const Statement &statement) {
  auto state = std::make_shared<LoopState>();
  state->items = loopItems(statement);
  if (state->items.empty() && statement.bodies.size() > 1) {
    Within within(*this, innerScope());
    return execute(statement.bodies[1]);
  }
  auto handle = std::make_shared<LoopHandle>();
  handle->state = state;
  Value loop(Kind::Loop, handle);
  for (; state->index < state->items.size(); ++state->index) {
    Within within(*this, innerScope());
    scope->set("loop", loop);
    assign(*statement.target, state->items[state->index]);
    if (execute(statement.bodies[0]) == Flow::Break)
      break;
  }
  return Flow::Normal;
}

Value Evaluator::loopAttribute(const LoopHandle &handle, const std::string &attributeName) {
  std::shared_ptr<LoopState> state = handle.state.lock();
  if (!state)
    throw Problem("'loop' is used after its loop has ended");
  auto index = static_cast<int64_t>(state->index), length = static_cast<int64_t>(state->items.size());
  if (attributeName == "index")
    return Value(index + 1);
  if (attributeName == "index0")
    return Value(index);
  if (attributeName == "revindex")
    return Value(length - index);
  if (attributeName == "revindex0")
    return Value(length - index - 1);
  if (attributeName == "first")
    return Value(index == 0);
  if (attributeName == "last")
    return Value(index + 1 == length);
  if (attributeName == "length")
    return Value(length);
  if (attributeName == "depth" || attributeName == "depth0") // of recursive loops, which are not supported
    return Value(attributeName == "depth" ? 1 : 0);
  if (attributeName == "previtem")
    return index > 0 ? state->items[state->index - 1] : Value::undefined("there is no previous item");
  if (attributeName == "nextitem")
    return index + 1 < length ? state->items[state->index + 1] : Value::undefined("there is no next item");
  if (attributeName == "cycle")
    return makeFunction("cycle", [index](Evaluator &, const Arguments &arguments) {
      if (arguments.positional.empty())
        throw Problem("no items for cycling given");
      return arguments.positional[static_cast<size_t>(index) % arguments.positional.size()];
    });
  if (attributeName == "changed")
    return makeFunction("changed", [weak = handle.state](Evaluator &, const Arguments &arguments) {
      std::shared_ptr<LoopState> running = weak.lock();
      bool same = running && running->lastChanged &&
                  std::equal(running->lastChanged->begin(), running->lastChanged->end(),
                             arguments.positional.begin(), arguments.positional.end(), equal);
      if (running && !same)
        running->lastChanged = arguments.positional;
      return Value(!same);
    });
  return Value::undefined(fmt::format("'loop' has no attribute '{}'", attributeName));
}

void Evaluator::assign(const Expression &target, const Value &value) {
  if (target.kind == Expression::Name) {
    scope->set(target.name, value);
    return;
  }
  if (target.kind == Expression::NamespaceAttribute) {
    Expression reference;
    reference.kind = Expression::Name;
    reference.offset = target.offset;
    reference.name = target.name;
    Value object = evaluate(reference);
    if (!object.is(Kind::Namespace))
      throw Problem("cannot assign attribute on non-namespace object");
    auto &attributes = object.as<Namespace>();
    if (Value *old = attributes.find(target.value.asText()))
      *old = value;
    else
      attributes.attributes.emplace_back(target.value.asText(), value);
    return;
  }
  std::vector<Value> parts = iterate(value);
  if (parts.size() != target.children.size())
    throw Problem(fmt::format("cannot unpack {} values into {} names", parts.size(), target.children.size()));
  for (size_t i = 0; i < parts.size(); ++i)
    assign(*target.children[i], parts[i]);
}

void Evaluator::executeSetBlock(const Statement &statement) {
  Value value(capture(statement.bodies[0], innerScope()));
  if (!statement.values.empty()) {
    captured = value;
    value = evaluate(*statement.values[0]);
  }
  assign(*statement.target, value);
}

void Evaluator::executeWith(const Statement &statement) {
  std::vector<Value> values = evaluateAll(statement.values); // all in the outer scope
  auto inner = innerScope();
  Within within(*this, inner);
  for (size_t i = 0; i < values.size(); ++i)
    assign(*statement.targets[i], values[i]);
  execute(statement.bodies[0]);
}

Value Evaluator::makeMacro(const Statement &statement, const std::string &macroName) {
  // The scope usually holds the macro, so the macro must not own the scope.
  std::weak_ptr<Scope> definedIn = scope;
  Value macro = makeFunction(
      macroName, [&statement, macroName, definedIn](Evaluator &evaluator, const Arguments &arguments) {
        std::shared_ptr<Scope> outer = definedIn.lock();
        if (!outer)
          throw Problem(
              fmt::format("the macro '{}' is called after the block that defines it has ended", macroName));
        return Value(evaluator.callMacro(statement, macroName, std::move(outer), arguments));
      });
  macro.as<Callable>().isMacro = true;
  return macro;
}

std::string Evaluator::callMacro(const Statement &macro, const std::string &macroName,
                                 std::shared_ptr<Scope> outer, const Arguments &arguments) {
  auto inner = std::make_shared<Scope>();
  inner->parent = std::move(outer);
  {
    Within within(*this, inner);
    bindParameters(macro.parameters, macroName, arguments);
  }
  return capture(macro.bodies[0], std::move(inner));
}

/// Sets a macro's parameters, and `caller`, `varargs` and `kwargs` if its body mentions them, in the current
/// scope.
void Evaluator::bindParameters(const Parameters &parameters, const std::string &macroName,
                               const Arguments &arguments) {
  std::vector<std::pair<Value, Value>> rest;
  std::vector<std::optional<Value>> bound(parameters.names.size());
  for (size_t i = 0; i < std::min(bound.size(), arguments.positional.size()); ++i)
    bound[i] = arguments.positional[i];
  Value caller = Value::undefined("No caller defined");
  for (const auto &[key, value] : arguments.named) {
    auto at = std::find(parameters.names.begin(), parameters.names.end(), key);
    size_t which = static_cast<size_t>(at - parameters.names.begin());
    if (at != parameters.names.end() && !bound[which])
      bound[which] = value;
    else if (key == "caller" && parameters.usesCaller && at == parameters.names.end())
      caller = value;
    else if (parameters.usesKwargs)
      rest.emplace_back(Value(key), value);
    else
      throw Problem(fmt::format("macro '{}' takes no keyword argument '{}'", macroName, key));
  }
  if (arguments.positional.size() > bound.size() && !parameters.usesVarargs)
    throw Problem(fmt::format("macro '{}' takes not more than {} argument(s)", macroName, bound.size()));
  if (parameters.usesCaller)
    scope->set("caller", caller);
  size_t required = parameters.names.size() - parameters.defaults.size();
  for (size_t i = 0; i < bound.size(); ++i) {
    if (!bound[i] && i >= required)
      bound[i] = evaluate(*parameters.defaults[i - required]);
    scope->set(parameters.names[i], bound[i] ? *bound[i]
                                             : Value::undefined(fmt::format("parameter '{}' was not provided",
                                                                            parameters.names[i])));
  }
  if (parameters.usesVarargs) {
    size_t used = std::min(bound.size(), arguments.positional.size());
    scope->set("varargs", Value::tuple({arguments.positional.begin() + static_cast<ptrdiff_t>(used),
                                        arguments.positional.end()}));
  }
  if (parameters.usesKwargs)
    scope->set("kwargs", Value::dict(std::move(rest)));
}

void Evaluator::executeCallBlock(const Statement &statement) {
  const Expression &call = *statement.values[0];
  Value callee = evaluate(*call.children[0]);
  Arguments arguments = evaluateArguments(call);
  arguments.named.emplace_back("caller", makeMacro(statement, "caller"));
  output(this->call(callee, arguments));
}

} // namespace attune::jinja
