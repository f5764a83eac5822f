// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cli/CommandLine.h"
#include "runtime/Error.h"
#include "runtime/cli/Clock.h"
#include "runtime/cli/Commands.h"
#include "runtime/parallel/ThreadPool.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <functional>
#include <new>

using namespace attune;
using namespace attune::cli;

namespace {

constexpr const char *overview = R"(A Transformer model, compiled to a program.

Examples:
  {0} generate "The cat sat"                 go on with a text
  {0} generate "Once" --temperature 0.8      ... with other words each time a --seed differs
  {0} chat                                   talk, with the model's own template
  {0} chat "What is an ELF file?"            ask once
  {0} score novel.txt                        how well the model expects a text
  {0} fill "The cat [MASK] on the mat"       guess a word (masked-word models)
  {0} translate "Das ist gut."               make a text from a text (encoder-decoders)
  {0} embed sentences.txt                    vectors of texts
  {0} attend "The cat sat" -o page.html      who looks at whom, as a picture
  {0} run in.safetensors -o out.safetensors  raw tensors in and out
  {0} bench                                  how fast it is here
  {0} info                                   what was compiled, and how
'{0} COMMAND --help' tells more about a command.)";

/// Declares the commands and, after parsing, runs the one that was given.
class CommandLine {
public:
  explicit CommandLine(std::string name) : app("", name), name(std::move(name)) {
    app.description(fmt::format(fmt::runtime(overview), this->name));
    app.require_subcommand(1);
    app.get_formatter()->column_width(34);
    declareGenerate();
    declareChat();
    declareScore();
    declareRun();
    declareBench();
    declareInfo();
    declareTokenize();
    declareFill();
    declareTranslate();
    declareEmbed();
    declareAttend();
  }

  int run(int argc, const char *const *argv) {
    bench.startSeconds = now();
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError &error) {
      return report(error);
    }
    Model model(Program::own());
    if (common.threads)
      ThreadPool::process().setThreads(common.threads);
    chosen(model);
    return 0;
  }

