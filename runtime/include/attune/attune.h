/* Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The C interface of a compiled model. Link with the shared library (or the object) that attune-compile made.
 *
 *   attune_model *model = attune_open(NULL);
 *   attune_session *session = attune_session_create(model);
 *   attune_generate(session, "The cat sat", NULL, print, NULL);
 *   attune_session_free(session);
 *   attune_close(model);
 *
 * Errors. A function that returns a pointer gives NULL, one that returns a number a negative one;
 * attune_error() then tells what was wrong, in words for users. Nothing is changed by a call that fails,
 * unless its description says so.
 *
 * Sizes. A function that fills a buffer returns how many elements there are in all, however many fit into
 * `capacity`; call it with capacity 0 to ask. Text is UTF-8 and its length is in bytes; where no length is
 * taken it ends with a zero byte.
 *
 * Threads. A model and its sessions may be used by one thread at a time. Different models are independent,
 * but share the pool of threads.
 */
#ifndef ATTUNE_H
#define ATTUNE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct attune_model attune_model;
typedef struct attune_session attune_session;
typedef struct attune_results attune_results;

/* What the last failing call of this thread met. Valid until its next failing call. */
const char *attune_error(void);

/* ---- models ---- */

typedef struct {
  int32_t threads;  /* 0: one per physical core; concerns the whole process */
  int64_t context;  /* most tokens of a session; 0: what the model was compiled for, which is the most */
  int64_t sessions; /* most sessions at once, 0: 1; memory is taken as it is used, not for all at once */
} attune_open_options;

/* Opens the model that is linked into the shared library or program which this function belongs to. `options`
 * may be NULL. */
attune_model *attune_open(const attune_open_options *options);
/* Frees a model. Its sessions must have been freed. NULL is fine. */
void attune_close(attune_model *model);

typedef struct {
  const char *name;
  const char *kind; /* "decoder", "encoder", "encoder_decoder", "tokenizer" */
  const char *target;
  int64_t vocabulary, hidden, layers, context, parameters;
  int64_t logits;     /* elements of a row of logits; at least the vocabulary; 0 without logits */
  int32_t bos;        /* -1: none */
  const int32_t *eos; /* tokens that end a text */
  size_t eos_count;
  const char *chat_template; /* NULL: none */
  const char *description;   /* JSON, or NULL */
  int has_tokenizer;
  int32_t mask;        /* stands for a word to be guessed; -1: none is known */
  const char *pooling; /* how attune_embed makes one vector of a text: "mean", "first", "last" */
  int normalize;       /* not 0: and gives it the length 1 */
} attune_model_info;

/* Valid until the model is closed. */
const attune_model_info *attune_info(const attune_model *model);

/* ---- text ---- */

enum {
  /* tokenize: with the tokens that the model expects around a text; detokenize: special tokens are written */
  ATTUNE_SPECIAL = 1,
  /* tokenize: control tokens that are written out in the text are meant (text from a chat template) */
  ATTUNE_CONTROL = 2,
  /* tokenize: as the beginning of a text that is to be continued */
  ATTUNE_PROMPT = 4
};

int64_t attune_tokenize(attune_model *model, const char *text, size_t bytes, int flags, int32_t *ids,
                        int64_t capacity);
int64_t attune_detokenize(attune_model *model, const int32_t *ids, size_t count, int flags, char *text,
                          int64_t capacity);

typedef struct {
  const char *role; /* "system", "user", "assistant" */
  const char *content;
} attune_message;

/* A conversation in the words of the model's own template; with `add_answer`, up to where an answer begins.
 */
int64_t attune_render_chat(attune_model *model, const attune_message *messages, size_t count, int add_answer,
                           char *text, int64_t capacity);

/* ---- sessions of next-word models ---- */

attune_session *attune_session_create(attune_model *model);
void attune_session_free(attune_session *session);

/* Tokens that the session holds. */
int64_t attune_session_length(const attune_session *session);
/* Forgets all tokens from `length` on. 0 on success. */
int attune_session_truncate(attune_session *session, int64_t length);

/* Appends tokens, any number of them. Afterwards attune_logits tells what may come next. 0 on success. */
int attune_feed(attune_session *session, const int32_t *ids, size_t count);
/* Appends one token to each of several sessions of a model, in one step. 0 on success. */
int attune_feed_each(attune_session *const *sessions, const int32_t *ids, size_t count);
/* Logits of the token after the last one: attune_info(...)->logits floats, valid until the session is fed.
 * NULL if it is empty. */
const float *attune_logits(const attune_session *session);

typedef struct {
  double temperature;        /* 0: the likeliest token */
  int64_t top_k;             /* 0: all */
  double top_p;              /* 1: all */
  double min_p;              /* 0: all */
  double repetition_penalty; /* 1: none */
  uint64_t seed;
  int64_t max_tokens;  /* negative: until the context is full */
  int ignore_end;      /* not 0: go on after tokens that end a text */
  int control_in_text; /* not 0: control tokens in the prompt are meant (text from a chat template) */
} attune_generate_options;

