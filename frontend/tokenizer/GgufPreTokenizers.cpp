// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/tokenizer/GgufPreTokenizers.h"

#include "frontend/tokenizer/JsonPipeline.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace attune {

// The expressions are those of the models' own tokenizers. They are made of a few parts.
#define CONTRACTIONS R"((?i:'s|'t|'re|'ve|'m|'ll|'d))"
#define GPT2 R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"
#define LINES_AND_SPACE R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"
#define SYMBOLS R"(| ?[^\s\p{L}\p{N}]+[\r\n]*)"
#define SYMBOLS_AND_SLASH R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*)"
#define UPPER R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define BEFORE_LETTERS R"([^\r\n\p{L}\p{N}]?)"

static const char *const Gpt2[] = {GPT2};
static const char *const Digits[] = {R"(\p{N})", GPT2};
static const char *const Llama3[] = {CONTRACTIONS "|" BEFORE_LETTERS
                                                  R"(\p{L}+|\p{N}{1,3})" SYMBOLS LINES_AND_SPACE};
static const char *const Qwen2[] = {CONTRACTIONS "|" BEFORE_LETTERS
                                                 R"(\p{L}+|\p{N})" SYMBOLS LINES_AND_SPACE};
static const char *const Qwen35[] = {
    CONTRACTIONS "|" BEFORE_LETTERS R"([\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*)" LINES_AND_SPACE};
static const char *const SeedCoder[] = {
    CONTRACTIONS "|" BEFORE_LETTERS R"(\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+)" LINES_AND_SPACE};
static const char *const Gpt4o[] = {BEFORE_LETTERS UPPER "*" LOWER "+" CONTRACTIONS "?|" BEFORE_LETTERS UPPER
                                                         "+" LOWER "*" CONTRACTIONS
                                                         R"(?|\p{N}{1,3})" SYMBOLS_AND_SLASH LINES_AND_SPACE};
static const char *const Tekken[] = {BEFORE_LETTERS UPPER "*" LOWER "+|" BEFORE_LETTERS UPPER "+" LOWER
                                                          R"(*|\p{N})" SYMBOLS_AND_SLASH LINES_AND_SPACE};
static const char *const BailingMoe[] = {R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N})"
                                         R"(| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)"};
static const char *const DeepSeek3[] = {
    R"(\p{N}{1,3})", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
    R"(| ?[\p{P}\p{S}]+[\r\n]*)" LINES_AND_SPACE};
static const char *const DeepSeekCoder[] = {"[\r\n]", R"(\s?\p{L}+)", R"(\s?\p{P}+)",
                                            "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+", R"(\p{N})"};
// Letters with two cases, as DeepSeek lists them.
static const char *const DeepSeekLetters =
    "\\s?["
    "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af"
    "\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5"
    "\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba"
    "\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45"
    "\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe"
    "\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102"
    "\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139"
    "\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3"
    "\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06"
    "\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3"
    "\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df"
    "\U0001e900-\U0001e943"
    "]+";

static const char *const DeepSeekLlm[] = {"[\r\n]",
                                          DeepSeekLetters,
                                          "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+",
                                          R"(\s+$)",
                                          "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+",
                                          R"(\p{N}+)"};
static const char *const Falcon[] = {R"([\p{P}\$\+<=>\^~\|`]+)", GPT2, "[0-9][0-9][0-9]"};
static const char *const Bloom[] = {" ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+"};
static const char *const Viking[] = {" ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+",
                                     R"(\p{N})"};

static const char *const Gpt2Names[] = {
    "gpt-2",      "default",    "phi-2",    "mpt",     "olmo",   "jais",    "jina-es",  "jina-de",
    "jina-v2-es", "jina-v2-de", "gigachat", "a.x-4.0", "mellum", "exaone4", "trillion", "granite-docling"};
static const char *const RobertaNames[] = {"roberta-bpe", "jina-v1-en", "jina-v2-code"};
static const char *const ModernBertNames[] = {"modern-bert"};
static const char *const DigitNames[] = {"smollm",    "starcoder", "refact",     "command-r",
                                         "codeshell", "exaone",    "minerva-7b", "mellum2"};
static const char *const Llama3Names[] = {"llama-bpe", "llama3",  "llama-v3", "falcon3",
                                          "falcon-h1", "pixtral", "midm-2.0", "lfm2"};
static const char *const Llama3LikeNames[] = {"dbrx", "smaug-bpe", "glm4", "chatglm-bpe"};
static const char *const Qwen2Names[] = {"qwen2"};
static const char *const Qwen2LikeNames[] = {"deepseek-r1-qwen", "stablelm2", "megrez",
                                             "hunyuan",          "grok-2",    "solar-open"};
static const char *const Qwen35Names[] = {"qwen35"};
static const char *const SeedCoderNames[] = {"seed-coder"};
static const char *const Gpt4oNames[] = {"gpt-4o", "llama4", "kanana2", "minimax-m2"};
static const char *const TekkenNames[] = {"tekken"};
static const char *const BailingMoeNames[] = {"bailingmoe", "bailingmoe2", "llada-moe"};
static const char *const DeepSeek3Names[] = {"deepseek-v3", "hunyuan-dense"};
static const char *const DeepSeekCoderNames[] = {"deepseek-coder"};
static const char *const DeepSeekLlmNames[] = {"deepseek-llm"};
static const char *const FalconNames[] = {"falcon"};
static const char *const BloomNames[] = {"bloom", "poro-chat", "gpt3-finnish"};
static const char *const VikingNames[] = {"viking"};

static const GgufPreTokenizer Table[] = {
    {.names = Gpt2Names, .expressions = Gpt2},
    {.names = RobertaNames, .expressions = Gpt2, .addBegin = true, .addEnd = true},
    {.names = ModernBertNames, .expressions = Gpt2, .addBegin = true, .addEnd = true, .composes = true},
    {.names = DigitNames, .expressions = Digits},
    {.names = Llama3Names, .expressions = Llama3, .wholeWords = true, .addBegin = true},
    {.names = Llama3LikeNames, .expressions = Llama3},
    {.names = Qwen2Names, .expressions = Qwen2, .composes = true},
    {.names = Qwen2LikeNames, .expressions = Qwen2},
    {.names = Qwen35Names, .expressions = Qwen35, .composes = true},
    {.names = SeedCoderNames, .expressions = SeedCoder},
    {.names = Gpt4oNames, .expressions = Gpt4o},
    {.names = TekkenNames, .expressions = Tekken, .wholeWords = true, .addBegin = true},
    {.names = BailingMoeNames, .expressions = BailingMoe},
    {.names = DeepSeek3Names, .expressions = DeepSeek3},
    {.names = DeepSeekCoderNames, .expressions = DeepSeekCoder},
    {.names = DeepSeekLlmNames, .expressions = DeepSeekLlm},
    {.names = FalconNames, .expressions = Falcon},
    {.names = BloomNames, .expressions = Bloom},
    {.names = VikingNames, .expressions = Viking},
};

const GgufPreTokenizer *findGgufPreTokenizer(llvm::StringRef name) {
  for (const GgufPreTokenizer &entry : Table)
    if (llvm::is_contained(entry.names, name))
      return &entry;
  return nullptr;
}

std::string ggufPreTokenizerNames() {
  std::vector<std::string> names;
  for (const GgufPreTokenizer &entry : Table)
    for (const char *name : entry.names)
      names.push_back(name);
  return llvm::join(names, ", ");
}

} // namespace attune
