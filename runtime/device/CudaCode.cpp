// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/device/CudaCode.h"

#include <fmt/format.h>

#include <charconv>
#include <tuple>

using namespace attune::cuda;

namespace {

/// Takes a number off the text's front; -1 if there is none.
int takeNumber(std::string_view &text) {
  int number = -1;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc())
    return -1;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

} // namespace

std::string Version::text() const { return fmt::format("{}.{}", major, minor); }

std::optional<CodeBlob> CodeBlob::parse(std::string_view name) {
  constexpr std::string_view prefix = "device.sm_";
  if (!name.starts_with(prefix))
    return std::nullopt;
  std::string_view rest = name.substr(prefix.size());
  int chip = takeNumber(rest);
  CodeBlob blob{std::string(name), {chip / 10, chip % 10}};
  if (rest.starts_with('a')) {
    blob.onlyThis = true;
    rest.remove_prefix(1);
  }
  blob.isBinary = rest == ".cubin";
  if (chip <= 0 || (!blob.isBinary && rest != ".ptx"))
    return std::nullopt;
  return blob;
}

bool CodeBlob::fits(Version capability) const {
  if (onlyThis)
    return chip == capability;
  return chip <= capability && (!isBinary || chip.major == capability.major);
}

std::optional<CodeBlob> attune::cuda::chooseCode(std::span<const std::string> blobs, Version capability) {
  std::optional<CodeBlob> best;
  auto rank = [](const CodeBlob &blob) { return std::tuple(blob.onlyThis, blob.isBinary, blob.chip); };
  for (const std::string &name : blobs) {
    std::optional<CodeBlob> blob = CodeBlob::parse(name);
    if (blob && blob->fits(capability) && (!best || rank(*best) < rank(*blob)))
      best = blob;
  }
  return best;
}

std::string attune::cuda::oldestChip(std::span<const std::string> blobs) {
  std::optional<CodeBlob> oldest;
  for (const std::string &name : blobs)
    if (std::optional<CodeBlob> blob = CodeBlob::parse(name); blob && (!oldest || blob->chip < oldest->chip))
      oldest = blob;
  return oldest ? fmt::format("{}{}", oldest->chip.text(), oldest->onlyThis ? " alone" : " and later") : "";
}

Version attune::cuda::driverFor(std::string_view ptx) {
  constexpr std::string_view directive = ".version ";
  size_t at = ptx.find(directive);
  if (at == std::string_view::npos)
    return {};
  std::string_view rest = ptx.substr(at + directive.size());
  int major = takeNumber(rest);
  rest.remove_prefix(rest.starts_with('.'));
  int minor = takeNumber(rest);
  // PTX 7.0 came with CUDA 11.0, and 8.0 with 12.0; minor versions went along at first.
  return major < 0 ? Version{} : Version{major + 4, std::max(minor, 0)};
}
