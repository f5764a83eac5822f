# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A model in the form that an engine reads: SOURCE FORM TARGET.

Of a GGUF file of a Llama: "q4_0.gguf", "q8_0.gguf", "f16.gguf", "f32.gguf" (weights dequantised and stored anew), "hf" (a Hugging Face folder in
f32), and of that folder "ct2-int8", "ct2-float32", "ort-int4". Of a Hugging Face folder of BERT: "onnx", "int8.onnx", "ct2-int8", "ct2-float32", "iree".
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np

BATCHES = [(1, 16), (1, 128), (32, 128)]  # IREE compiles for fixed shapes


def field(reader, key):
    return reader.fields[key].contents()


def gguf_as(source, target, storage):
    from gguf import GGMLQuantizationType as Type, GGUFReader, GGUFValueType, GGUFWriter
    from gguf.quants import dequantize, quantize
    kind, number = {"f32": (Type.F32, 0), "f16": (Type.F16, 1), "q8_0": (Type.Q8_0, 7), "q4_0": (Type.Q4_0, 2)}[storage]
    reader = GGUFReader(source)
    writer = GGUFWriter(target, field(reader, "general.architecture"))
    for key, value in reader.fields.items():
        if key.startswith("GGUF.") or key in ("general.architecture", "general.file_type", "general.quantization_version"):
            continue
        if value.types[0] == GGUFValueType.ARRAY:
            writer.add_array(key, value.contents())
        else:
            writer.add_key_value(key, value.contents(), value.types[0])
    writer.add_file_type(number)
    writer.add_quantization_version(2)
    for tensor in reader.tensors:
        weights = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        of = Type.Q8_0 if kind == Type.Q4_0 and tensor.name == "token_embd.weight" else kind  # as llama.cpp's own files
        if weights.ndim == 1 or of == Type.F32:
            writer.add_tensor(tensor.name, weights)
        elif of == Type.F16:
            writer.add_tensor(tensor.name, weights.astype(np.float16))
        else:
            writer.add_tensor(tensor.name, quantize(weights, of), raw_dtype=of)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


LAYER_NAMES = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
               "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm",
               "ffn_norm": "post_attention_layernorm"}


def halves(weights, heads):
    """GGUF files have the rows of queries and keys in pairs, Hugging Face in halves."""
    size = weights.shape[0] // heads
    return weights.reshape(heads, size // 2, 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def llama_folder(source, target):
    from gguf import GGUFReader
    from gguf.quants import dequantize
    from safetensors.numpy import save_file
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    reader = GGUFReader(source)
    of = lambda key: field(reader, "llama." + key)
    heads, key_heads = of("attention.head_count"), of("attention.head_count_kv")
    tensors = {}
    for tensor in reader.tensors:
        weights = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        name = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}.get(tensor.name)
        if not name:
            _, layer, part, _ = tensor.name.split(".")
            name = f"model.layers.{layer}.{LAYER_NAMES[part]}.weight"
            if part in ("attn_q", "attn_k"):
                weights = halves(weights, heads if part == "attn_q" else key_heads)
        tensors[name] = np.ascontiguousarray(weights)
    os.makedirs(target)
    save_file(tensors, f"{target}/model.safetensors", metadata={"format": "pt"})
    write = lambda name, content: json.dump(content, open(f"{target}/{name}", "w"))
    write("config.json", {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": len(field(reader, "tokenizer.ggml.tokens")),
        "hidden_size": of("embedding_length"), "intermediate_size": of("feed_forward_length"), "num_hidden_layers": of("block_count"),
        "num_attention_heads": heads, "num_key_value_heads": key_heads, "head_dim": of("rope.dimension_count"), "hidden_act": "silu",
        "max_position_embeddings": of("context_length"), "rms_norm_eps": float(of("attention.layer_norm_rms_epsilon")),
        "rope_theta": float(of("rope.freq_base")), "tie_word_embeddings": True, "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32"})
    write("generation_config.json", {"bos_token_id": 1, "eos_token_id": 2})
    tokens, merges = field(reader, "tokenizer.ggml.tokens"), field(reader, "tokenizer.ggml.merges")
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=[tuple(pair.split(" ")) for pair in merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False)
                                  for token, kind in zip(tokens, field(reader, "tokenizer.ggml.token_type")) if kind == 3])
    tokenizer.save(f"{target}/tokenizer.json")
    write("tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": tokens[1], "eos_token": tokens[2], "unk_token": tokens[0]})


