# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The recorded models as GGUF files: keys, names and layouts are those of llama.cpp's converter."""
import array
import base64
import json
import math
import re

from support import gguf, tensors
from support.tensors import Tensor

LAYER = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
         "self_attn.qkv_proj": "attn_qkv", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
         "mlp.down_proj": "ffn_down", "mlp.gate_up_proj": "ffn_up"}
FOUR_NORMS = LAYER | {"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
                      "post_feedforward_layernorm": "post_ffw_norm"}
GPT2 = {"ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm", "mlp.c_fc": "ffn_up",
        "mlp.c_proj": "ffn_down"}
GPT_NEOX = {"input_layernorm": "attn_norm", "attention.query_key_value": "attn_qkv", "attention.dense": "attn_output",
            "post_attention_layernorm": "ffn_norm", "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down"}
MIXTRAL = LAYER | {"block_sparse_moe.gate": "ffn_gate_inp", "block_sparse_moe.experts.w1": "ffn_gate_exps",
                   "block_sparse_moe.experts.w2": "ffn_down_exps", "block_sparse_moe.experts.w3": "ffn_up_exps"}
QWEN_MOE = LAYER | {"mlp.gate": "ffn_gate_inp", "mlp.shared_expert_gate": "ffn_gate_inp_shexp"}
QWEN_MOE |= {f"mlp.{network}.{part}_proj": f"ffn_{part}_{ending}" for part in ("gate", "up", "down")
             for network, ending in (("experts", "exps"), ("shared_expert", "shexp"))}
GPT_OSS = LAYER | {"post_attention_layernorm": "post_attention_norm", "mlp.router": "ffn_gate_inp", "self_attn.sinks": "attn_sinks",
                   "mlp.experts.gate_proj": "ffn_gate_exps", "mlp.experts.up_proj": "ffn_up_exps", "mlp.experts.down_proj": "ffn_down_exps"}
LATENT = LAYER | {"self_attn.q_a_proj": "attn_q_a", "self_attn.q_a_layernorm": "attn_q_a_norm", "self_attn.q_b_proj": "attn_q_b",
                  "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa", "self_attn.kv_a_layernorm": "attn_kv_a_norm", "self_attn.kv_b_proj": "attn_kv_b",
                  "self_attn.k_b_proj": "attn_k_b", "self_attn.v_b_proj": "attn_v_b", "mlp.gate": "ffn_gate_inp", "mlp.gate.correction": "exp_probs_b"}
LATENT |= {f"mlp.{network}.{part}_proj": f"ffn_{part}_{ending}" for part in ("gate", "up", "down")
           for network, ending in (("experts", "exps"), ("shared_experts", "shexp"))}
LLAMA4 = LAYER | {"feed_forward.router": "ffn_gate_inp"} | {f"feed_forward.{part}_proj": f"ffn_{part}" for part in ("gate", "up", "down")}
LLAMA4 |= {f"feed_forward.{network}.{part}_proj": f"ffn_{part}_{ending}" for part in ("gate", "up", "down")
           for network, ending in (("experts", "exps"), ("shared_expert", "shexp"))}
DISTILBERT = {"attention.q_lin": "attn_q", "attention.k_lin": "attn_k", "attention.v_lin": "attn_v", "attention.out_lin": "attn_output",
              "sa_layer_norm": "attn_output_norm", "ffn.lin1": "ffn_up", "ffn.lin2": "ffn_down", "output_layer_norm": "layer_output_norm"}
MODERNBERT = {"attn_norm": "attn_norm", "attn.Wqkv": "attn_qkv", "attn.Wo": "attn_output", "mlp_norm": "ffn_norm", "mlp.Wi": "ffn_up",
              "mlp.Wo": "ffn_down"}
BERT = {"attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
        "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm", "intermediate.dense": "ffn_up",
        "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm"}
T5 = {f"layer.0.SelfAttention.{part}": f"attn_{part}" for part in "qkvo"} | {f"layer.1.EncDecAttention.{part}": f"cross_attn_{part}" for part in "qkvo"}
T5 |= {"layer.0.layer_norm": "attn_norm", "layer.0.SelfAttention.relative_attention_bias": "attn_rel_b"}
T5_NETWORK = {"layer_norm": "ffn_norm", "DenseReluDense.wi": "ffn_up", "DenseReluDense.wi_0": "ffn_gate", "DenseReluDense.wi_1": "ffn_up",
              "DenseReluDense.wo": "ffn_down"}
