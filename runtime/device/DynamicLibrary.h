// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// A library that is looked for when the program runs.

#ifndef ATTUNE_RUNTIME_DEVICE_DYNAMICLIBRARY_H
#define ATTUNE_RUNTIME_DEVICE_DYNAMICLIBRARY_H

#include "runtime/Error.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <type_traits>

namespace attune {

/// Stays loaded until the process ends: drivers have threads of their own.
class DynamicLibrary {
public:
  /// The first of these names. Throws Error `absent`, with the loader's words, if none is there.
  DynamicLibrary(std::initializer_list<const char *> files, const char *absent) {
    std::string words;
    for (const char *name : files) {
      file = name;
      if ((handle = dlopen(name, RTLD_NOW | RTLD_LOCAL)))
        return;
      words += fmt::format("{}{}", words.empty() ? "" : "; ", dlerror());
    }
    throw Error(fmt::format("{} ({})", absent, words));
  }

  /// `function` becomes the library's function `name`. Throws Error `old`, with both names, if it has none.
  template <typename Function> void find(Function &function, const char *name, const char *old) const {
    void *address = dlsym(handle, name);
    if (!address)
      throw Error(fmt::format("{}: {} has no {}", old, file, name));
    function = reinterpret_cast<Function>(address);
  }

private:
  const char *file = nullptr;
  void *handle = nullptr;
};

} // namespace attune

#endif // ATTUNE_RUNTIME_DEVICE_DYNAMICLIBRARY_H
