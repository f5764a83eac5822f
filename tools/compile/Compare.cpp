// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compile/Compare.h"

#include "frontend/weights/Safetensors.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

using namespace attune;
using llvm::Error;
using llvm::StringRef;

namespace {

std::string labelOf(const ReferenceValue &value) {
  return value.layer ? value.name + "." + std::to_string(*value.layer) : value.name;
}

//===------------------------ the program's values ------------------------===//

/// A safetensors file with `input_ids` [1, T], and `decoder_input_ids` of encoder-decoders.
Error writeInput(const std::string &path, const CompareIds &ids) {
  std::vector<std::pair<StringRef, llvm::ArrayRef<int64_t>>> tensors;
  if (!ids.source.empty())
    tensors = {{"input_ids", ids.source}, {"decoder_input_ids", ids.tokens}};
  else
    tensors = {{"input_ids", ids.tokens}};
  std::string header;
  size_t offset = 0;
  for (const auto &[name, values] : tensors) {
    header += fmt::format(R"({}"{}":{{"dtype":"I64","shape":[1,{}],"data_offsets":[{},{}]}})",
                          header.empty() ? "{" : ",", name.str(), values.size(), offset,
                          offset + values.size() * 8);
    offset += values.size() * 8;
  }
  header += "}";
  header.resize(llvm::alignTo(header.size(), 8), ' ');
  std::error_code code;
  llvm::raw_fd_ostream out(path, code);
  if (code)
    return llvm::createStringError(code, path + ": " + code.message());
  auto number = [&](uint64_t value) {
    char bytes[8];
    llvm::support::endian::write64le(bytes, value);
    out.write(bytes, sizeof(bytes));
  };
  number(header.size());
  out << header;
  for (const auto &[name, values] : tensors)
    for (int64_t id : values)
      number(id);
  out.close();
  return Error::success();
}

/// Runs `program run` and gives the tensors that it writes.
llvm::Expected<WeightStore> runProgram(const std::string &program, const Model &model,
                                       const std::string &folder, bool stepwise) {
  std::string output = folder + "/output.safetensors", log = folder + "/log",
              input = folder + "/input.safetensors";
  llvm::SmallVector<StringRef> arguments{program, "run", "-o", output};
  if (model.description.kind != ModelKind::literal)
    arguments.append({input, stepwise ? StringRef("--step") : StringRef("--all-hidden")});
  if (model.description.kind != ModelKind::literal && !stepwise)
    arguments.append({"--attentions", "--routing"});
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(log), StringRef(log)};
  std::string message;
  int result = llvm::sys::ExecuteAndWait(program, arguments, std::nullopt, redirects, 0, 0, &message);
  if (result == 0)
    return openSafetensors(output);
  std::string text;
  if (auto buffer = llvm::MemoryBuffer::getFile(log))
    text = (*buffer)->getBuffer().take_back(2000).trim().str();
  return llvm::createStringError("the compiled program failed (" +
                                 (message.empty() ? "exit code " + std::to_string(result) : message) +
                                 "): " + text);
}

std::vector<double> elementsOf(const TensorInfo &tensor) {
  std::vector<double> elements(tensor.elementCount());
  for (size_t i = 0; i < elements.size(); ++i)
    elements[i] = tensor.type == StorageType::I64
                      ? static_cast<double>(llvm::support::endian::read<int64_t, llvm::endianness::little>(
                            tensor.data.data() + 8 * i))
                      : llvm::bit_cast<float>(llvm::support::endian::read32le(tensor.data.data() + 4 * i));
  return elements;
}

/// A value [1, heads, tokens, keys] with tokens first.
std::vector<double> tokensFirst(llvm::ArrayRef<double> elements, llvm::ArrayRef<int64_t> shape) {
  std::vector<double> result(elements.size());
  int64_t heads = shape[1], tokens = shape[2], keys = shape[3];
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t token = 0; token < tokens; ++token)
      std::copy_n(&elements[(head * tokens + token) * keys], keys, &result[(token * heads + head) * keys]);
  return result;
}

/// Weights of attention: a decoder's or an encoder's own, or those of an encoder-decoder's parts.
bool isAttention(StringRef name) { return name == "attentions" || name.ends_with("_attn"); }