T5_STACKS = {"encoder": ("enc", T5 | {f"layer.1.{part}": name for part, name in T5_NETWORK.items()}),
             "decoder": ("dec", T5 | {"layer.1.layer_norm": "cross_attn_norm"} | {f"layer.2.{part}": name for part, name in T5_NETWORK.items()})}
MODEL = {"shared": "token_embd", "encoder.final_layer_norm": "enc.output_norm", "decoder.final_layer_norm": "dec.output_norm",
         "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "transformer.wte": "token_embd",
         "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm", "gpt_neox.embed_in": "token_embd",
         "gpt_neox.final_layer_norm": "output_norm", "embed_out": "output", "model.embeddings.tok_embeddings": "token_embd",
         "model.embeddings.norm": "token_embd_norm", "model.final_norm": "output_norm"}
for family in ("bert", "roberta", "distilbert"):
    MODEL |= {f"{family}.embeddings.{stem}": name for stem, name in (
        ("word_embeddings", "token_embd"), ("position_embeddings", "position_embd"), ("token_type_embeddings", "token_types"),
        ("LayerNorm", "token_embd_norm"))}

# model_type: architecture, names of a layer's tensors, what precedes a layer's number.
FAMILIES = {"llama": ("llama", LAYER, "model.layers."), "mistral": ("llama", LAYER, "model.layers."),
            "qwen2": ("qwen2", LAYER, "model.layers."), "qwen3": ("qwen3", LAYER, "model.layers."),
            "smollm3": ("smollm3", LAYER, "model.layers."), "granite": ("granite", LAYER, "model.layers."),
            "phi3": ("phi3", LAYER, "model.layers."), "olmo2": ("olmo2", FOUR_NORMS, "model.layers."),
            "gemma2": ("gemma2", FOUR_NORMS, "model.layers."), "gemma3_text": ("gemma3", FOUR_NORMS, "model.layers."),
            "mixtral": ("llama", MIXTRAL, "model.layers."), "qwen2_moe": ("qwen2moe", QWEN_MOE, "model.layers."),
            "qwen3_moe": ("qwen3moe", QWEN_MOE, "model.layers."), "gpt_oss": ("gpt-oss", GPT_OSS, "model.layers."),
            "gpt2": ("gpt2", GPT2, "transformer.h."), "gpt_neox": ("gptneox", GPT_NEOX, "gpt_neox.layers."),
            "bert": ("bert", BERT, "bert.encoder.layer."), "roberta": ("bert", BERT, "roberta.encoder.layer."),
            "distilbert": ("bert", DISTILBERT, "distilbert.transformer.layer."), "modernbert": ("modern-bert", MODERNBERT, "model.layers."),
            "deepseek_v2": ("deepseek2", LATENT, "model.layers."), "deepseek_v3": ("deepseek2", LATENT, "model.layers."),
            "llama4_text": ("llama4", LLAMA4, "model.layers."), "t5": ("t5", None, None)}
INTERLEAVED = ("llama", "mistral", "mixtral", "smollm3", "granite")


def name_of(name, layers, prefix):
    stem, ending = name.rsplit(".", 1)
    if not layers:  # a stack's own
        if stem in MODEL:
            return f"{MODEL[stem]}.{ending}"
        stack, _, number, part = stem.split(".", 3)
        prefix, layers = T5_STACKS[stack]
        return f"{prefix}.blk.{number}.{layers[part]}.{ending}"
    if not name.startswith(prefix):
        return f"{MODEL[stem]}.{ending}"
    number, part = stem[len(prefix):].split(".", 1)
    return f"blk.{number}.{layers[part]}.{ending}"


def reordered(tensor, order):
    """Rows (or elements of a vector) in another order."""
    width = tensor.shape[1] if len(tensor.shape) == 2 else 1
    values = array.array("f")
    for row in order:
        values += tensor.values[row * width:(row + 1) * width]
    return Tensor(tensor.shape, values)


