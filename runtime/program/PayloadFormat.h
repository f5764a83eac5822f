// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

/// \file
/// The border between compiled code and runtime: what a product (executable or shared library) holds.
///
/// **Payload.** A product carries a non-allocated ELF section `.attune.payload`, page-aligned in the file,
/// that the runtime finds through the section headers of its own file (`/proc/self/exe`, or `dladdr` in a
/// library) and maps read-only. It begins with a PayloadHeader and `blobCount` PayloadBlob entries:
///
/// | blob | content |
/// |---|---|
/// | `metadata` | JSON text, described below |
/// | `tokenizer` | the tokenizer's tables (runtime/tokenizer/TokenizerFormat.h); absent without a tokenizer |
/// | `device.CHIP.FORM` | kernels (`device.sm_80.ptx`, `device.spv`): see docs/devices.md |
/// | `weights` | packed parameters, page-aligned; absent if metadata names a `weights_file` |
///
/// **Code.** Each object of compiled code has an AttuneCode in the section `attune_code`: its entries, for
/// one kind of processor. Of the `cpus` in metadata, the last one that the machine can run is used. An entry
/// takes an array of pointers, one per argument in metadata's order, each to a MemRefDescriptor of the
/// argument's rank (MLIR's C interface). Arguments are inputs, outputs (filled by the entry), or the memory
/// that it works in. With a `target` other than "cpu" they lie in a device's memory, and the entry launches
/// kernels (runtime/device/DeviceAbi.h).
///
/// **Metadata** (all sizes in elements or bytes as named):
/// ```json
/// { "name": "SmolLM2", "kind": "decoder", "target": "cpu",
///   "cpus": [{"name": "x86-64-v3", "features": ["avx2", "fma", "f16c"]}],
///   "vocabulary": 49152, "hidden": 576, "layers": 30, "context": 8192, "chunk": 512,
///   "cache": {"layers": 30, "heads": 3, "key_size": 64, "value_size": 64, "type": "f16",
///             "scale_bytes": 0, "row_multiple": 16},
///   "workspace": {"bytes_per_token": 12345, "bytes_fixed": 4096, "token_multiple": 16},
///   "tokens": {"bos": 1, "eos": [2], "pad": null, "mask": null, "add_bos": false},
///   "chat_template": "...", "literal_tokens": 0, "weights_file": null,
///   "parameters": 134515008, "weight_bytes": 98000000, "description": {"...": "for info"},
///   "generation": {"temperature": 0.2, "top_p": 0.9},
///   "entries": [{"name": "step", "arguments": [
///      {"name": "input_ids", "role": "input", "type": "i32", "shape": ["tokens"]},
///      {"name": "batch", "role": "input", "type": "i32", "shape": ["tokens", 3]},
///      {"name": "output_rows", "role": "input", "type": "i32", "shape": ["outputs"]},
///      {"name": "logits", "role": "output", "type": "f32", "shape": ["outputs", 49152]},
///      {"name": "weights", "role": "weights", "type": "i8", "shape": ["weight_bytes"]},
///      {"name": "cache", "role": "cache", "type": "i8", "shape": ["cache_bytes"]},
///      {"name": "workspace", "role": "workspace", "type": "i8", "shape": ["workspace_bytes"]}]}] }
/// ```
/// **What a step is given.** A batch row is (position, first key row, key count): see docs/dialect.md. The
/// cache has `R` rows per layer, a multiple of `row_multiple`; its size is `layers * R * heads * ((key_size +
/// value_size) * sizeof(type) + 2 * scale_bytes)`: for each layer keys, values, scales of the keys and of the
/// values (of integers). And a sequence's first row is a multiple of `row_multiple`. An encoder's
/// cache is used within a step alone, so one layer of it is enough. The workspace is `bytes_fixed +
/// bytes_per_token * round_up(tokens, token_multiple)`; an entry may have a `workspace` of its own in the
/// place of metadata's. Cache and workspace are 64-byte aligned. `outputs` is 0 for all but the last chunk of
/// a prompt.
///
/// **Choices.** A device's entry with `logits` may have an output `likeliest` i32 ["outputs", 1] (role
/// "choice"): of each row of logits the id with the largest, the lowest of equal ones, or -1 for a row from
/// which nothing can be chosen. Logits need not leave the device then. A further entry `step_candidates`
/// makes of the `logits` that the step has left, and `temperatures` f32 ["outputs"], the `candidates` i32
/// ["outputs", N] and `candidate_values` f32 ["outputs", N + 1] of each row (role "choice";
/// `kernel.likeliest` in dialect/KernelOps.td says what they are); arguments with the role "scratch" are
/// memory that it needs.
///
/// **Taps.** The entry `step_taps` has further outputs (role "tap"), each with the dimension of all its
/// layers in front:
///
/// | tap | shape |
/// |---|---|
/// | `hidden_states` f32 | [layers + 1, tokens, hidden], or [layers, tokens, hidden] beside `final_state` |
/// | `final_state` f32 | [tokens, embedding size]: the last one where it has a size of its own |
/// | `embedding` f32 | [tokens, embedding size]: rows of the embedding table |
/// | `attentions` f32 | [layers, tokens, heads, keys]; `keys` is the largest key count of the step |
/// | `router_experts` i32 | [layers, tokens, chosen] |
/// | `router_weights` f32 | [layers, tokens, chosen] |
///
/// Metadata's `router_layers` lists the layers that route; the router's taps hold nothing for others. A model
/// with `literal_tokens` has a tap for every stage of its attention: `q`, `k`, `v`, `scores`, `weights` f32
/// [layers, tokens, heads, size or `keys`].
///
/// **Encoders.** `token_types` is how many the entry's `token_type_ids` choose from. An entry may have
/// `position_ids` i32 ["tokens"], rows of a table: `{"offset": 2, "uncounted": 1}` says that the first token
/// has row 2, and that tokens with the id 1 have row 1 and are not counted. `sentence` says how a text's
/// vector is made: `{"pooling": "mean", "normalize": true, "max_tokens": 256}` (`first`, `last`; 0: any
/// number).
///
/// **Encoder-decoders** (kind `encoder_decoder`). Two entries: `encode` reads sources (`batch` over their own
/// rows, `source_batch` over the rows that stay) and leaves keys and values for the decoder; `step` is a
/// decoder's with a `source_batch` i32 ["tokens", 3] of (0, first row, rows) of each token's source.
/// `source_cache` and `cross_cache`, described like `cache`, are what `encode` works in and what it leaves;
/// `encoder_layers` counts its layers. `tokens` may hold `decoder_start`, `forced_bos`, `forced_eos`,
/// `banned` (lists of ids that must not follow one another), `banned_first` (ids that no text begins with);
/// `generation` beams, length_penalty, repetition_penalty, early_stopping ("no", "yes", "never"), max_length,
/// min_length, no_repeat: runtime/engine/BeamSearch.h. Taps of `encode_taps`: enc_hidden, enc_attn; of
/// `step_taps`: dec_hidden, dec_attn, cross_attn (the last dimension "source_keys").
///
/// **Further fields.** With `literal_tokens` an entry has no `input_ids`. `add_bos` asks for the
/// begin-of-text token in front of prompts that the tokenizer gives without one. `generation` may hold
/// temperature, top_k, top_p, min_p, repetition_penalty. `cpu.features` are LLVM's names; one that the
/// runtime does not know counts as lacking. A relative `weights_file` is beside the product.

