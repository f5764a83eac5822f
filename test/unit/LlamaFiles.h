// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// A small Llama as a Hugging Face folder and as a GGUF file, to be changed by tests.

#ifndef ATTUNE_TEST_UNIT_LLAMAFILES_H
#define ATTUNE_TEST_UNIT_LLAMAFILES_H

#include "WeightFiles.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include <map>
#include <numeric>

namespace attune::test {

/// config.json and the shapes of model.safetensors; all tensors are f32 zeros.
struct LlamaFolder {
  llvm::json::Object config{
      {"model_type", "llama"},    {"architectures", llvm::json::Array{"LlamaForCausalLM"}},
      {"vocab_size", 10},         {"hidden_size", 8},
      {"intermediate_size", 12},  {"num_hidden_layers", 2},
      {"num_attention_heads", 4}, {"num_key_value_heads", 2},
      {"rms_norm_eps", 0.001},    {"max_position_embeddings", 64},
      {"hidden_act", "silu"},     {"tie_word_embeddings", true},
      {"bos_token_id", 1},        {"eos_token_id", 2},
  };
  std::map<std::string, std::vector<int64_t>> tensors;

  LlamaFolder() {
    tensors["model.embed_tokens.weight"] = {10, 8};
    tensors["model.norm.weight"] = {8};
    for (int layer = 0; layer < 2; ++layer) {
      std::string prefix = "model.layers." + std::to_string(layer) + ".";
      tensors[prefix + "input_layernorm.weight"] = {8};
      tensors[prefix + "post_attention_layernorm.weight"] = {8};
      tensors[prefix + "self_attn.q_proj.weight"] = {8, 8};
      tensors[prefix + "self_attn.k_proj.weight"] = {4, 8};
      tensors[prefix + "self_attn.v_proj.weight"] = {4, 8};
      tensors[prefix + "self_attn.o_proj.weight"] = {8, 8};
      tensors[prefix + "mlp.gate_proj.weight"] = {12, 8};
      tensors[prefix + "mlp.up_proj.weight"] = {12, 8};
      tensors[prefix + "mlp.down_proj.weight"] = {8, 12};
    }
  }

  void write(const Folder &folder) const {
    folder.write("config.json", llvm::formatv("{0:2}", llvm::json::Value(llvm::json::Object(config))).str());
    llvm::json::Object header;
    int64_t end = 0;
    for (const auto &[name, shape] : tensors) {
      int64_t begin = end;
      end += 4 * std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
      header[name] = llvm::json::Object{{"dtype", "F32"},
                                        {"shape", llvm::json::Array(shape)},
                                        {"data_offsets", llvm::json::Array{begin, end}}};
    }
    folder.write("model.safetensors",
                 safetensors(llvm::formatv("{0}", llvm::json::Value(std::move(header))).str(),
                             std::string(end, '\0')));
  }
};

/// The same model as GGUF; keys and tensors as the file will hold them.
struct LlamaGguf {
  enum : uint32_t { U32 = 4, F32 = 6, Bool = 7, String = 8 };
  struct Entry {
    uint32_t type;
    std::string bytes;
  };
  struct Tensor {
    std::vector<uint64_t> dimensions; ///< innermost first
    uint32_t type = 0;                ///< f32
    std::string bytes = {};           ///< zeros if empty
  };
  std::map<std::string, Entry> entries;
  std::map<std::string, Tensor> tensors;

  static Entry number(uint32_t value) { return {U32, little(value)}; }
  static Entry real(float value) { return {F32, little(value)}; }
  static Entry text(llvm::StringRef value) { return {String, GgufBuilder::string(value)}; }
  static Entry flag(bool value) { return {Bool, std::string(1, value)}; }

  LlamaGguf() {
    entries["general.architecture"] = text("llama");
    entries["general.name"] = text("Tiny");
    entries["llama.block_count"] = number(2);
    entries["llama.embedding_length"] = number(8);
    entries["llama.context_length"] = number(64);
    entries["llama.feed_forward_length"] = number(12);
    entries["llama.attention.head_count"] = number(4);
    entries["llama.attention.head_count_kv"] = number(2);
    entries["llama.attention.layer_norm_rms_epsilon"] = real(0.001f);
    entries["llama.rope.freq_base"] = real(10000);
    tensors["token_embd.weight"] = {{8, 10}};
    tensors["output_norm.weight"] = {{8}};
    for (int layer = 0; layer < 2; ++layer) {
      std::string prefix = "blk." + std::to_string(layer) + ".";
      tensors[prefix + "attn_norm.weight"] = {{8}};
      tensors[prefix + "ffn_norm.weight"] = {{8}};
      tensors[prefix + "attn_q.weight"] = {{8, 8}};
      tensors[prefix + "attn_k.weight"] = {{8, 4}};
      tensors[prefix + "attn_v.weight"] = {{8, 4}};
      tensors[prefix + "attn_output.weight"] = {{8, 8}};
      tensors[prefix + "ffn_gate.weight"] = {{8, 12}};
      tensors[prefix + "ffn_up.weight"] = {{8, 12}};
      tensors[prefix + "ffn_down.weight"] = {{12, 8}};
    }
  }

  std::string write(const Folder &folder) const {
    GgufBuilder file;
    for (const auto &[key, entry] : entries)
      file.entry(key, entry.type, entry.bytes);
    for (const auto &[name, tensor] : tensors) {
      uint64_t count = std::accumulate(tensor.dimensions.begin(), tensor.dimensions.end(), uint64_t(1),
                                       std::multiplies<>());
      file.tensor(name, tensor.dimensions, tensor.type,
                  tensor.bytes.empty() ? std::string(4 * count, '\0') : tensor.bytes);
    }
    return folder.write("model.gguf", file.build());
  }
};

} // namespace attune::test

#endif // ATTUNE_TEST_UNIT_LLAMAFILES_H
