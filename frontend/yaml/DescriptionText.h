// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// Descriptions as YAML text, both ways. docs/description.md is the reference of the keys.

#ifndef ATTUNE_FRONTEND_YAML_DESCRIPTIONTEXT_H
#define ATTUNE_FRONTEND_YAML_DESCRIPTIONTEXT_H

#include "frontend/Description.h"
#include "frontend/yaml/Tree.h"

namespace attune::yaml {

/// A description that was read, with its text for later messages.
struct DescriptionText {
  Source source;
  Description description;
  std::map<std::string, llvm::SMRange> ranges; ///< of the fields, by path

  /// Turns a FieldError into "FILE:LINE:COLUMN: error: FIELD MESSAGE" with a caret; leaves other errors as
  /// they are.
  llvm::Error locate(llvm::Error error) const;
};

/// Reads and validates a description; `file` stands in messages and as the origin. Unknown keys and words are
/// refused, with those that were expected.
llvm::Expected<DescriptionText> parseDescription(llvm::StringRef text, llvm::StringRef file);

/// The description as text, which reads back as an equal one.
std::string printDescription(const Description &description);

} // namespace attune::yaml

#endif // ATTUNE_FRONTEND_YAML_DESCRIPTIONTEXT_H
