// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "runtime/template/Value.h"

#include <string_view>

/// Python's operators. All throw Problem with Python's message where Python raises TypeError and the like.
namespace attune::jinja {

/// `sign` is one of + - * / // % **
Value binary(std::string_view sign, const Value &left, const Value &right);
Value negate(const Value &operand);
/// item in container. An iterator is used up as far as needed.
bool contains(const Value &container, const Value &item);
/// `sign` is one of == != < <= > >= in, not in
bool compare(std::string_view sign, const Value &left, const Value &right);
/// sequence[begin:end:step]; None stands for what was left out.
Value slice(const Value &sequence, const Value &begin, const Value &end, const Value &step);
/// The element of a list, tuple, range or text at a position, negative ones from the end. Null kind None
/// cannot be told from an element, so whether there is one is returned.
bool elementAt(const Value &sequence, int64_t position, Value &element);
/// len(); throws for kinds without one.
int64_t lengthOf(const Value &value);

/// format % values
std::string formatPercent(std::string_view format, const Value &values);

} // namespace attune::jinja