private:
  int report(const CLI::ParseError &error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      app.exit(error); // --help
      return 0;
    }
    fmt::print(stderr, "{}\nTry '{} --help'.\n", error.what(), name);
    return 2;
  }

  template <typename Command>
  CLI::App *declare(const char *command, const char *description, Command &options, bool takesPairs = false) {
    CLI::App *sub = app.add_subcommand(command, description);
    sub->add_option("--threads", common.threads, "Threads to work with (default: one per physical core)")
        ->check(CLI::Range(1, ThreadPool::MaxThreads));
    sub->callback([this, &options, command, takesPairs] {
      chosen = [this, &options, command, takesPairs](Model &model) {
        if (model.metadata().kind == ModelKind::EncoderDecoder && !takesPairs)
          throw Error(
              fmt::format("'{}' is not for models that make a text from a text: use 'translate', or 'run' "
                          "for tensors",
                          command));
        options.run(model, common);
      };
    });
    return sub;
  }

  void addContext(CLI::App *sub) {
    sub->add_option("--context", common.context,
                    "Most tokens to hold (default: what the model was compiled for)")
        ->check(CLI::PositiveNumber);
  }

  void addExamples(CLI::App *sub, const char *examples) {
    sub->footer(fmt::format(fmt::runtime("Examples:\n" + std::string(examples)), name));
  }

  /// Options that are absent unless given.
  template <typename T>
  static void addOptional(CLI::App *sub, const char *option, std::optional<T> &value,
                          const std::string &description) {
    sub->add_option_function<T>(option, [&value](const T &given) { value = given; }, description);
  }

  /// The same for one of some words, each of which means a value.
  template <typename T>
  static void addWord(CLI::App *sub, const char *option, std::optional<T> &value,
                      const std::vector<std::pair<const char *, T>> &words, const std::string &description) {
    std::vector<std::string> names;
    for (const auto &[name, meaning] : words)
      names.emplace_back(name);
    sub->add_option_function<std::string>(
           option,
           [&value, words](const std::string &word) {
             for (const auto &[name, meaning] : words)
               if (word == name)
                 value = meaning;
           },
           description)
        ->check(isMember(names));
  }

  /// One kind of it: each instance of CLI11's template is large.
  static CLI::Validator isMember(const std::vector<std::string> &names) { return CLI::IsMember(names); }

  static void addSampling(CLI::App *sub, Sampling &sampling, const char *otherwise) {
    addOptional(sub, "--temperature", sampling.temperature,
                fmt::format("0: the likeliest token; higher: more variety (default: {})", otherwise));
    addOptional(sub, "--top-k", sampling.topK, "Choose among this many likeliest tokens");
    addOptional(sub, "--top-p", sampling.topP,
                "Choose among the likeliest tokens with this total probability");
    addOptional(sub, "--min-p", sampling.minP,
                "Drop tokens below this fraction of the likeliest one's probability");
    addOptional(sub, "--repeat-penalty", sampling.repeatPenalty,
                "Above 1: tokens that have occurred become less likely");
    sub->add_option("--seed", sampling.seed, "The same seed gives the same text")->capture_default_str();
  }

  void declareGenerate() {
    CLI::App *sub = declare("generate", "Go on with a text", generate);
    sub->add_option("prompt", generate.prompt, "The text to go on with; - reads it from standard input")
        ->required();
    sub->add_option("-n,--max-tokens", generate.maxTokens, "Most tokens to write, -1 for no limit")
        ->capture_default_str();
    addSampling(sub, generate.sampling, "0");
    sub->add_flag("--echo", generate.echo, "Print the prompt first");
    sub->add_flag("--ignore-end", generate.ignoreEnd, "Go on after tokens that end a text");
    sub->add_flag("--stats", generate.stats, "Tell tokens and times on stderr");
    addContext(sub);
    addExamples(sub, R"(  {0} generate "The cat sat"
  {0} generate "Once upon a time" -n 400 --temperature 0.8 --top-p 0.95 --seed 7
  {0} generate - --echo <beginning.txt >whole.txt)");
  }

  void declareChat() {
    CLI::App *sub = declare("chat", "Talk with the model: interactive, or one question", chat);
    addOptional(sub, "message", chat.message, "What to say; - reads it from standard input");
    sub->add_option("--system", chat.system, "What the model is told before the conversation");
    sub->add_option("-n,--max-tokens", chat.maxTokens, "Most tokens of an answer, -1 for no limit")
        ->capture_default_str();
    addSampling(sub, chat.sampling, "what the model's makers recommend");
    sub->add_flag("--stats", chat.stats, "Tell tokens and times on stderr");
    addContext(sub);
    addExamples(sub, R"(  {0} chat
  {0} chat "What is an ELF file?" --system "Answer in one sentence."
  {0} chat - <question.txt)");
  }

  void declareScore() {
    CLI::App *sub = declare("score", "Log-probability and perplexity of a text", score);
    sub->add_option("file", score.file, "The text; - reads it from standard input")->required();
    sub->add_flag("--tokens", score.tokens, "A line for each token");
    sub->add_flag("--json", score.json, "One JSON object");
    sub->add_option("--stride", score.stride,
                    "Tokens between the windows of a text longer than the context (default: half of it)")
        ->check(CLI::PositiveNumber);
    addContext(sub);
    addExamples(sub, R"(  {0} score novel.txt
  {0} score --tokens poem.txt
  echo "The cat sat" | {0} score -)");
  }

  void declareRun() {
    CLI::App *sub =
        declare("run", "Run on tensors from a file, for numerical tests", run_, /*takesPairs=*/true);
    sub->add_option("input", run_.input,
                    "Tensors (safetensors): input_ids [rows, columns], attention_mask, ...");
    sub->add_option("-o,--output", run_.output, "Where to write the results (safetensors)")->required();
    sub->add_flag("--step", run_.options.step, "Feed one token at a time through the cache");
    sub->add_option("--greedy", run_.options.greedy, "Append this many likeliest tokens: greedy_ids")
        ->check(CLI::NonNegativeNumber);
    sub->add_flag("--all-hidden", run_.options.allHidden,
                  "Write the state before each layer: hidden_states.N");
    sub->add_flag("--attentions", run_.options.attentions, "Write attention weights: attentions.N");
    sub->add_flag("--routing", run_.options.routing,
                  "Write chosen experts: router.N.experts, router.N.weights");
    sub->add_flag("--stats", run_.stats, "Print device, launches and time");
    addExamples(sub, R"(  {0} run in.safetensors -o out.safetensors
  {0} run in.safetensors -o out.safetensors --greedy 16
  {0} run in.safetensors -o out.safetensors --attentions --all-hidden
In: input_ids [rows, columns], I32 or I64, and where the model takes them attention_mask (a run of 1s
in each row) and token_type_ids. Out: logits [rows, columns, vocabulary] or last_hidden_state, and what
the options ask for; 0 in columns that the mask leaves out.)");
  }

  void declareBench() {
    CLI::App *sub = declare("bench", "Measure speed", bench, /*takesPairs=*/true);
    sub->add_flag("--json", bench.json, "One JSON object on the last line");
    sub->add_option(
        "--prompts,--inputs", bench.prompts,
        "JSON file of id lists: short, p512, p1024 (encoders: batches of texts; encoder-decoders: source)");
    sub->add_option("--repeats", bench.repeats, "How often to measure")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    sub->add_flag("--profile", bench.profile, "Show where the time goes, kernel by kernel");
    addContext(sub);
    addExamples(sub, R"(  {0} bench
  {0} bench --threads 1 --repeats 5
  {0} bench --profile
  {0} bench --json --prompts prompts.json
--profile: time and work of each kind of kernel and field of the model, for a prompt (for the text) and
for a next token; of the limit that binds, the machine's bytes or operations per second, which are
measured first; and how much of the threads' time was spent in the kernel. Between kernels: on one
thread.)");
  }

  void declareInfo() {
    CLI::App *sub = declare("info", "What was compiled, and how", info, /*takesPairs=*/true);
    sub->add_flag("--description", info.description, "The model's description as JSON");
  }

  void declareTokenize() {
    CLI::App *sub = declare("tokenize", "Text to token ids and back", tokenize, /*takesPairs=*/true);
    addOptional(sub, "text", tokenize.text, "The text; - reads it from standard input");
    sub->add_flag("--jsonl", tokenize.jsonl,
                  "A JSON string per line of standard input, a list of ids per line of output");
    sub->add_flag("--no-special", tokenize.noSpecial,
                  "Without the tokens that the model expects around a text");
    sub->add_flag("--decode", tokenize.decode,
                  "The other way: a list of ids per line, a JSON string per line");
    sub->add_flag("--skip-special", tokenize.skipSpecial, "With --decode: leave special tokens out");
    addExamples(sub, R"(  {0} tokenize "The cat sat"
  echo '"The cat sat"' | {0} tokenize --jsonl
  echo '[504, 2644, 4242]' | {0} tokenize --decode)");
  }

  void declareFill() {
    CLI::App *sub = declare("fill", "Guess words that a text leaves out (masked-word models)", fill);
    sub->add_option("text", fill.text,
                    "The text, with [MASK] or the model's own mask token; - reads it from standard input")
        ->required();
    sub->add_option("-k,--candidates", fill.candidates, "How many for each gap")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    sub->add_flag("--json", fill.json, "One JSON object");
    addContext(sub);
    addExamples(sub, R"(  {0} fill "The cat [MASK] on the mat"
  {0} fill "Paris is the [MASK] of [MASK]." -k 3 --json)");
  }

  void declareTranslate() {
    CLI::App *sub = declare("translate", "Make texts from texts: translations, summaries (encoder-decoders)",
                            translate, /*takesPairs=*/true);
    sub->add_option("text", translate.text, "The text; - reads standard input, a text per line");
    sub->add_option("--file", translate.file, "A text per line, instead");
    addOptional(sub, "--beams", translate.beams,
                "How many unfinished texts are kept side by side; 1: the likeliest token each time (default: "
                "as the model says)");
    addOptional(sub, "--length-penalty", translate.lengthPenalty,
                "Above 0 favours longer texts, below 0 shorter ones (default: as the model says)");
    addOptional(sub, "-n,--max-tokens", translate.maxTokens,
                "Most tokens of a result (default: as the model says)");
    addOptional(sub, "--min-tokens", translate.minTokens,
                "No result ends before (default: as the model says)");
    addOptional(sub, "--no-repeat", translate.noRepeat,
                "No stretch of so many tokens comes twice (default: as the model says)");
    addWord<EarlyStopping>(
        sub, "--early-stopping", translate.earlyStopping,
        {{"no", EarlyStopping::No}, {"yes", EarlyStopping::Yes}, {"never", EarlyStopping::Never}},
        "yes: stop when there are as many results as beams; never: when none can get better (default: as "
        "the model says)");
    sub->add_flag("--ids", translate.ids, "Texts are lists of ids, as 'tokenize --jsonl' writes them");
    sub->add_flag("--scores", translate.scores, "Each result's score before it");
    sub->add_flag("--json", translate.json, "A JSON object per text: text, score, ids");
    addContext(sub);
    addExamples(sub, R"(  {0} translate "Das ist gut."
  {0} translate --file lines.de >lines.en
  {0} translate "translate English to German: That is good." --beams 4 --scores)");
  }

  void declareEmbed() {
    CLI::App *sub = declare("embed", "Vectors of texts, or of their tokens", embed);
    sub->add_option("file", embed.file, "A text per line; - reads standard input");
    sub->add_option("--text", embed.texts, "A text, instead of a file; may be given several times")
        ->take_all()
        ->allow_extra_args(false);
    sub->add_flag("--tokens", embed.tokens, "A vector for each token, in its context");
    sub->add_flag("--static", embed.isStatic, "The tokens' rows of the embedding table, without context");
    addWord<Pooling>(
        sub, "--pooling", embed.pooling,
        {{"mean", Pooling::Mean}, {"first", Pooling::First}, {"last", Pooling::Last}},
        "How a text's vector is made: mean, first or last of its tokens (default: as the model says)");
    sub->add_flag_function(
        "--normalize,!--no-normalize", [this](int64_t count) { embed.normalize = count > 0; },
        "Whether vectors get the length 1 (default: as the model says)");
    sub->add_flag("--truncate", embed.truncate, "Cut texts that the context cannot hold");
    sub->add_option("-o,--output", embed.output, "Write tensors (safetensors) instead of JSON lines");
    addContext(sub);
    addExamples(sub, R"(  {0} embed sentences.txt >vectors.jsonl
  {0} embed --text "a bank by the river" --tokens
  {0} embed sentences.txt -o vectors.safetensors
One JSON array per text: its vector, or with --tokens and --static an object (token, id, vector) per token.
In a file: embeddings [texts, size]; per token: embeddings [tokens of all texts, size], input_ids, lengths.)");
  }

  void declareAttend() {
    CLI::App *sub = declare("attend", "Show attention weights: who looks at whom", attend);
    addOptional(sub, "text", attend.text,
                "The text; - reads it from standard input. None for models with inputs of their own");
    sub->add_option("-o,--output", attend.output, "Write an HTML page with all layers and heads");
    addOptional(sub, "--layer", attend.layer, "The layer, from 0 (default: the last one)");
    addOptional(sub, "--head", attend.head, "The head, from 0 (default: the mean of all)");
    sub->add_flag("--all", attend.all, "Tables of every layer and head");
    sub->add_option("--decimals", attend.decimals, "Decimal places")
        ->check(CLI::Range(4, 17))
        ->capture_default_str();
    addExamples(sub, R"(  {0} attend "The cat sat"
  {0} attend "The cat sat" --layer 0 --head 2
  {0} attend "The cat sat" -o page.html)");
  }

  CLI::App app;
  std::string name;
  Common common;
  Generate generate;
  Chat chat;
  Score score;
  Run run_;
  Bench bench;
  Info info;
  Tokenize tokenize;
  Fill fill;
  Translate translate;
  Embed embed;
  Attend attend;
  std::function<void(Model &)> chosen;
};

} // namespace

int cli::runCommandLine(int argc, const char *const *argv) {
  std::string path = argc > 0 ? argv[0] : "program";
  std::string name = path.substr(path.rfind('/') + 1);
  try {
    return CommandLine(name).run(argc, argv);
  } catch (const std::bad_alloc &) {
    fmt::print(stderr, "{}: not enough memory\n", name);
  } catch (const std::exception &error) {
    fmt::print(stderr, "{}: {}\n", name, error.what());
  }
  return 1;
}
