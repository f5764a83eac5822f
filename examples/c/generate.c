/* Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Goes on with a text, with a model that was compiled to a shared library:
 *
 *   attune-compile model.gguf --emit=lib -o libmodel.so
 *   cc generate.c -I include ./libmodel.so -o generate
 *   ./generate "The cat sat"
 */
#include <attune/attune.h>

#include <stdio.h>

static int print(void *user, const char *text, size_t bytes, int32_t id) {
  (void)user, (void)id;
  fwrite(text, 1, bytes, stdout);
  fflush(stdout);
  return 0;
}

static int fail(void) {
  fprintf(stderr, "%s\n", attune_error());
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s TEXT\n", argv[0]);
    return 2;
  }
  attune_model *model = attune_open(NULL);
  if (!model)
    return fail();
  attune_session *session = attune_session_create(model);
  if (!session)
    return fail();

  attune_generate_options options;
  attune_default_options(&options);
  options.max_tokens = 64;
  int64_t count = attune_generate(session, argv[1], &options, print, NULL);
  if (count < 0)
    return fail();
  printf("\n%lld tokens by %s\n", (long long)count, attune_info(model)->name);

  attune_session_free(session);
  attune_close(model);
  return 0;
}
