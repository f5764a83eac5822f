// Part of Attune, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/ByteDot.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {
struct Names {
  StringRef multiplyBytes, multiplyShorts;
};
} // namespace

static Names namesFor(int vectorBits) {
  if (vectorBits == 512)
    return {"llvm.x86.avx512.pmaddubs.w.512", "llvm.x86.avx512.pmaddw.d.512"};
  return {"llvm.x86.avx2.pmadd.ub.sw", "llvm.x86.avx2.pmadd.wd"};
}

int ByteDot::offset() const { return !nibbles && vnni() ? 128 : 0; }

ByteDot::Weights ByteDot::prepare(Value codes) {
  if (nibbles || kind() == DotKind::Generic || kind() == DotKind::Neon)
    return {codes};
  if (offset()) // signed + 128 is the sign bit turned
    return {arith::XOrIOp::create(e, codes, e.splat(e.bytes(), int64_t(-128)))};
  return {withSign(codes, codes), codes};
}

/// `values`, negated where `signs` is negative; where it is zero anything will do.
Value ByteDot::withSign(Value values, Value signs) {
  if (e.target.vectorBits == 256)
    return e.intrinsic("llvm.x86.avx2.psign.b", e.bytes(), {values, signs});
  Value zeros = e.zeros(e.bytes());
  Value negative = arith::CmpIOp::create(e, arith::CmpIPredicate::slt, signs, zeros);
  return arith::SelectOp::create(e, negative, arith::SubIOp::create(e, zeros, values), values);
}

Value ByteDot::add(Value partial, const Weights &weights, Value activations) {
  if (sumsFours()) {
    std::string name = vnni() ? "llvm.x86.avx512.vpdpbusd." + std::to_string(e.target.vectorBits)
                              : "llvm.aarch64.neon.sdot.v4i32.v16i8";
    return e.intrinsic(name, e.ints(), {partial ? partial : e.zeros(e.ints()), weights.codes, activations});
  }
  // Two products of nibbles are at most 3810, so eight such pairs fit 16 bits; of bytes one pair does.
  Value pair = pairs(weights, activations);
  if (!nibbles)
    pair = widen(pair);
  return partial ? arith::AddIOp::create(e, partial, pair).getResult() : pair;
}

/// Sums of neighbouring products in 16 bits.
Value ByteDot::pairs(const Weights &weights, Value activations) {
  if (kind() == DotKind::Generic)
    return genericPairs(weights.codes, activations);
  if (weights.signs)
    activations = withSign(activations, weights.signs);
  return e.intrinsic(namesFor(e.target.vectorBits).multiplyBytes, e.shorts(), {weights.codes, activations});
}

/// Even and odd elements of half the width, sign-extended in place: neighbours in memory are the low and the
/// high half of a lane.
static std::pair<Value, Value> evenAndOdd(Emitter &e, Value vector, VectorType wide) {
  Value bits = e.bitcast(vector, wide), width = e.splat(wide, int64_t(wide.getElementTypeBitWidth() / 2));
  return {arith::ShRSIOp::create(e, arith::ShLIOp::create(e, bits, width), width),
          arith::ShRSIOp::create(e, bits, width)};
}

Value ByteDot::genericPairs(Value weights, Value activations) {
  auto [weightEven, weightOdd] = evenAndOdd(e, weights, e.shorts());
  auto [activationEven, activationOdd] = evenAndOdd(e, activations, e.shorts());
  return arith::AddIOp::create(e, arith::MulIOp::create(e, weightEven, activationEven),
                               arith::MulIOp::create(e, weightOdd, activationOdd));
}

/// Sums of neighbours of 16 bits in 32.
Value ByteDot::widen(Value pairs) {
  if (kind() == DotKind::Generic) {
    auto [even, odd] = evenAndOdd(e, pairs, e.ints());
    return arith::AddIOp::create(e, even, odd);
  }
  return e.intrinsic(namesFor(e.target.vectorBits).multiplyShorts, e.ints(),
                     {pairs, e.splat(e.shorts(), int64_t(1))});
}
