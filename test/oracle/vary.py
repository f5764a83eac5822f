# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes small random models with other sizes and options than the recorded ones and compares compiled programs with transformers.

    python3 vary.py BIN_DIR [--keep FOLDER] [--seed N] [FAMILY[/VARIANT]...]

BIN_DIR holds attune-compile; Python needs torch and transformers (pip install torch transformers). variants.py has the families and
their variants. Not part of ./check: it takes minutes. The tolerance is found as README.md says of recorded models: twenty times the
largest difference between f32 and f64. Closes with `N passed, N failed`.
"""
import argparse
import array
import copy
import pathlib
import sys
import tempfile

try:
    import torch
    import transformers
except ImportError as missing:
    sys.exit(f"vary.py: {missing}; pip install torch transformers")

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from support.programs import Program, Report, distance
from support.tensors import Tensor
from variants import FAMILIES

LENGTHS = (1, 2, 7, 19, 40)


def randomise(model, generator):
    """Weights of unit gain, norms around 1, biases that are seen; in place."""
    for name, parameter in model.named_parameters():
        values = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim >= 2:
            fan = parameter.shape[1] if type(model).__name__.startswith("GPT2") and "transformer.h" not in name else parameter.shape[-1]
            is_table = "embed" in name or "wte" in name or "wpe" in name or "shared" in name or "relative" in name
            values *= 0.7 if is_table else fan ** -0.5
        elif "norm" in name.lower() or ".ln_" in name:
            centre = 0 if name.endswith("bias") or "Gemma" in type(model).__name__ else 1
            values = centre + 0.3 * values
        else:
            values *= 0.2
        parameter.data.copy_(values)
    for name, buffer in model.named_buffers():
        if name.endswith(("final_logits_bias", "e_score_correction_bias")):
            buffer.copy_(0.2 * torch.randn(buffer.shape, generator=generator))


def save(family, settings, seed, folder):
    """Writes the model's folder, in the type that its weights are stored in."""
    config_class, model_class, shared, _ = FAMILIES[family]
    settings = dict(shared, **settings)
    stored, shards = settings.pop("dtype", "float32"), settings.pop("shards", False)
    config = getattr(transformers, config_class)(**copy.deepcopy(settings))
    torch.manual_seed(seed)
    model = getattr(transformers, model_class)(config).eval()
    randomise(model, torch.Generator().manual_seed(seed))
    model.tie_weights()
    model.to(getattr(torch, stored)).save_pretrained(folder, max_shard_size="40KB" if shards else "1GB")


def load(family, folder):
    """The model as transformers reads it, in f32. (One that is converted in place has its frequencies of rotations rounded too.)"""
    model = getattr(transformers, FAMILIES[family][1]).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    model.config._experts_implementation = "eager"  # other kinds take no f64
    return model.eval()


def inputs_of(model, length, generator):
    vocabulary = model.config.vocab_size
    ids = lambda n: torch.randint(5, vocabulary, (1, n), generator=generator)
    inputs = {"input_ids": ids(length)}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = ids(max(1, length // 2))
    return inputs


def run(model, inputs):
    with torch.no_grad():
        extra = {} if model.config.is_encoder_decoder or not hasattr(model.config, "use_cache") else {"use_cache": False}
        return model(**inputs, **extra).logits


def as_tensor(values):
    values = values.detach().contiguous()
    integral = not values.dtype.is_floating_point
    code, kind = ("q", torch.int64) if integral else ("f", torch.float32)
    return Tensor(list(values.shape), array.array(code, values.to(kind).flatten().tolist()))


def check(report, compiler, family, variant, folder, seed):
    name = f"{family}, {variant}"
    with report.group(name):
        save(family, FAMILIES[family][3][variant], seed, folder / "model")
        model = load(family, folder / "model")
        exact = copy.deepcopy(model).double()
        for module in exact.modules():
            if hasattr(module, "reorder_and_upcast_attn"):  # an order of operations, which takes no f64
                module.reorder_and_upcast_attn = False
        generator = torch.Generator().manual_seed(seed + 1)
        cases = []
        for length in LENGTHS:
            inputs = inputs_of(model, length, generator)
            cases.append((inputs, run(model, inputs), run(exact, inputs)))
        error = max((got.double() - want).abs().max().item() for _, got, want in cases)
        size = max(got.abs().max().item() for _, got, _ in cases)
        tolerance = max(20 * error, 2e-6 * size)
        if tolerance > 1e-3 * size:  # such a comparison would say nothing
            return report.add(False, name, f"f32 and f64 differ by {error:.2g} of {size:.2g}: choose another seed")
        program = Program(compiler, folder / "model", folder)
        # With a cache, the keys of a sequence that grows beyond longrope's bound stay as they were: other numbers than of the whole.
        steps = type(model).__name__.endswith(("CausalLM", "HeadModel")) and "long_factor" not in str(model.config)
        for flags in [()] + [("--step",)] * steps:
            with report.check(f"{name}{', a token at a time' if flags else ''}") as errors:
                for inputs, want, _ in cases:
                    given = {key: as_tensor(value) for key, value in inputs.items()}
                    errors.append(distance(program.run_inputs(given, *flags)["logits"], as_tensor(want), tolerance))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("names", nargs="*", metavar="FAMILY[/VARIANT]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path, help="leaves the models and programs here")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    report = Report()
    with tempfile.TemporaryDirectory() as work:
        for family, (*_, variants) in FAMILIES.items():
            for variant in variants:
                if options.names and family not in options.names and f"{family}/{variant}" not in options.names:
                    continue
                folder = (options.keep or pathlib.Path(work)) / f"{family}-{variant}".replace(" ", "_")
                folder.mkdir(parents=True, exist_ok=True)
                try:
                    check(report, options.bin / "attune-compile", family, variant, folder, options.seed)
                except Exception as error:  # transformers' own refusals are of any kind; the other variants go on
                    report.add(False, f"{family}, {variant}", f"{type(error).__name__}: {error}")
    report.close()


if __name__ == "__main__":
    main()