/// The program's elements of a value of the reference, in the reference's layout; nothing if the program does
/// not give it.
std::optional<std::vector<double>> findElements(const WeightStore &tensors, const ReferenceValue &value) {
  StringRef name = value.name;
  std::string label = name.consume_front("router_")
                          ? ("router." + llvm::Twine(value.layer.value_or(0)) + "." + name).str()
                          : labelOf(value);
  if (const TensorInfo *tensor = tensors.find(label))
    return isAttention(value.name) && tensor->shape.size() == 4
               ? tokensFirst(elementsOf(*tensor), tensor->shape)
               : elementsOf(*tensor);
  // Literal models: all layers in one tensor.
  const TensorInfo *tensor = tensors.find(value.name);
  if (!tensor || !value.layer || tensor->shape.empty() || *value.layer >= tensor->shape[0])
    return std::nullopt;
  std::vector<double> all = elementsOf(*tensor);
  int64_t size = static_cast<int64_t>(all.size()) / tensor->shape[0];
  return std::vector<double>(all.begin() + *value.layer * size, all.begin() + (*value.layer + 1) * size);
}

//===------------------------------- errors -------------------------------===//

struct Difference {
  double size = 0, rms = 0,
         largest = 0; ///< root mean square of the reference and of the difference, and the largest difference
  int64_t largestToken = 0;
  double worst = 0; ///< over tokens, the difference's root mean square over the reference's
};

/// Differences that are no numbers count as infinite.
Difference differenceOf(const ReferenceValue &value, llvm::ArrayRef<double> found) {
  Difference result;
  int64_t tokens = value.shape.empty() ? 1 : std::max<int64_t>(1, value.shape[0]);
  int64_t width = static_cast<int64_t>(value.elements.size()) / tokens;
  double sizes = 0, errors = 0;
  for (int64_t token = 0; token < tokens; ++token) {
    double size = 0, error = 0;
    for (int64_t i = token * width; i < (token + 1) * width; ++i) {
      double difference = std::fabs(found[i] - value.elements[i]);
      if (std::isnan(difference))
        difference = std::numeric_limits<double>::infinity();
      if (difference > result.largest) {
        result.largest = difference;
        result.largestToken = token;
      }
      size += value.elements[i] * value.elements[i];
      error += difference * difference;
    }
    sizes += size;
    errors += error;
    if (error > 0)
      result.worst = std::max(result.worst, std::sqrt(error / size));
  }
  double count = std::max<double>(1, value.elements.size());
  result.size = std::sqrt(sizes / count);
  result.rms = std::sqrt(errors / count);
  return result;
}

/// Says where a program goes wrong whose first wrong value is `value`.
std::string place(const ReferenceValue &value, const Description &model) {
  StringRef name = value.name;
  bool isEncoders = name.starts_with("enc");
  std::string stack = !model.encoder ? "" : isEncoders ? "the encoder's " : "the decoder's ";
  if (!value.layer)
    return name == "logits" || name.ends_with("last_hidden_state")
               ? "after " + (stack.empty() ? "the " : stack) + "last layer (final norm or head)"
               : "in '" + value.name + "'";
  std::string layer = stack + "layer " + std::to_string(*value.layer);
  if (!name.contains("hidden"))
    return "in " + layer + ", at or before '" + value.name + "': " +
           (isAttention(name) ? "norm before attention, queries, keys, rotary, scores, mask or softmax"
                              : "the steps that lead to it");
  if (*value.layer == 0)
    return "before " + layer + ": embedding, positions or their norm";
  std::string before = "in " + stack + "layer " + std::to_string(*value.layer - 1) +
                       ", after its attention weights: values, output projection, feed-forward or a norm";
  size_t layers = isEncoders && model.encoder ? model.encoder->layers.size() : model.layers.size();
  return static_cast<size_t>(*value.layer) == layers ? before + "; or in the final norm" : before;
}

class Table {
public:
  Table(llvm::raw_ostream &os, double tolerance, const Description &model)
      : os(os), tolerance(tolerance), model(model) {
    os << fmt::format("{:<26} {:>12} {:>12} {:>12} {:>9} {:>12}\n", "value", "size", "rms error", "largest",
                      "at token", "worst token");
  }

  void add(const std::string &label, const ReferenceValue &value, std::optional<std::vector<double>> found) {
    if (!found || found->size() != value.elements.size()) {
      os << fmt::format("{:<26} {}\n", label,
                        found ? "the program gives another number of elements" : "not given by the program");
      if (found)
        note(label + " has " + std::to_string(found->size()) + " elements, expected " +
             std::to_string(value.elements.size()) + ": " + place(value, model));
      return;
    }
    Difference difference = differenceOf(value, *found);
    bool isWrong = !(difference.worst <= tolerance);
    os << fmt::format("{:<26} {:>12.3e} {:>12.3e} {:>12.3e} {:>9} {:>12.3e}{}\n", label, difference.size,
                      difference.rms, difference.largest, difference.largestToken, difference.worst,
                      isWrong ? "  <-- beyond tolerance" : "");
    ++compared;
    if (isWrong)
      note(fmt::format("{} is wrong by {} of its size: {}", label, beyond(difference.worst),
                       place(value, model)));
  }