/* Sets the options that attune_generate takes for NULL: the likeliest token each time, at most 256. */
void attune_default_options(attune_generate_options *options);
/* Sets what the model's makers recommend. */
void attune_recommended_options(const attune_model *model, attune_generate_options *options);

/* Gets each new token: its text (may be empty while a character is not complete; not zero-terminated) and its
 * id, -1 for text that is left at the end. Returns 0 to go on. */
typedef int (*attune_token_callback)(void *user, const char *text, size_t bytes, int32_t id);

/* Feeds a prompt and generates. Returns the number of tokens. The session then holds all but perhaps the last
 * one. A failure in the middle leaves it with what it has been fed. */
int64_t attune_generate(attune_session *session, const char *prompt, const attune_generate_options *options,
                        attune_token_callback callback, void *user);
/* The same from ids; without a tokenizer the callback gets no text. */
int64_t attune_generate_ids(attune_session *session, const int32_t *ids, size_t count,
                            const attune_generate_options *options, attune_token_callback callback,
                            void *user);

/* Natural logarithm of the probability of each token from the second on, given those before it: count - 1
 * numbers. Any number of tokens: long texts are scored in windows that overlap by half of the context. Needs
 * a free session. 0 on success. */
int attune_score(attune_model *model, const int32_t *ids, size_t count, double *log_probabilities);

/* ---- texts from texts: encoder-decoders ---- */

typedef struct {
  int64_t beams;         /* unfinished texts that are kept side by side; 1: the likeliest token each time */
  double length_penalty; /* a text's sum of logarithms is divided by its length to this power */
  int64_t max_tokens;    /* most tokens of a result */
  int64_t min_tokens;    /* none ends before */
  int64_t no_repeat;     /* no stretch of so many tokens comes twice; 0: any may */
  int early_stopping;    /* 0: no, 1: as soon as there are `beams` texts, 2: never while one may get better */
} attune_translate_options;

/* Sets what the model's makers recommend, which attune_translate takes for NULL. 0 on success. */
int attune_recommended_translate_options(const attune_model *model, attune_translate_options *options);

/* The likeliest text for a source, whose ids come from attune_tokenize with ATTUNE_SPECIAL. Returns how many
 * ids it has, of which as many as fit are copied; `score`, which may be NULL, gets its score. Each call
 * searches anew: a buffer of max_tokens is always enough. */
int64_t attune_translate(attune_model *model, const int32_t *ids, size_t count,
                         const attune_translate_options *options, int32_t *result, int64_t capacity,
                         double *score);

/* ---- vectors of texts, words that are left out ---- */

enum {
  ATTUNE_TOKENS = 1,       /* a vector for each token, in its context, instead of one for the text */
  ATTUNE_STATIC = 2,       /* each token's row of the embedding table */
  ATTUNE_POOL_MEAN = 4,    /* instead of the model's own way: the mean of a text's tokens, */
  ATTUNE_POOL_FIRST = 8,   /* its first */
  ATTUNE_POOL_LAST = 16,   /* or its last */
  ATTUNE_NORMALIZE = 32,   /* vectors of texts get the length 1 */
  ATTUNE_NO_NORMALIZE = 64 /* or keep theirs */
};

/* Vectors of several texts, whose ids (attune_tokenize with ATTUNE_SPECIAL) stand end to end, lengths[i] of
 * each. The number of floats in all. Encoders read many texts at once. Other models need a free session. */
int64_t attune_embed(attune_model *model, const int32_t *ids, const size_t *lengths, size_t texts, int flags,
                     float *vectors, int64_t capacity);

typedef struct {
  size_t position; /* of the gap among the ids */
  int32_t id;
  double probability;
} attune_guess;

/* Guesses each token that is attune_info(...)->mask: `candidates` of each, the likeliest first, gap after
 * gap. The number of guesses in all. */
int64_t attune_fill(attune_model *model, const int32_t *ids, size_t count, int64_t candidates,
                    attune_guess *guesses, int64_t capacity);

/* ---- tensors ---- */

typedef struct {
  const char *name;
  const char *type; /* "I64", "I32", "F32" */
  size_t rank;
  const int64_t *shape;
  const void *data; /* row-major */
  size_t bytes;
} attune_tensor;

enum {
  ATTUNE_STEP = 1,       /* one token at a time through the cache */
  ATTUNE_ALL_HIDDEN = 2, /* hidden_states.N */
  ATTUNE_ATTENTIONS = 4, /* attentions.N */
  ATTUNE_ROUTING = 8     /* router.N.experts, router.N.weights */
};

/* What the command `run` does: see its --help. `greedy` is the number of tokens to append, negative for none.
 * A model with inputs of its own takes none here. */
attune_results *attune_run(attune_model *model, const attune_tensor *inputs, size_t count, int flags,
                           int64_t greedy);
size_t attune_results_count(const attune_results *results);
/* Valid until the results are freed. NULL beyond their count. */
const attune_tensor *attune_results_get(const attune_results *results, size_t index);
void attune_results_free(attune_results *results);

#ifdef __cplusplus
}
#endif

#endif /* ATTUNE_H */
