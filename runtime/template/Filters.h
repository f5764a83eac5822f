// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/template/Evaluator.h"

#include <string_view>
#include <unordered_map>

namespace attune::jinja {

using FilterFunction = Value (*)(Evaluator &, const Value &input, const Arguments &arguments);
using TestFunction = bool (*)(Evaluator &, const Value &subject, const Arguments &arguments);
using MethodFunction = Value (*)(Evaluator &, const Value &self, const Arguments &arguments);

using FilterTable = std::unordered_map<std::string_view, FilterFunction>;
using MethodTable = std::unordered_map<std::string_view, MethodFunction>;

// By subject, each in a file of its own.
const FilterTable &textFilters();
const FilterTable &sequenceFilters();
const FilterTable &selectionFilters();
const FilterTable &numberFilters();

bool isFilter(std::string_view name);
bool isTest(std::string_view name);
FilterFunction findFilter(std::string_view name); ///< null if there is none
TestFunction findTest(std::string_view name);

/// object.name if that is a method of the object's type, else nothing. Methods that change their object are
/// an undefined value, which says so when it is called.
std::optional<Value> findMethod(const Value &object, const std::string &name);
const MethodTable &textMethods();

/// The functions that templates find without being passed: range, namespace, raise_exception …
const Value *findGlobal(std::string_view name);

// Arguments of the Python types that a parameter asks for; `what` names it in messages. Null gives the
// default.
int64_t integerArgument(const Value *value, int64_t otherwise, std::string_view what);
std::string textArgument(const Value *value, std::string_view otherwise, std::string_view what);
bool truthArgument(const Value *value, bool otherwise);

/// item.a.b or item[0] for "a.b" and 0, as the `attribute` parameters of filters take them.
Value attributeOf(Evaluator &evaluator, Value item, const Value &path);

/// format.format(*positional, **named), without format specifications.
std::string formatBraces(Evaluator &evaluator, std::string_view format, const Arguments &arguments);

} // namespace attune::jinja