  Error verdict() const {
    if (!wrong.empty())
      return llvm::createStringError(
          fmt::format("the program differs from the reference beyond {}; first, {}", tolerance, wrong));
    if (compared == 0)
      return llvm::createStringError("the program gives none of the reference's values");
    os << fmt::format("{} values agree within {} of their size\n", compared, tolerance);
    return Error::success();
  }

private:
  /// With enough digits to tell it from the tolerance.
  std::string beyond(double error) const {
    int digits = 2;
    while (digits < 17 && fmt::format("{:.{}g}", error, digits) == fmt::format("{:.{}g}", tolerance, digits))
      ++digits;
    return fmt::format("{:.{}g}", error, digits);
  }

  void note(std::string text) {
    if (wrong.empty())
      wrong = std::move(text);
  }

  llvm::raw_ostream &os;
  double tolerance;
  const Description &model;
  int64_t compared = 0;
  std::string wrong;
};

} // namespace

static llvm::Expected<std::vector<int64_t>> parseList(StringRef text, const Description &model) {
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  if (text.consume_front("@")) {
    auto file = llvm::MemoryBuffer::getFile(text);
    if (!file)
      return llvm::createStringError(file.getError(), text + ": " + file.getError().message());
    buffer = std::move(*file);
    text = buffer->getBuffer();
  }
  std::vector<int64_t> ids;
  llvm::SmallVector<StringRef> words;
  llvm::SplitString(text, words, ", \t\r\n[]");
  for (StringRef word : words) {
    int64_t id;
    if (word.getAsInteger(10, id) || id < 0 || id >= model.vocabulary)
      return llvm::createStringError("--compare: '" + word + "' is no token id, expected 0 to " +
                                     llvm::Twine(model.vocabulary - 1));
    ids.push_back(id);
  }
  if (ids.empty() || static_cast<int64_t>(ids.size()) > model.context)
    return llvm::createStringError("--compare: " + llvm::Twine(ids.size()) + " ids, expected 1 to " +
                                   llvm::Twine(model.context) + ", the model's context");
  return ids;
}

llvm::Expected<CompareIds> attune::parseIds(StringRef text, const Description &model) {
  CompareIds ids;
  // A file's name may hold a slash; the last one is between the lists.
  StringRef tokens = text;
  if (model.encoder) {
    size_t slash = text.rfind('/');
    if (slash == StringRef::npos)
      return llvm::createStringError(
          "--compare is '" + text +
          "', but this model makes a text from a text: expected SOURCE/TOKENS, what "
          "the encoder reads and what the decoder is fed, like 5,17,40/0,9");
    auto source = parseList(text.take_front(slash), model);
    if (!source)
      return source.takeError();
    ids.source = std::move(*source);
    tokens = text.drop_front(slash + 1);
  }
  auto list = parseList(tokens, model);
  if (!list)
    return list.takeError();
  ids.tokens = std::move(*list);
  return ids;
}

Error attune::compareProgram(const std::string &program, llvm::ArrayRef<ReferenceValue> reference,
                             const CompareIds &ids, const Model &model, double tolerance,
                             const std::string &folder, llvm::raw_ostream &os) {
  if (Error error = writeInput(folder + "/input.safetensors", ids))
    return error;
  auto tensors = runProgram(program, model, folder, /*stepwise=*/false);
  if (!tensors)
    return tensors.takeError();
  Table table(os, tolerance, model.description);
  for (const ReferenceValue &value : reference)
    if (value.name != "embedding") // rows of a parameter, which 'run' does not give
      table.add(labelOf(value), value, findElements(*tensors, value));
  // The way through the cache, one token at a time.
  if (model.description.kind == ModelKind::decoder || model.description.encoder) {
    auto stepped = runProgram(program, model, folder, /*stepwise=*/true);
    if (!stepped)
      return stepped.takeError();
    for (const ReferenceValue &value : reference)
      if (value.name == "logits")
        table.add(value.name + ", by tokens", value, findElements(*stepped, value));
  }
  return table.verdict();
}