def interleaved(heads, size):
    """Rows of heads with the two halves of each head taken in turn."""
    return [h * size + half * size // 2 + i for h in range(heads) for i in range(size // 2) for half in (0, 1)]


def one_above_the_other(heads, size):
    """Rows of all queries, then all keys, then all values, from rows of one head after the other."""
    return [(h * 3 + part) * size + i for part in range(3) for h in range(heads) for i in range(size)]


def transposed(tensor):
    rows, columns = tensor.shape
    values = array.array("f", (tensor.values[r * columns + c] for c in range(columns) for r in range(rows)))
    return Tensor([columns, rows], values)


def stacked(named):
    """Tensors of one expert each, `...experts.NUMBER...`, as one of all."""
    result, experts = {}, {}
    for name, tensor in named.items():
        if number := re.search(r"experts\.(\d+)\.", name):
            experts.setdefault(name.replace(number[0], "experts."), {})[int(number[1])] = tensor
        else:
            result[name] = tensor
    for name, parts in experts.items():
        values = array.array("f")
        for number in sorted(parts):
            values += parts[number].values
        result[name] = Tensor([len(parts), *parts[0].shape], values)
    return result


def separated(named, alternate):
    """gpt-oss and Llama 4: experts as [out, in], gate and up, which alternate or follow each other, apart; names with endings."""
    result = {}
    for name, tensor in named.items():
        stem, bias = name.removesuffix("_bias"), name.endswith("_bias")
        ending = ".bias" if bias else ".weight"
        if ".experts." not in name:
            result[name if name.rsplit(".", 1)[1] in ("weight", "bias") else name + ".weight"] = tensor
            continue
        count, columns = tensor.shape[0], tensor.shape[-1]
        rows = 1 if bias else tensor.shape[1]
        gate_up = (range(0, columns, 2), range(1, columns, 2)) if alternate else (range(columns // 2), range(columns // 2, columns))
        parts = dict(zip(("gate_proj", "up_proj"), gate_up)) if stem.endswith("gate_up_proj") else {"down_proj": range(columns)}
        for part, chosen in parts.items():
            values = array.array("f", (tensor.values[(e * rows + r) * columns + c] for e in range(count) for c in chosen for r in range(rows)))
            shape = [count, len(chosen)] if bias else [count, len(chosen), rows]
            result[stem.rsplit(".", 1)[0] + "." + part + ending] = Tensor(shape, values)
    return result


def cut(named, heads, plain):
    """DeepSeek: the matrices that make keys of the latent vector, turned round, and those that make values, each a stack of all heads'."""
    result = {}
    for name, tensor in named.items():
        if not name.endswith("kv_b_proj.weight"):
            result[name] = tensor
            continue
        rows, rank = tensor.shape[0] // heads, tensor.shape[1]
        at = lambda head, row, column: tensor.values[(head * rows + row) * rank + column]
        keys = array.array("f", (at(h, r, c) for h in range(heads) for c in range(rank) for r in range(plain)))
        values = array.array("f", (at(h, r, c) for h in range(heads) for r in range(plain, rows) for c in range(rank)))
        result[name.replace("kv_b", "k_b")] = Tensor([heads, rank, plain], keys)
        result[name.replace("kv_b", "v_b")] = Tensor([heads, rows - plain, rank], values)
    return result


NORMAL, UNKNOWN, CONTROL, UNUSED = 1, 2, 3, 5


def unigram_metadata(tokenizer, config):
    """The tokenizer of a file of SentencePiece's, filled up to the rows of the embedding table."""
    pieces = tokenizer["model"]["vocab"]
    control = {token["content"] for token in tokenizer["added_tokens"]} - {pieces[tokenizer["model"]["unk_id"]][0]}
    rest = range(len(pieces), config["vocab_size"])
    kinds = [CONTROL if piece in control else NORMAL for piece, _ in pieces]
    kinds[tokenizer["model"]["unk_id"]] = UNKNOWN
    values = {"model": "t5", "pre": "default", "tokens": [piece for piece, _ in pieces] + [f"[PAD{number}]" for number in rest],
              "scores": [float(score) for _, score in pieces] + [-10000.0 for _ in rest], "token_type": kinds + [UNUSED for _ in rest],
              "add_space_prefix": True, "remove_extra_whitespaces": True,
              "precompiled_charsmap": base64.b64decode(tokenizer["normalizer"]["normalizers"][0]["precompiled_charsmap"]),
              "unknown_token_id": tokenizer["model"]["unk_id"], "eos_token_id": config["eos_token_id"], "padding_token_id": config["pad_token_id"]}
    return {f"tokenizer.ggml.{key}": value for key, value in values.items()}


class Converter:
    def __init__(self, folder):
        self.config = json.loads((folder / "config.json").read_text())
        self.type = self.config["model_type"]
        self.tokenizer = json.loads((folder / "tokenizer.json").read_text())
        self.architecture, self.layers, self.prefix = FAMILIES[self.type]
        self.stored = stacked(tensors.load(folder / "model.safetensors"))
        if self.type in ("gpt_oss", "llama4_text"):
            self.stored = separated(self.stored, alternate=self.type == "gpt_oss")
        # Converters have cut the matrix since 2025; models without a rank of queries are left as older files have them.
        self.is_cut = bool(self.config.get("q_lora_rank"))
        if self.is_cut:
            self.stored = cut(self.stored, self.config["num_attention_heads"], self.config["qk_nope_head_dim"])
        self.stored = {name.replace("gate.e_score_correction_bias", "gate.correction.bias"): tensor for name, tensor in self.stored.items()}
        if self.type == "modernbert":
            self.stored = {name: tensor for name, tensor in self.stored.items() if name.startswith("model.")}
        if self.architecture == "bert":  # such files have no head
            self.stored = {name: tensor for name, tensor in self.stored.items() if name.startswith(self.prefix.split(".")[0] + ".")}

    def get(self, *keys):
        return next((self.config[key] for key in keys if self.config.get(key) is not None), None)

    def tensor(self, name, tensor):
        if self.type == "t5":
            return tensor
        heads = self.get("num_attention_heads", "n_head", "n_heads")
        size = self.get("head_dim") or self.get("hidden_size", "n_embd", "dim") // heads
        if self.type.startswith("gemma") and "norm" in name:
            return Tensor(tensor.shape, array.array("f", (1 + w for w in tensor.values)))
        if self.type in INTERLEAVED and ("q_proj" in name or "k_proj" in name):
            return reordered(tensor, interleaved(heads if "q_proj" in name else self.get("num_key_value_heads"), size))
        if self.type == "gpt_neox" and "query_key_value" in name:
            return reordered(tensor, one_above_the_other(heads, size))
        if name.endswith("shared_expert_gate.weight"):
            return Tensor(tensor.shape[1:], tensor.values)
        if self.type == "roberta" and "position_embeddings" in name:  # rows up to the padding token's are for no position
            first = self.config["pad_token_id"] + 1
            return Tensor([tensor.shape[0] - first, tensor.shape[1]], tensor.values[first * tensor.shape[1]:])
        if self.type == "gpt2" and len(tensor.shape) == 2 and ".h." in name:
            return transposed(tensor)
        return tensor

    def pair_metadata(self):
        """T5's keys. Distances that share the last bucket are none of them."""
        config = self.config
        values = {"context_length": config.get("n_positions", 512), "embedding_length": config["d_model"], "block_count": config["num_layers"],
                  "decoder_block_count": config["num_decoder_layers"], "feed_forward_length": config["d_ff"],
                  "attention.head_count": config["num_heads"], "attention.key_length": config["d_kv"], "attention.value_length": config["d_kv"],
                  "attention.layer_norm_epsilon": config["layer_norm_epsilon"], "attention.layer_norm_rms_epsilon": config["layer_norm_epsilon"],
                  "attention.relative_buckets_count": config["relative_attention_num_buckets"],
                  "decoder_start_token_id": config["decoder_start_token_id"]}
        return {"general.architecture": "t5"} | {f"t5.{key}": value for key, value in values.items()}

    def latent_metadata(self):
        """DeepSeek's keys; lengths of keys and values are those of the cache, where the matrix of both is cut."""
        config, turned = self.config, self.config["qk_rope_head_dim"]
        key, value = config["qk_nope_head_dim"] + turned, config["v_head_dim"]
        values = {"attention.kv_lora_rank": config["kv_lora_rank"], "attention.q_lora_rank": config["q_lora_rank"], "rope.dimension_count": turned,
                  "leading_dense_block_count": config["first_k_dense_replace"], "expert_shared_count": config["n_shared_experts"],
                  "expert_weights_scale": float(config["routed_scaling_factor"]), "expert_weights_norm": config["norm_topk_prob"] or None,
                  "expert_group_count": config["n_group"], "expert_group_used_count": config["topk_group"],
                  "expert_gating_func": 2 if self.type == "deepseek_v3" else None, "attention.key_length": key, "attention.value_length": value}
        if self.is_cut:
            rank = config["kv_lora_rank"]
            values |= {"attention.head_count_kv": 1, "attention.key_length": rank + turned, "attention.value_length": rank,
                       "attention.key_length_mla": key, "attention.value_length_mla": value}
        if all_dims := (config.get("rope_scaling") or {}).get("mscale_all_dim"):
            values["rope.scaling.yarn_log_multiplier"] = 0.1 * all_dims
        return values

    def metadata(self):
        if self.type == "t5":
            return self.pair_metadata() | unigram_metadata(self.tokenizer, self.config)
        config, heads, size = self.config, self.get("num_attention_heads", "n_head", "n_heads"), self.get("head_dim")
        values = {"context_length": self.get("max_position_embeddings", "n_positions"), "embedding_length": self.get("hidden_size", "n_embd", "dim"),
                  "block_count": self.get("num_hidden_layers", "n_layer", "n_layers"), "attention.head_count": heads,
                  "feed_forward_length": self.get("intermediate_size_mlp", "intermediate_size", "n_inner", "hidden_dim") or 4 * self.get("n_embd"),
                  "attention.head_count_kv": self.get("num_key_value_heads"), "attention.key_length": size, "attention.value_length": size,
                  "attention.layer_norm_rms_epsilon": self.get("rms_norm_eps"),
                  "attention.layer_norm_epsilon": self.get("layer_norm_eps", "layer_norm_epsilon"),
                  "rope.freq_base": float(self.get("rope_theta", "global_rope_theta") or 0) or None,
                  "rope.freq_base_swa": self.get("local_rope_theta"),
                  "use_parallel_residual": self.get("use_parallel_residual"), "attention.sliding_window": self.get("sliding_window"),
                  "attn_logit_softcapping": self.get("attn_logit_softcapping"), "final_logit_softcapping": self.get("final_logit_softcapping"),
                  "expert_count": self.get("num_local_experts", "num_experts", "n_routed_experts"), "expert_used_count": self.get("num_experts_per_tok"),
                  "expert_feed_forward_length": self.get("moe_intermediate_size"),
                  "attention.scale": self.get("attention_multiplier"), "embedding_scale": self.get("embedding_multiplier"),
                  "residual_scale": self.get("residual_multiplier"), "logit_scale": self.get("logits_scaling")}
        if self.architecture == "deepseek2":
            values |= self.latent_metadata()
        if self.type == "llama4_text":
            values |= {"interleave_moe_layer_step": config["interleave_moe_layer_step"], "expert_feed_forward_length": config["intermediate_size"]}
        if self.type == "modernbert":
            values |= {"attention.layer_norm_rms_epsilon": config["norm_eps"], "attention.sliding_window": config["local_attention"],
                       "attention.sliding_window_pattern": config["global_attn_every_n_layers"], "hidden_act": config["hidden_activation"]}
        if self.type == "distilbert":
            values["attention.layer_norm_epsilon"] = 1e-12
        if self.type == "gpt_neox":
            values["rope.dimension_count"] = int(self.get("rotary_pct") * values["embedding_length"] // heads)
        if self.type == "gemma3_text":
            values["attention.sliding_window_pattern"] = config["sliding_window_pattern"]
        if self.architecture.endswith("bert"):
            values["attention.causal"] = False
        scaling = config.get("rope_scaling") or {}
        if "factor" in scaling:
            values |= {"rope.scaling.type": scaling.get("rope_type", "linear"), "rope.scaling.factor": float(scaling["factor"]),
                       "rope.scaling.original_context_length": scaling.get("original_max_position_embeddings")}
        if "long_factor" in scaling:
            original = config["original_max_position_embeddings"]
            factor = config["max_position_embeddings"] / original
            values |= {"rope.scaling.type": "longrope", "rope.scaling.original_context_length": original,
                       "rope.scaling.attn_factor": math.sqrt(1 + math.log(factor) / math.log(original))}
        keys = {f"{self.architecture}.{key}": value for key, value in values.items() if value is not None}
        return {"general.architecture": self.architecture} | keys

    def factors(self):
        """Divisors of frequencies, which files hold as tensors."""
        scaling = self.config.get("rope_scaling") or {}
        return {f"rope_factors_{kind}.weight": Tensor([len(scaling[f"{kind}_factor"])], array.array("f", scaling[f"{kind}_factor"]))
                for kind in ("short", "long") if f"{kind}_factor" in scaling}


def has_form(folder):
    """Whether a GGUF file can say what the model is: scores scaled by head size, f32, a known family."""
    config = json.loads((folder / "config.json").read_text())
    size = config.get("head_dim")
    return (config["model_type"] in FAMILIES and config.get("dtype") == "float32" and (folder / "model.safetensors").exists()
            and config.get("query_pre_attn_scalar", size) == size and not (config.get("rope_scaling") or {}).get("low_freq_factor"))


def convert(folder, path):
    converter = Converter(folder)
    named = {name_of(name, converter.layers, converter.prefix): converter.tensor(name, tensor)
             for name, tensor in converter.stored.items()}
    gguf.save(path, converter.metadata(), named | converter.factors())
    return path
