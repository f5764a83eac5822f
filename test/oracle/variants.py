# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small configurations of every family, apart from those that are recorded: family -> (configuration class, model class, what all
of its variants share, name -> what a variant sets otherwise). Keys are those of transformers; of its own are `dtype` (how weights
are stored) and `shards` (whether over several files)."""

LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}
LINEAR = {"rope_type": "linear", "factor": 3.0}
DYNAMIC = {"rope_type": "dynamic", "factor": 2.0}
SIZES = dict(vocab_size=120, hidden_size=48, intermediate_size=72, num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
             max_position_embeddings=64, rms_norm_eps=1e-3, bos_token_id=1, eos_token_id=2, pad_token_id=0, tie_word_embeddings=False)
MIXTURE = dict(SIZES, moe_intermediate_size=24, num_experts=6, num_experts_per_tok=2)
DEEPSEEK = dict(SIZES, moe_intermediate_size=24, n_routed_experts=8, num_experts_per_tok=3, n_shared_experts=1, kv_lora_rank=16,
                q_lora_rank=20, qk_nope_head_dim=8, qk_rope_head_dim=4, v_head_dim=10, num_key_value_heads=6, first_k_dense_replace=1,
                num_hidden_layers=3)
ENCODER = dict(vocab_size=120, hidden_size=40, intermediate_size=56, num_hidden_layers=2, num_attention_heads=5,
               max_position_embeddings=48, layer_norm_eps=1e-3, pad_token_id=0)
PAIR = dict(vocab_size=120, d_model=40, encoder_layers=2, decoder_layers=1, encoder_attention_heads=5, decoder_attention_heads=2,
            encoder_ffn_dim=56, decoder_ffn_dim=44, max_position_embeddings=48, pad_token_id=1, bos_token_id=0, eos_token_id=2,
            decoder_start_token_id=2, forced_eos_token_id=None)
T5 = dict(vocab_size=120, d_model=40, d_kv=6, d_ff=56, num_layers=2, num_heads=5, layer_norm_epsilon=1e-3, pad_token_id=0,
          eos_token_id=1, decoder_start_token_id=0, n_positions=64)

LLAMA_VARIANTS = {
    "wide heads": dict(head_dim=20), "one key head": dict(num_key_value_heads=1), "as many key heads": dict(num_key_value_heads=6),
    "tied, bf16": dict(tie_word_embeddings=True, dtype="bfloat16"), "linear": dict(rope_scaling=LINEAR), "yarn": dict(rope_scaling=YARN),
}
SLIDES = ["sliding_attention", "full_attention"]

FAMILIES = {
    "llama": ("LlamaConfig", "LlamaForCausalLM", SIZES, {
        **LLAMA_VARIANTS, "llama3": dict(rope_scaling=LLAMA3), "dynamic": dict(rope_scaling=DYNAMIC),
        "biases": dict(attention_bias=True, mlp_bias=True), "gelu, theta": dict(hidden_act="gelu", rope_theta=500.0),
        "yarn's settings": dict(rope_scaling=dict(YARN, beta_fast=8, beta_slow=2, attention_factor=1.3)),
        "yarn, mscale": dict(rope_scaling=dict(YARN, mscale=0.7, mscale_all_dim=1.2, truncate=False)),
        "head size 1": dict(num_attention_heads=4, head_dim=2, num_key_value_heads=2), "sharded, f16": dict(shards=True, dtype="float16")}),
    "mistral": ("MistralConfig", "MistralForCausalLM", SIZES, {
        **LLAMA_VARIANTS, "window 4": dict(sliding_window=4), "window 1": dict(sliding_window=1), "no window": dict(sliding_window=None)}),
    "mixtral": ("MixtralConfig", "MixtralForCausalLM", dict(SIZES, num_local_experts=5, num_experts_per_tok=2), {
        "one of three": dict(num_local_experts=3, num_experts_per_tok=1), "all": dict(num_local_experts=3, num_experts_per_tok=3),
        "window": dict(sliding_window=5), "wide heads, tied": dict(head_dim=12, tie_word_embeddings=True), "bf16": dict(dtype="bfloat16"),
        "gelu": dict(hidden_act="gelu_pytorch_tanh")}),
    "qwen2": ("Qwen2Config", "Qwen2ForCausalLM", SIZES, {
        "window from 1": dict(use_sliding_window=True, sliding_window=4, max_window_layers=1), "yarn": dict(rope_scaling=YARN),
        "layer types": dict(use_sliding_window=True, sliding_window=3, layer_types=SLIDES), "tied": dict(tie_word_embeddings=True),
        "one key head, f16": dict(num_key_value_heads=1, dtype="float16"), "theta": dict(rope_theta=1e6)}),
    "qwen3": ("Qwen3Config", "Qwen3ForCausalLM", SIZES, {
        "head size 10": dict(head_dim=10), "biases": dict(head_dim=8, attention_bias=True), "yarn": dict(head_dim=16, rope_scaling=YARN),
        "window": dict(head_dim=8, use_sliding_window=True, sliding_window=4, max_window_layers=1), "tied, bf16": dict(
            head_dim=8, tie_word_embeddings=True, dtype="bfloat16")}),
    "qwen2_moe": ("Qwen2MoeConfig", "Qwen2MoeForCausalLM", dict(MIXTURE, shared_expert_intermediate_size=32), {
        "renormalised": dict(norm_topk_prob=True), "not so": dict(norm_topk_prob=False), "every other": dict(decoder_sparse_step=2),
        "dense first": dict(mlp_only_layers=[0]), "no biases": dict(qkv_bias=False),
        "window": dict(use_sliding_window=True, sliding_window=4, max_window_layers=1), "dense alone": dict(mlp_only_layers=[0, 1])}),
    "qwen3_moe": ("Qwen3MoeConfig", "Qwen3MoeForCausalLM", dict(MIXTURE, head_dim=8), {
        "renormalised": dict(norm_topk_prob=True), "not so": dict(norm_topk_prob=False), "every other": dict(decoder_sparse_step=2),
        "dense last": dict(mlp_only_layers=[1]), "wide heads, biases": dict(head_dim=12, attention_bias=True),
        "window": dict(use_sliding_window=True, sliding_window=4)}),
    "gemma2": ("Gemma2Config", "Gemma2ForCausalLM", dict(SIZES, head_dim=8, sliding_window=4, tie_word_embeddings=True), {
        "no caps": dict(attn_logit_softcapping=None, final_logit_softcapping=None), "low caps": dict(attn_logit_softcapping=2.0, final_logit_softcapping=3.0),
        "scalar": dict(query_pre_attn_scalar=24), "layer types": dict(layer_types=SLIDES[::-1]), "biases, head size 14": dict(
            head_dim=14, attention_bias=True), "untied, gelu": dict(tie_word_embeddings=False, hidden_activation="gelu")}),
    "gemma3": ("Gemma3TextConfig", "Gemma3ForCausalLM", dict(SIZES, head_dim=8, sliding_window=4, num_hidden_layers=3, tie_word_embeddings=True), {
        "every third": dict(layer_types=SLIDES[:1] * 2 + SLIDES[1:]), "all slide": dict(layer_types=SLIDES[:1] * 3), "all full": dict(
            layer_types=SLIDES[1:] * 3), "linear": dict(rope_scaling=LINEAR, rope_local_base_freq=300.0), "scalar, cap": dict(
            query_pre_attn_scalar=20, final_logit_softcapping=4.0), "biases, bf16": dict(attention_bias=True, dtype="bfloat16")}),
    "phi3": ("Phi3Config", "Phi3ForCausalLM", dict(SIZES, num_attention_heads=4), {
        "partial": dict(partial_rotary_factor=0.5), "window": dict(sliding_window=4), "one key head": dict(num_key_value_heads=1),
        "tied": dict(tie_word_embeddings=True), "longrope": dict(original_max_position_embeddings=32, rope_scaling={
            "type": "longrope", "short_factor": [1.0, 1.1, 1.2, 1.5, 2.0, 3.0], "long_factor": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}),
        "partial longrope": dict(partial_rotary_factor=0.5, original_max_position_embeddings=32, rope_scaling={
            "type": "longrope", "short_factor": [1.0, 1.1, 1.2], "long_factor": [1.0, 2.0, 3.0]}), "f16": dict(dtype="float16")}),
    "gpt2": ("GPT2Config", "GPT2LMHeadModel", dict(vocab_size=120, n_embd=42, n_layer=3, n_head=6, n_positions=64, layer_norm_epsilon=1e-3,
                                               bos_token_id=1, eos_token_id=1), {
        "by layer": dict(scale_attn_by_inverse_layer_idx=True), "unscaled": dict(scale_attn_weights=False), "inner": dict(n_inner=50),
        "relu": dict(activation_function="relu"), "untied": dict(tie_word_embeddings=False), "both scales, upcast": dict(
            scale_attn_by_inverse_layer_idx=True, reorder_and_upcast_attn=True), "one head": dict(n_head=1)}),
    "gpt_neox": ("GPTNeoXConfig", "GPTNeoXForCausalLM", dict(SIZES, num_attention_heads=3, num_key_value_heads=3, layer_norm_eps=1e-3), {
        "one after the other": dict(use_parallel_residual=False), "all rotate": dict(rotary_pct=1.0), "half": dict(rotary_pct=0.5),
        "no biases": dict(attention_bias=False), "tied": dict(tie_word_embeddings=True), "key heads that are none": dict(
            num_key_value_heads=1), "linear, gelu_new": dict(
            rope_scaling=LINEAR, hidden_act="gelu_new")}),
    "gpt_oss": ("GptOssConfig", "GptOssForCausalLM", dict(SIZES, head_dim=8, num_local_experts=5, num_experts_per_tok=2, sliding_window=4, rope_scaling=YARN), {
        "full first": dict(layer_types=SLIDES[::-1]), "one expert": dict(num_experts_per_tok=1), "wide heads": dict(head_dim=16),
        "plain positions": dict(rope_scaling=None), "untruncated": dict(rope_scaling=dict(YARN, truncate=False, beta_fast=32.0, beta_slow=1.0)),
        "bf16": dict(dtype="bfloat16")}),
    "granite": ("GraniteConfig", "GraniteForCausalLM", SIZES, {
        "multipliers": dict(embedding_multiplier=3.0, attention_multiplier=0.2, residual_multiplier=0.3, logits_scaling=5.0),
        "biases": dict(attention_bias=True, mlp_bias=True, attention_multiplier=0.35), "tied": dict(tie_word_embeddings=True, attention_multiplier=0.35),
        "linear": dict(rope_scaling=LINEAR, attention_multiplier=0.35), "plain": dict()}),
    "olmo2": ("Olmo2Config", "Olmo2ForCausalLM", SIZES, {
        "biases": dict(attention_bias=True), "one key head": dict(num_key_value_heads=1), "tied": dict(tie_word_embeddings=True),
        "yarn": dict(rope_scaling=YARN), "theta, bf16": dict(rope_theta=300.0, dtype="bfloat16")}),
    "smollm3": ("SmolLM3Config", "SmolLM3ForCausalLM", dict(SIZES, num_hidden_layers=3), {
        "every other": dict(no_rope_layer_interval=2), "listed": dict(no_rope_layers=[0, 1, 1]), "none rotates": dict(no_rope_layers=[0, 0, 0]),
        "window": dict(use_sliding_window=True, sliding_window=4, no_rope_layers=[1, 0, 1]), "biases, untied": dict(attention_bias=True, mlp_bias=True),
        "yarn, tied": dict(rope_scaling=YARN, tie_word_embeddings=True)}),
    "llama4": ("Llama4TextConfig", "Llama4ForCausalLM", dict(
        SIZES, head_dim=8, intermediate_size_mlp=56, num_local_experts=4, num_experts_per_tok=1, attention_chunk_size=5, num_hidden_layers=3), {
        "chunks of 3": dict(attention_chunk_size=3), "listed": dict(no_rope_layers=[0, 1, 1]), "temperature": dict(floor_scale=4, attn_scale=0.5, no_rope_layers=[0, 1, 0]),
        "no norms": dict(use_qk_norm=False), "every other": dict(interleave_moe_layer_step=2), "listed mixtures": dict(moe_layers=[0]),
        "two experts": dict(num_experts_per_tok=2), "llama3": dict(rope_scaling=LLAMA3), "biases, no temperature": dict(
            attention_bias=True, attn_temperature_tuning=False)}),
    "deepseek_v2": ("DeepseekV2Config", "DeepseekV2ForCausalLM", dict(DEEPSEEK, topk_method="greedy", n_group=1, topk_group=1), {
        "groups": dict(topk_method="group_limited_greedy", n_group=4, topk_group=2), "no query rank": dict(q_lora_rank=None),
        "all mixtures, scale": dict(first_k_dense_replace=0, routed_scaling_factor=3.0), "two shared": dict(n_shared_experts=2),
        "yarn": dict(rope_scaling=dict(YARN, mscale=0.7, mscale_all_dim=0.7)), "biases": dict(attention_bias=True), "renormalised": dict(norm_topk_prob=True)}),
    "deepseek_v3": ("DeepseekV3Config", "DeepseekV3ForCausalLM", dict(DEEPSEEK, n_group=1, topk_group=1), {
        "groups": dict(n_group=4, topk_group=2), "two groups, one kept": dict(n_group=2, topk_group=1), "no query rank": dict(q_lora_rank=None),
        "not renormalised": dict(norm_topk_prob=False, routed_scaling_factor=1.5), "half split": dict(rope_interleave=False),
        "yarn": dict(rope_scaling=dict(YARN, mscale=1.0, mscale_all_dim=1.0)), "yarn, unequal": dict(rope_scaling=dict(YARN, mscale=0.5, mscale_all_dim=1.2)),
        "biases, two dense": dict(attention_bias=True, first_k_dense_replace=2)}),
    "opt": ("OPTConfig", "OPTForCausalLM", dict(vocab_size=120, hidden_size=40, ffn_dim=56, num_hidden_layers=2, num_attention_heads=5,
                                               max_position_embeddings=64, pad_token_id=1), {
        "narrow": dict(word_embed_proj_dim=24), "wide": dict(word_embed_proj_dim=56), "norms behind": dict(do_layer_norm_before=False),
        "norms behind, narrow": dict(do_layer_norm_before=False, word_embed_proj_dim=24), "no biases": dict(enable_bias=False), "bare norms": dict(
            layer_norm_elementwise_affine=False), "no last norm": dict(_remove_final_layer_norm=True), "gelu, untied": dict(
            activation_function="gelu", tie_word_embeddings=False)}),
    "bert": ("BertConfig", "BertForMaskedLM", ENCODER, {
        "gelu_new": dict(hidden_act="gelu_new"), "relu": dict(hidden_act="relu"), "one head": dict(num_attention_heads=1), "one type": dict(
            type_vocab_size=1), "untied": dict(tie_word_embeddings=False), "f16": dict(dtype="float16")}),
    "roberta": ("RobertaConfig", "RobertaForMaskedLM", dict(ENCODER, pad_token_id=1, type_vocab_size=1), {
        "pad 0": dict(pad_token_id=0), "pad 4": dict(pad_token_id=4), "relu": dict(hidden_act="relu"), "two types": dict(type_vocab_size=2),
        "untied": dict(tie_word_embeddings=False)}),
    "xlm_roberta": ("XLMRobertaConfig", "XLMRobertaForMaskedLM", dict(ENCODER, pad_token_id=1, type_vocab_size=1), {
        "plain": dict(), "gelu_new": dict(hidden_act="gelu_new"), "bf16": dict(dtype="bfloat16")}),
    "camembert": ("CamembertConfig", "CamembertForMaskedLM", dict(ENCODER, pad_token_id=1, type_vocab_size=1), {"plain": dict(), "relu": dict(hidden_act="relu")}),
    "distilbert": ("DistilBertConfig", "DistilBertForMaskedLM", dict(vocab_size=120, dim=40, hidden_dim=56, n_layers=2, n_heads=5, max_position_embeddings=48), {
        "relu": dict(activation="relu"), "sinusoids": dict(sinusoidal_pos_embds=True), "one head": dict(n_heads=1), "untied": dict(
            tie_word_embeddings=False), "f16": dict(dtype="float16")}),
    "modernbert": ("ModernBertConfig", "ModernBertForMaskedLM", dict(
        vocab_size=120, hidden_size=40, intermediate_size=56, num_hidden_layers=3, num_attention_heads=5, max_position_embeddings=64,
        local_attention=6, norm_eps=1e-3, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2), {
        "every other": dict(global_attn_every_n_layers=2), "biases": dict(attention_bias=True, mlp_bias=True, norm_bias=True, classifier_bias=True),
        "bare head": dict(decoder_bias=False), "silu": dict(hidden_activation="silu", classifier_activation="relu"), "thetas": dict(
            local_rope_theta=50.0, global_rope_theta=500.0), "untied, wide": dict(tie_word_embeddings=False, local_attention=128)}),
    "bart": ("BartConfig", "BartForConditionalGeneration", PAIR, {
        "scaled": dict(scale_embedding=True), "relu": dict(activation_function="relu"), "two decoders": dict(decoder_layers=2), "untied": dict(
            tie_word_embeddings=False), "f16": dict(dtype="float16")}),
    "marian": ("MarianConfig", "MarianMTModel", dict(PAIR, decoder_start_token_id=1), {
        "scaled, swish": dict(scale_embedding=True, activation_function="swish"), "relu": dict(activation_function="relu"),
        "two decoders": dict(decoder_layers=2), "odd halves": dict(d_model=50), "f16": dict(dtype="float16")}),
    "t5": ("T5Config", "T5ForConditionalGeneration", T5, {
        "few buckets": dict(relative_attention_num_buckets=8, relative_attention_max_distance=12), "gated": dict(feed_forward_proj="gated-gelu"),
        "gated silu, untied": dict(feed_forward_proj="gated-silu", tie_word_embeddings=False), "decoders": dict(num_decoder_layers=3), "bf16": dict(
            dtype="bfloat16"), "six buckets": dict(
            relative_attention_num_buckets=6, relative_attention_max_distance=20), "seven buckets, near": dict(
            relative_attention_num_buckets=7, relative_attention_max_distance=5), "four buckets": dict(relative_attention_num_buckets=4, relative_attention_max_distance=9)}),
}
