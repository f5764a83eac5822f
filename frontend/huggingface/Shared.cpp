// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Parts of config.json that families share.

#include "frontend/huggingface/Family.h"
#include "frontend/weights/Safetensors.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace attune;
using namespace attune::huggingface;
using llvm::formatv;
using llvm::StringRef;

void huggingface::readHeads(const Config &config, int64_t hidden, Attention &attention,
                            std::optional<int64_t> preset) {
  attention.heads = config.size("num_attention_heads");
  attention.keyHeads = config.size("num_key_value_heads", attention.heads);
  if (attention.heads % attention.keyHeads)
    config.fail("num_key_value_heads",
                formatv("is {0}, which does not divide 'num_attention_heads', which is {1}",
                        attention.keyHeads, attention.heads));
  if (!config.has("head_dim") && !preset && hidden % attention.heads)
    config.fail(
        "num_attention_heads",
        formatv("is {0}, which does not divide 'hidden_size', which is {1} (and there is no 'head_dim')",
                attention.heads, hidden));
  attention.headSize =
      config.size("head_dim", preset.value_or(std::max<int64_t>(1, hidden / attention.heads)));
}

Activation huggingface::readActivation(const Config &config, StringRef key, StringRef preset) {
  return activationOf(config, key, config.text(key, preset));
}

Activation huggingface::activationOf(const Config &config, StringRef key, StringRef word) {
  struct Name {
    StringRef word;
    Activation value;
  };
  static const Name names[] = {
      {"gelu", Activation::gelu},
      {"gelu_accurate", Activation::gelu_tanh},
      {"gelu_fast", Activation::gelu_tanh},
      {"gelu_new", Activation::gelu_tanh},
      {"gelu_python", Activation::gelu},
      {"gelu_python_tanh", Activation::gelu_tanh},
      {"gelu_pytorch_tanh", Activation::gelu_tanh},
      {"linear", Activation::identity},
      {"quick_gelu", Activation::quick_gelu},
      {"relu", Activation::relu},
      {"relu2", Activation::relu_squared},
      {"sigmoid", Activation::sigmoid},
      {"silu", Activation::silu},
      {"swish", Activation::silu},
      {"tanh", Activation::tanh},
  };
  std::vector<StringRef> words;
  for (const Name &name : names) {
    if (name.word == word)
      return name.value;
    words.push_back(name.word);
  }
  config.refuse(key, "one of: " + llvm::join(words, ", "));
  return Activation::silu;
}

bool huggingface::folderHasTensor(const Description &model, StringRef tensor) {
  llvm::Expected<WeightStore> store = openSafetensors(llvm::sys::path::parent_path(model.origin.file));
  if (store)
    return store->find(tensor);
  llvm::consumeError(store.takeError());
  return true;
}

void huggingface::expectArchitecture(const Config &config, StringRef name) {
  if (config.has("architectures") && !llvm::is_contained(config.texts("architectures"), name))
    config.refuse("architectures", "[\"" + name + "\"]");
}