#ifndef ATTUNE_RUNTIME_PROGRAM_PAYLOADFORMAT_H
#define ATTUNE_RUNTIME_PROGRAM_PAYLOADFORMAT_H

#include <cstdint>

namespace attune {

inline constexpr char payloadSection[] = ".attune.payload";
/// A program header of this type points at the section too: it keeps the section in a segment, which LLVM's
/// strip leaves alone, and finds it when all section headers are gone.
inline constexpr uint32_t payloadSegment = 0x60617474; // OS-specific: no loader looks at it
inline constexpr char payloadMagic[8] = {'A', 'T', 'T', 'U', 'N', 'E', 0, 1};
inline constexpr uint64_t payloadAlignment = 4096;

struct PayloadHeader {
  char magic[8];
  uint64_t blobCount;
};

struct PayloadBlob {
  char name[24];   ///< NUL-terminated
  uint64_t offset; ///< bytes from the payload's beginning
  uint64_t bytes;
};

/// MLIR's description of a buffer of rank `Rank`.
template <int Rank> struct MemRefDescriptor {
  void *allocated;
  void *aligned;
  int64_t offset;
  int64_t sizes[Rank];
  int64_t strides[Rank];
};

} // namespace attune

extern "C" {
/// An entry of compiled code; see the file's comment.
struct AttuneEntry {
  const char *name;
  void (*call)(void **arguments);
};
/// Compiled code for one kind of processor.
struct AttuneCode {
  const char *cpu; ///< its name, as in metadata's `cpus`
  const AttuneEntry *entries;
  uint64_t entryCount;
};
// The section's bounds, which the linker defines. (Weak: the runtime by itself has no code. Hidden: another
// library's is not taken for this one's.)
extern const AttuneCode __start_attune_code[] __attribute__((weak, visibility("hidden")));
extern const AttuneCode __stop_attune_code[] __attribute__((weak, visibility("hidden")));
}

#endif // ATTUNE_RUNTIME_PROGRAM_PAYLOADFORMAT_H
