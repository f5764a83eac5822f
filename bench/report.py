# Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table of what bench/table.py has measured: medians, ratios to peers, shares of the limit that binds.

Bytes and operations are those that the work needs: weights once for a decoded token or a batch of texts; two operations for each weight of the layers'
matrices for a token of a prompt (of the head, for its last token alone) and four for each element of a key that a head's query sees; real tokens alone in
batches of unequal texts. The least time is that of the bytes, or of all operations one after the other, each kind at its own rate, whichever is longer:
products of int8 codes at the rate of their instruction mix, attention at that of f32 multiply-adds.
"""
import statistics

# Parameters of the layers' matrices, and of the table that is the head as well.
SMOLLM2, GEMMA = (106168320, 28311552), (100270080, 167772160)
BITS = {"q4_1": 20 / 4, "q4_0": 18 / 4, "q8_0": 34 / 4, "f16": 16, "f32": 32}
LENGTHS = {"1x16": [16], "1x128": [128], "32x128": [128] * 32, "32xmix": [5 + i * 13 % 32 * 123 // 31 for i in range(32)]}
DENSE, TAKEN, INT8 = "dense", "attune", "attune int8"
OWN = (TAKEN, INT8)
INT4, GENAI = "ONNX Runtime GenAI int4", "ONNX Runtime GenAI int4"


# Instructions in the place of eight dot products of int8 where blocks of weights have scales alone: beside them a conversion and a multiply-add for each.
# (limits.c measures the mix where they have minima too.)
BLOCK_SCALES = 10 / 8


class Limit:
    """The least time of some work: `bytes` read from memory, and operations as (key of the machine's limit, how many, what they are)."""

    def __init__(self, bytes=0, *operations):
        self.bytes, self.operations = bytes, operations

    def share(self, seconds, rate):
        """Of `seconds`, as text; `rate` gives a limit per second."""
        reading = self.bytes / rate("read_GBps")
        computing = sum(count / rate(key) for key, count, _ in self.operations)
        what = "bandwidth" if reading > computing else " and ".join(name for _, _, name in self.operations)
        return f"{max(reading, computing) / seconds:.0%} of {what}"


def attention(operations):
    return ("fma_GFLOPs", operations, "attention")


def prompt_limit(parameters, layers, width, rate, what, tokens=512, instructions=1):
    """Of a token of a prompt: products at a machine's rate, `what` they are; width: of all query heads together; instructions: in the place of one that
    the rate counts."""
    return Limit(0, (rate, 2 * parameters * instructions, what), attention(layers * 4 * width * (tokens + 1) / 2))


def smollm2_bytes(storage):
    head = max(BITS[storage], BITS["q8_0"])  # 4-bit files keep the table in 8
    return (SMOLLM2[0] * BITS[storage] + SMOLLM2[1] * head) / 8


def minilm_limit(batch, bits, rate, what):
    lengths, weights = LENGTHS[batch], 6 * (4 * 384 ** 2 + 2 * 384 * 1536)
    return Limit(weights * bits / 8, (rate, 2 * weights * sum(lengths), what), attention(sum(6 * 4 * n * n * 384 for n in lengths)))


def expert_bytes(experts, tokens):
    """Of the mixtures of bench/table.py (hidden 512, experts of 512, 4 layers, Q8_0) for so many tokens."""
    met = min(experts, 2 * tokens)
    return 4 * (4 * 512 * 512 + met * 3 * 512 * 512) * BITS["q8_0"] / 8


class Group:
    """What was measured of one group, by program and figure."""

    def __init__(self, rounds, best):
        """Rounds count in which the machine gave most of its `best` multiply-add rate before and after: in others it had something else to do."""
        self.rounds = [entry for entry in rounds if min(entry.get(key, entry["limits"])["fma_GFLOPs"][0] for key in ("limits", "after")) > 0.85 * best]
        self.dropped = len(rounds) - len(self.rounds)
        self.names = list(dict.fromkeys(name for entry in self.rounds for name in entry if name not in ("time", "load", "limits", "after")))

    def values(self, name, key):
        found = []
        for entry in self.rounds:
            value = entry.get(name, {})
            for part in key.split("/"):
                value = value.get(part) if isinstance(value, dict) else None
            if key.startswith("ms/") and value:
                value = value[1]  # [best, median]
            if value is not None:
                found += value if isinstance(value, list) else [value]
        return found

    def median(self, name, key):
        values = self.values(name, key)
        return statistics.median(values) if values else None

    def limit(self, key):
        return statistics.median(entry["limits"][key][0] for entry in self.rounds) * 1e9

    def peers(self, keys, faster, only=None):
        """(name, value) of peers that have one of the figures, the best one first."""
        found = []
        for name in self.names:
            values = [self.median(name, key) for key in keys if name not in OWN and (only is None or only(name))]
            if values := [value for value in values if value is not None]:
                found.append((name, faster(values)))
        return sorted(found, key=lambda each: each[1], reverse=faster is max)


class Report:
    def __init__(self, data):
        self.data, self.lines = data, []
        best = max((entry["limits"]["fma_GFLOPs"][0] for rounds in data["groups"].values() for entry in rounds), default=0)
        groups = {name: Group(rounds, best) for name, rounds in data["groups"].items()}
        self.dropped = sum(group.dropped for group in groups.values())
        self.groups = {name: group for name, group in groups.items() if group.rounds}

    def line(self, what, value, beside="-", ratio="-", goal="-", share="-"):
        self.lines.append(f"| {what} | {value} | {beside} | {ratio} | {goal} | {share} |")

    def rate(self, group, what, key, peers, goal, limit=None, only=None):
        """Tokens per second; `limit` is that of a token."""
        self.compare(group, what, [key], f"{{:.{1 if key != 'prefill_tps' else 0}f}} tok/s", max, goal, limit, only)

    def compare(self, group, what, keys, unit, faster, goal, limit=None, only=None, program=TAKEN):
        of = self.groups.get(group)
        own = of and of.median(program, keys[0])
        if not own:
            return
        peers = of.peers(keys, faster, only)
        share = "-"
        if limit:
            share = limit.share(1 / own if faster is max else own / 1e3, of.limit)
        if not peers and only and not only("llama.cpp"):  # a second line for others, who are not there
            return
        if not peers:
            return self.line(what, unit.format(own), goal=goal, share=share)
        name, best = peers[0]
        ratio = own / best if faster is max else best / own
        self.line(what, unit.format(own), f"{name} {unit.format(best)}", f"{ratio:.2f}", goal, share)

    def decoders(self):
        llama, four = (lambda name: name == "llama.cpp"), (lambda name: name != "llama.cpp" and "int8" not in name)
        for storage in ("q4_1", "q4_0", "q8_0"):
            group, title = f"smollm2-{storage}", f"SmolLM2 {storage.upper()}"
            bandwidth = Limit(smollm2_bytes(storage))
            self.rate(group, f"{title} decode, short", "decode_tps", llama, "1.4", bandwidth, llama)
            if storage != "q8_0":
                self.rate(group, f"{title} decode, short", "decode_tps", four, "1.4", bandwidth, four)
            self.rate(group, f"{title} decode after 1024", "decode1k_tps", llama, "2", bandwidth, llama)
            self.rate(group, f"{title} decode after 1024", "decode1k_tps", four, "1.5", bandwidth, lambda name: name == GENAI)
            mix = ("int8_block_GOPs", 1) if storage == "q4_1" else ("int8_GOPs", BLOCK_SCALES)
            prompt = prompt_limit(SMOLLM2[0], 30, 576, mix[0], "instruction mix", instructions=mix[1])
            self.rate(group, f"{title} prefill 512", "prefill_tps", None, "1.7", prompt, lambda name: name in ("llama.cpp", "CTranslate2 int8"))
            self.rate(group, f"{title} prefill 512", "prefill_tps", None, "-", prompt, lambda name: name not in ("llama.cpp", "CTranslate2 int8"))
        for storage in ("f16", "f32"):
            self.rate(f"smollm2-{storage}", f"SmolLM2 {storage.upper()} decode, short", "decode_tps", None, "85 %",
                      Limit(smollm2_bytes(storage)))
        self.rate("smollm2-f32", "SmolLM2 F32 prefill 512", "prefill_tps", None, "1.5", prompt_limit(SMOLLM2[0], 30, 576, "fma_GFLOPs", "products"))
        gemma = (GEMMA[0] * 5.6 + GEMMA[1] * BITS["q8_0"]) / 8
        self.rate("gemma", "Gemma 3 270M Q4_K_M decode, short", "decode_tps", None, "1.4", Limit(gemma))
        self.rate("gemma", "Gemma 3 270M Q4_K_M prefill 512", "prefill_tps", None, "1.7",
                  prompt_limit(GEMMA[0], 18, 1024, "int8_block_GOPs", "instruction mix"))

    def encoders(self):
        for batch, goal in (("1x16", "1.6"), ("1x128", "1.15"), ("32x128", "1.2"), ("32xmix", "2")):
            limit = minilm_limit(batch, 32, "fma_GFLOPs", "products")
            title = f"MiniLM f32 {batch}" + (", peers padded or ragged" if batch == "32xmix" else "")
            self.compare("minilm", title, [f"ms/{batch}"], "{:.2f} ms", min, goal, limit)
        of = self.groups.get("minilm")
        if of and (own := of.median(TAKEN, "ms/32xmix")):
            ways = of.peers(["ms/32xmix sorted", "ms/32xmix single"], min)
            if ways:
                self.line("MiniLM f32 32xmix, peers in buckets or one by one", f"{own:.2f} ms", f"{ways[0][0]} {ways[0][1]:.2f} ms", f"{ways[0][1] / own:.2f}", "1.2")
        for program, stored, bits in ((TAKEN, "q8_0", 8.5), (INT8, "int8", 8)):
            for batch in LENGTHS:
                self.compare("minilm-int8", f"MiniLM --quantize={stored} {batch}", [f"ms/{batch}"], "{:.2f} ms", min, "1.5",
                             minilm_limit(batch, bits, "int8_GOPs", "dot products"), lambda name: "int8" in name, program)
        of = self.groups.get("minilm-int8")
        if of and (reference := of.rounds[0].get("transformers f32")):
            for name in of.names:
                vectors = of.rounds[0].get(name, {}).get("vectors")
                if name != "transformers f32" and vectors:
                    cosine = min(sum(a * b for a, b in zip(*pair)) for batch in LENGTHS for pair in zip(vectors[batch], reference["vectors"][batch]))
                    self.line(f"MiniLM int8, least cosine to f32: {name}", f"{cosine:.4f}", goal="0.995")

    def experts(self):
        """Beside what a mixture may take: 1.15 times what the dense network takes, or what reading the experts takes that it meets."""
        of = self.groups.get("experts")
        for name in of.names if of else []:
            if name == DENSE:
                continue
            for key, what, tokens in (("decode_tps", "decode", 1), ("prefill_tps", "prefill", 512)):
                own, dense = of.median(name, key), of.median(DENSE, key)
                if own and dense:
                    reading = expert_bytes(int(name.split()[0]), tokens) / of.limit("read_GBps")
                    allowed = tokens / (1.15 * max(tokens / dense, reading))
                    self.line(f"mixture of {name}, 2 chosen, {what}", f"{own:.0f} tok/s", f"allowed {allowed:.0f}, dense {dense:.0f} tok/s",
                              f"{own / allowed:.2f}", "1")

    def others(self):
        of = self.groups.get("smollm2-q4_1")
        if of and of.median(TAKEN, "together_tps"):
            own, single = of.median(TAKEN, "together_tps"), of.median(TAKEN, "decode_tps")
            self.line("SmolLM2 Q4_1, 8 sequences decoding together", f"{own:.0f} tok/s", f"one by one {single:.0f} tok/s", f"{own / single:.2f}", "3")
        if of and (peer := of.median("llama.cpp", "first_s")):
            own = of.median(TAKEN, "first_s")
            self.line("SmolLM2 Q4_1, start to first token", f"{own:.3f} s", f"llama.cpp {peer:.3f} s", f"{own / peer:.2f}", "0.33")
            own, peer = of.median(TAKEN, "rss_mb"), of.median("llama.cpp", "rss_mb")
            self.line("SmolLM2 Q4_1, resident memory", f"{own:.0f} MB", f"llama.cpp {peer:.0f} MB", f"{own / peer:.2f}", "1")
        of = self.groups.get("compile")
        for name, goal in (("smollm2", "8 s"), ("minilm", "5 s")):
            if of and (seconds := of.median(name, "seconds")):
                self.line(f"compiling {name}", f"{seconds:.1f} s, {of.median(name, 'anonymous_mb'):.0f} MB anonymous", goal=f"{goal}, 400 MB")

    def peers(self):
        """Everything that was measured, for those who want another ratio."""
        lines = ["| group | program | figures |", "|---|---|---|"]
        for group, of in self.groups.items():
            for name in of.names:
                figures = [f"{key.removesuffix('_tps')} {of.median(name, key):.1f}" for key in ("prefill_tps", "decode_tps", "decode1k_tps", "rss_mb")
                           if of.median(name, key)]
                ms = next((entry[name]["ms"] for entry in of.rounds if "ms" in entry.get(name, {})), {})
                figures += [f"{batch} {of.median(name, 'ms/' + batch):.2f} ms" for batch in ms]
                if figures:
                    lines.append(f"| {group} | {name} | {', '.join(figures)} |")
        return lines

    def text(self):
        self.decoders()
        self.encoders()
        self.experts()
        self.others()
        rounds = {name: len(group.rounds) for name, group in self.groups.items()}
        limits = [f"{key} {statistics.median(group.limit(key) for group in self.groups.values()) * 1e-9:.0f}"
                  for key in ("read_GBps", "fma_GFLOPs", "int8_GOPs", "int8_block_GOPs")] if self.groups else []
        head = [f"{self.data['machine']}, {self.data['threads']} threads; limits: {', '.join(limits)}; rounds: {rounds}, left out for other load: {self.dropped}", "",
                "| what | attune | beside | ratio | goal | share of the limit |", "|---|---|---|---|---|---|"]
        missing = [f"\nleft out: {name}: {why}" for name, why in self.data.get("missing", {}).items()]
        return "\n".join([*head, *self.lines, "", *self.peers(), *missing])


def report(data):
    return Report(data).text()
