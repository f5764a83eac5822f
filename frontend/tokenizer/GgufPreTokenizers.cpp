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
    R"(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼι)"
    R"(ῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+)";

static const char *const DeepSeekLlm[] = {"[\r\n]",
                                          DeepSeekLetters,
                                          R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)",
                                          R"(\s+$)",
                                          "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+",
                                          R"(\p{N}+)"};
static const char *const Falcon[] = {R"([\p{P}\$\+<=>\^~\|`]+)", GPT2, "[0-9][0-9][0-9]"};
static const char *const Bloom[] = {R"( ?[^(\s|.,!?…。，、।۔،)]+)"};
static const char *const Viking[] = {R"( ?[^(\s|.,!?…。，、।۔،)]+)", R"(\p{N})"};

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