def ctranslate2_folder(source, target, storage):
    import ctranslate2
    ctranslate2.converters.TransformersConverter(str(source)).convert(str(target), quantization=storage)


def genai_folder(source, target):
    subprocess.run([sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", source, "-o", target, "-p", "int4", "-e", "cpu", "-c", f"{target}.cache"],
                   check=True)
    shutil.rmtree(f"{target}.cache", ignore_errors=True)


def encoder_onnx(source, target):
    import torch
    import transformers
    model = transformers.BertModel.from_pretrained(source, attn_implementation="eager").eval()

    class Hidden(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask):
            return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    ids = torch.randint(5, 1000, (2, 24))
    texts, tokens = torch.export.Dim("texts", min=1, max=64), torch.export.Dim("tokens", min=2, max=512)
    shape = {0: texts, 1: tokens}
    plain = f"{target}.plain"
    torch.onnx.export(Hidden(), (ids, torch.ones_like(ids)), plain, input_names=["input_ids", "attention_mask"], output_names=["hidden"], dynamo=True,
                      dynamic_shapes={"input_ids": shape, "attention_mask": shape}, external_data=False)
    os.rename(plain, target)


def quantized_onnx(source, target):
    from onnxruntime.quantization import QuantType, quantize_dynamic
    plain = f"{target}.plain.onnx"
    encoder_onnx(source, plain)
    quantize_dynamic(plain, target, weight_type=QuantType.QInt8, per_channel=True)
    os.remove(plain)


def iree_folder(source, target):
    import onnx
    os.makedirs(target)
    plain, tools = f"{target}/plain.onnx", pathlib.Path(sys.executable).parent
    encoder_onnx(source, plain)
    for batch, tokens in BATCHES:
        model = onnx.load(plain)
        for each in model.graph.input:
            for dim, size in zip(each.type.tensor_type.shape.dim, (batch, tokens)):
                dim.dim_value = size
        del model.graph.value_info[:]
        for dim, size in zip(model.graph.output[0].type.tensor_type.shape.dim, (batch, tokens, 384)):
            dim.dim_value = size
        fixed = f"{target}/{batch}x{tokens}"
        onnx.save(onnx.shape_inference.infer_shapes(model), f"{fixed}.onnx")
        subprocess.run([tools / "iree-import-onnx", f"{fixed}.onnx", "-o", f"{fixed}.mlir"], check=True)
        subprocess.run([tools / "iree-compile", f"{fixed}.mlir", "--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu",
                        "--iree-llvmcpu-target-cpu=host", "--iree-opt-level=O3", "--iree-llvmcpu-stack-allocation-limit=131072", "-o", f"{fixed}.vmfb"], check=True)


def main():
    source, form, target = sys.argv[1:]
    made = f"{target}.new"  # a form that is there is whole
    shutil.rmtree(made, ignore_errors=True)
    if form.startswith("ct2-"):
        ctranslate2_folder(source, made, form.removeprefix("ct2-"))
    elif form.endswith(".gguf"):
        gguf_as(source, made, form.removesuffix(".gguf"))
    else:
        {"hf": llama_folder, "ort-int4": genai_folder, "onnx": encoder_onnx, "int8.onnx": quantized_onnx, "iree": iree_folder}[form](source, made)
    os.rename(made, target)


if __name__ == "__main__":
    main()
