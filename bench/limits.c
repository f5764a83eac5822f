// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What the machine can do at most, on THREADS threads pinned to the first cores: bytes read from memory, f32
// multiply-adds, and int8 products in the mix of a block format's loop. limits.py builds and runs it.
//
//   limits THREADS [REPEATS=3]      prints {"read_GBps": [best, median], ...}

#define _GNU_SOURCE
#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __AVX512F__
#define VECTOR 64
#define R(n) "%%zmm" #n
#define CLOBBER(n) "zmm" #n
typedef __m512 Vector;
#define LOAD _mm512_load_ps
#define ADD _mm512_add_ps
#define ZERO _mm512_setzero_ps
#else
#define VECTOR 32
#define R(n) "%%ymm" #n
#define CLOBBER(n) "ymm" #n
typedef __m256 Vector;
#define LOAD _mm256_load_ps
#define ADD _mm256_add_ps
#define ZERO _mm256_setzero_ps
#endif

enum { MemoryBytes = 512 << 20, Loops = 2000000, Chains = 12 };
static char *memory;
static int threads;
static volatile float sink;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

static double readMemory(int thread) {
  size_t share = MemoryBytes / threads / (8 * VECTOR) * (8 * VECTOR);
  const char *at = memory + thread * share, *end = at + share;
  Vector sums[8];
  for (int i = 0; i < 8; ++i)
    sums[i] = ZERO();
  for (; at < end; at += 8 * VECTOR) {
    for (int line = 0; line < 8 * VECTOR; line += 64)
      _mm_prefetch(at + 2048 + line, _MM_HINT_T0);
    for (int i = 0; i < 8; ++i)
      sums[i] = ADD(sums[i], LOAD((const float *)(at + i * VECTOR)));
  }
  for (int i = 1; i < 8; ++i)
    sums[0] = ADD(sums[0], sums[i]);
  sink = ((float *)&sums[0])[0];
  return (double)share;
}

// Twelve independent chains of an instruction: `n` is the chain's register; 14 and 15 are inputs.
#define TWELVE(one) one(0) one(1) one(2) one(3) one(4) one(5) one(6) one(7) one(8) one(9) one(10) one(11)
#define CLOBBERS CLOBBER(0), CLOBBER(1), CLOBBER(2), CLOBBER(3), CLOBBER(4), CLOBBER(5), CLOBBER(6), CLOBBER(7), CLOBBER(8), CLOBBER(9), \
                 CLOBBER(10), CLOBBER(11), CLOBBER(12), CLOBBER(13), CLOBBER(14), CLOBBER(15)
#define RUN(body)                                                                                                                          \
  do {                                                                                                                                     \
    long left = Loops;                                                                                                                     \
    __asm__ volatile("vxorps %%xmm14, %%xmm14, %%xmm14\n vxorps %%xmm15, %%xmm15, %%xmm15\n" TWELVE(CLEAR) "1:\n" body "dec %0\n jnz 1b"    \
                     : "+r"(left)::"cc", CLOBBERS);                                                                                        \
  } while (0)
#define CLEAR(n) "vxorps %%xmm" #n ", %%xmm" #n ", %%xmm" #n "\n"
#define FMA(n) "vfmadd231ps " R(14) ", " R(15) ", " R(n) "\n"
#define CONVERT(n) "vcvtdq2ps " R(n) ", " R(n) "\n"
#if defined(__AVX512VNNI__)
#define DOT(n) "vpdpbusd " R(14) ", " R(15) ", " R(n) "\n"
#elif defined(__AVXVNNI__)
#define DOT(n) "{vex} vpdpbusd " R(14) ", " R(15) ", " R(n) "\n"
#else
#define DOT(n) "vpmaddubsw " R(14) ", " R(15) ", " R(13) "\n vpmaddwd " R(14) ", " R(13) ", " R(13) "\n vpaddd " R(13) ", " R(n) ", " R(n) "\n"
#endif

static double multiplyAdd(int thread) {
  (void)thread;
  RUN(TWELVE(FMA));
  return 2.0 * (VECTOR / 4) * Chains * Loops;
}

static double byteProducts(int thread) {
  (void)thread;
  RUN(TWELVE(DOT));
  return 2.0 * VECTOR * Chains * Loops;
}

// A block of 32 columns: eight dot products, then conversion, the weights' scale, and what a minimum adds.
static double blockProducts(int thread) {
  (void)thread;
  RUN(TWELVE(DOT) TWELVE(DOT) TWELVE(DOT) TWELVE(DOT) TWELVE(DOT) TWELVE(DOT) TWELVE(DOT) TWELVE(DOT) TWELVE(CONVERT)
          TWELVE(FMA) TWELVE(FMA));
  return 2.0 * VECTOR * 8 * Chains * Loops;
}

static double (*work)(int);
static double begins[256], ends[256], done[256];
static pthread_barrier_t together;

static void *body(void *argument) {
  int thread = (int)(intptr_t)argument;
  cpu_set_t core;
  CPU_ZERO(&core);
  CPU_SET(thread, &core);
  pthread_setaffinity_np(pthread_self(), sizeof core, &core);
  pthread_barrier_wait(&together);
  begins[thread] = now();
  done[thread] = work(thread);
  ends[thread] = now();
  return NULL;
}

/// Work per second of all threads.
static double rate(double (*kind)(int)) {
  pthread_t ids[256];
  double begin = 1e30, end = 0, sum = 0;
  work = kind;
  pthread_barrier_init(&together, NULL, threads);
  for (int i = 0; i < threads; ++i)
    pthread_create(&ids[i], NULL, body, (void *)(intptr_t)i);
  for (int i = 0; i < threads; ++i) {
    pthread_join(ids[i], NULL);
    begin = begins[i] < begin ? begins[i] : begin;
    end = ends[i] > end ? ends[i] : end;
    sum += done[i];
  }
  return sum / (end - begin);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int count, char **values) {
  threads = count > 1 ? atoi(values[1]) : 1;
  int repeats = count > 2 ? atoi(values[2]) : 3;
  if (threads < 1 || threads > 256 || repeats < 1 || repeats > 64)
    return 1;
  memory = aligned_alloc(1 << 21, MemoryBytes + (1 << 21));
  memset(memory, 0, MemoryBytes + (1 << 21));
  double (*kinds[])(int) = {readMemory, multiplyAdd, byteProducts, blockProducts};
  const char *names[] = {"read_GBps", "fma_GFLOPs", "int8_GOPs", "int8_block_GOPs"};
  double rates[4][64];
  for (int i = 0; i < repeats; ++i)
    for (int kind = 0; kind < 4; ++kind)
      rates[kind][i] = rate(kinds[kind]) * 1e-9;
  for (int kind = 0; kind < 4; ++kind) {
    qsort(rates[kind], repeats, sizeof(double), ascending);
    printf("%s\"%s\": [%.2f, %.2f]", kind ? ", " : "{", names[kind], rates[kind][repeats - 1], rates[kind][repeats / 2]);
  }
  printf("}\n");
  return 0;
}
